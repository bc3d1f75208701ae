"""The demo's server: started, found, counted and stopped."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.demo.commands import install
from twisted_distcc.cli.demo.local_farm import FarmError, count_jobs, running_farm
from twisted_distcc.observe.job_records import JobRecord


def record(**changed: object) -> str:
    """A line of the job log."""
    values: dict[str, object] = {
        "peer": "127.0.0.1",
        "verdict": "done",
        "version": 1,
        "compiler": "/usr/bin/gcc",
        "status": 0,
        "received": 7,
    }
    return "2026-01-01T00:00:00+0000 [info] " + JobRecord(**(values | changed)).line()  # type: ignore[arg-type]


class CountTests(SynchronousTestCase):
    """Jobs in the server's log."""

    def test_jobs(self) -> None:
        """Each compile that succeeded counts once."""
        self.assertEqual(count_jobs("\n".join([record(), record(source="a b.c"), record(cpu=0.1)])), 3)

    def test_others(self) -> None:
        """Jobs that failed, were refused or cancelled do not count, nor do other lines."""
        lines = [
            record(status=1),
            record(status=10),
            record(verdict="refused", status=None, reason="verdict=done status=0"),
            record(verdict="cancelled", status=None),
            "2026-01-01T00:00:00+0000 [info] listening on 127.0.0.1 port 3632",
            "",
        ]
        self.assertEqual(count_jobs("\n".join(lines)), 0)


class FarmTests(SynchronousTestCase):
    """`running_farm`, with a stand-in for twistd that notes what it is told."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.patch(sys, "executable", install(self.root / "bin"))
        self.folder = self.root / "server"

    def arguments(self) -> list[str]:
        """How the stand-in was called."""
        return (self.folder / "arguments").read_text().splitlines()

    def test_serves_while_it_lasts(self) -> None:
        """Inside the block the server answers on its port, and after it nobody does."""
        with running_farm(self.folder, 3) as farm:
            socket.create_connection(("127.0.0.1", farm.port)).close()
        self.assertRaises(OSError, socket.create_connection, ("127.0.0.1", farm.port))

    def test_command_line(self) -> None:
        """Only this machine may connect; twistd's own options come first."""
        with running_farm(self.folder, 3) as farm:
            pass
        self.assertEqual(
            self.arguments(),
            [
                "--nodaemon", "--pidfile=", "distccd", "--listen", "127.0.0.1", "--port", str(farm.port),
                "--allow", "127.0.0.1", "--jobs", "3", "--log-file", str(farm.log),
            ],
        )  # fmt: skip

    def test_environment(self) -> None:
        """The client finds this server alone; the caller's farm, cache and make have no say."""
        foreign = {"DISTCC_HOSTS": "far", "DISTCC_LOG": "x", "CCACHE_PREFIX": "y", "MAKEFLAGS": "-j9"}
        self.patch(os, "environ", os.environ | foreign | {"KEPT": "1"})
        with running_farm(self.folder, 3) as farm:
            self.assertEqual(farm.environment["DISTCC_HOSTS"], f"127.0.0.1:{farm.port}/3")
            self.assertTrue(Path(farm.environment["DISTCC_DIR"]).is_dir())
        self.assertEqual(farm.environment["KEPT"], "1")
        self.assertEqual(farm.environment["CCACHE_DISABLE"], "1")
        self.assertEqual({"DISTCC_LOG", "CCACHE_PREFIX", "MAKEFLAGS"} & set(farm.environment), set())

    def test_stops_after_an_error(self) -> None:
        """An error, or Ctrl-C, inside the block stops the server too."""
        with self.assertRaises(KeyboardInterrupt), running_farm(self.folder, 3) as farm:
            raise KeyboardInterrupt
        self.assertRaises(OSError, socket.create_connection, ("127.0.0.1", farm.port))

    def test_no_start(self) -> None:
        """A server that ends at once is an error that holds what it said."""
        twistd = self.root / "bin" / "twistd"
        twistd.write_text("#!/bin/sh\necho nobody may connect yet >&2\nexit 1\n")
        with self.assertRaises(FarmError) as caught, running_farm(self.folder, 3):
            self.fail("the block was entered")
        self.assertIn("nobody may connect yet", str(caught.exception))

    def test_own_session(self) -> None:
        """Ctrl-C of the terminal does not reach the server: it stops when the build has stopped."""
        with running_farm(self.folder, 3):
            pid = int((self.folder / "pid").read_text())
            self.assertEqual(os.getsid(pid), pid)
            self.assertNotEqual(os.getsid(pid), os.getsid(0))
        self.assertRaises(ProcessLookupError, os.kill, pid, signal.SIGTERM)

    def test_agent(self) -> None:
        """What a build left running, as the client's agent is, ends with the farm."""
        with running_farm(self.folder, 3) as farm:
            left = subprocess.Popen(
                ["sh", "-c", "echo running; read line"],
                env=farm.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            assert left.stdout is not None
            self.assertEqual(left.stdout.readline(), b"running\n")
        left.communicate(timeout=10)
        self.assertEqual(left.returncode, -signal.SIGTERM)

    def test_no_jobs_yet(self) -> None:
        """Before the server has written its log, no job is done."""
        with running_farm(self.folder, 3) as farm:
            self.assertEqual(farm.jobs_done(), 0)
            farm.log.write_text(record() + "\n")
            self.assertEqual(farm.jobs_done(), 1)
