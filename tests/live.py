"""Real servers and clients as child processes on loopback, for tests whose claim is about processes.

In: a test, a command line, an environment.  Out: a `LiveServer` that listens, whatever other `Child` a
test starts, and `until`, the one way to wait for what only polling can tell.  It refuses to know what
is said on a connection: `tests.server.talk` does.

All that a child writes, and its folder for temporary files, lies in a folder of its own below the
test's; every child is gone when the test is over.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from twisted_distcc.cli.installed import installed_command

T = TypeVar("T")

PATIENCE: Final = 30.0
"""Seconds after which something that was waited for is taken to have failed; far above what is usual."""
_PERIOD: Final = 0.01
COMPUTES: Final = "import time; all(iter(lambda: time.process_time() < 0.3, False))"
"""A Python program that takes 0.3 seconds of a processor's time, however fast that is."""
_READY: Final = "looking for compilers in "  # the last line of a server's start
_LISTENING: Final = re.compile(r"listening on (\S+) port (\d+)$", re.MULTILINE)
_OURS: Final = re.compile("DISTCC|TMPDIR|UNCACHED")


async def until(happens: Callable[[], T], what: str) -> T:
    """Wait until `happens` gives something true, and give that; after `PATIENCE` the test fails."""
    deadline = reactor.seconds() + PATIENCE
    while not (result := happens()):
        if reactor.seconds() > deadline:
            raise AssertionError(f"in {PATIENCE:g} seconds it did not come about that {what}")
        await deferLater(reactor, _PERIOD)
    return result


def open_to_all(folder: Path) -> Path:
    """Let any user write to `folder`, and give it: a server that root starts becomes another."""
    folder.chmod(0o777)
    return folder


def is_running(pid: int) -> bool:
    """Say whether `pid` is a process that has not ended, reaped or not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def plain_environment(**changes: str) -> dict[str, str]:
    """Give our own environment without what distcc and its servers look at, and with `changes`."""
    kept = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
    return kept | changes


class Child:
    """A process that a test started, in a session of its own, and the folder of what it writes.

    Args:
        argv: what to start.
        folder: its folder, which is made; `output` and the folder for temporary files lie in it.
        environ: changes to the plain environment.
        stdin: its standard input; the null device by default.
        stdout: its standard output; a file by default.
        directory: its working directory; `folder` by default.
    """

    def __init__(
        self,
        argv: Sequence[str],
        folder: Path,
        environ: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        directory: Path | None = None,
        stdout: int | None = None,
    ) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        for one in (folder, self.temporary):
            open_to_all(one)
        with open(folder / "stdout", "wb") as words, open(folder / "stderr", "wb") as stderr:
            self._process = subprocess.Popen(
                argv,
                stdin=stdin,
                stdout=words if stdout is None else stdout,
                stderr=stderr,
                cwd=directory or folder,
                env=plain_environment(**{"TMPDIR": str(self.temporary), **(environ or {})}),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    @property
    def stdout(self) -> bytes:
        """What it has written to standard output so far."""
        return (self.folder / "stdout").read_bytes()

    @property
    def stderr(self) -> str:
        """What it has written to standard error so far."""
        return (self.folder / "stderr").read_text(errors="replace")

    def has_ended(self) -> bool:
        """Whether it is over."""
        return self._process.poll() is not None

    async def ended(self) -> int:
        """Wait for its end, and give its exit status; below zero is the signal that killed it."""
        await until(self.has_ended, f"{self._process.args!r} ends; it has said: {self.stderr}")
        return self._process.returncode

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    async def kill(self) -> None:
        """Kill it and all of its session's process group, if it lives, and wait until it is gone."""
        if not self.has_ended():
            os.killpg(self.pid, signal.SIGKILL)
            await self.ended()


class LiveServer(Child):
    """A server that runs as a child process, and keeps its log in its folder."""

    @property
    def log(self) -> str:
        """What it has logged so far."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    @property
    def jobs(self) -> list[str]:
        """What it has logged of each job that is over, from the word `job` on."""
        return re.findall(r"^\S+ \[\w+\] (job .*)$", self.log, re.MULTILINE)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, as address and port, in the order of its options."""
        return [(host, int(port)) for host, port in _LISTENING.findall(self.log)]

    @property
    def port(self) -> int:
        """The port of the address that it listens on first."""
        return self.addresses[0][1]

    async def ready(self) -> None:
        """Wait until it serves; the test fails if it ends instead."""
        await until(lambda: _READY in self.log or self.has_ended(), "the server listens")
        if self.has_ended():
            raise AssertionError(f"the server ended at once, and said: {self.stderr}")

    async def logged(self, pattern: str) -> re.Match[str]:
        """Wait for a part of the log that `pattern` matches."""
        what = f"the log has {pattern!r}"
        found = await until(lambda: re.search(pattern, self.log, re.MULTILINE), what)
        assert found is not None
        return found

    async def stop(self) -> int:
        """End it as an administrator does, if it lives; give its exit status, below zero a signal."""
        if not self.has_ended():
            self.signal(signal.SIGTERM)
        return await self.ended()


class LiveTestCase(TestCase):
    """Tests that start processes; what a test does not end itself is ended after it."""

    timeout = 2 * PATIENCE

    def place(self, name: str = "") -> Path:
        """Give a new path for a file or a folder of this test, in an existing folder."""
        path = Path(os.path.abspath(self.mktemp()))
        path.parent.chmod(0o755)  # others may look for what is in it: a server is not root for long
        return path / name if name else path

    def start(
        self,
        *argv: str,
        environ: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        directory: Path | None = None,
        stdout: int | None = None,
    ) -> Child:
        """Start a command; one of this installation's own may be given by its bare name."""
        child = Child(_complete(argv), self.place(), environ, stdin, directory, stdout)
        self.addCleanup(child.kill)
        return child

    async def run_to_end(self, *argv: str, environ: Mapping[str, str] | None = None) -> Child:
        """Start a command, and wait for its end."""
        child = self.start(*argv, environ=environ)
        await child.ended()
        return child

    async def does(self, *argv: str) -> None:
        """Run a command of the administrator's to a good end."""
        child = await self.run_to_end(*argv)
        self.assertEqual(await child.ended(), 0, child.stderr)

    async def serve(self, *options: str, environ: Mapping[str, str] | None = None) -> LiveServer:
        """Start `twistd distccd` on loopback, for loopback, and wait until it serves.

        An option that is given replaces the one that stands here, save `--allow` and `--listen`,
        which add up; giving any `--listen` replaces the one here.
        """
        listen = (
            [] if any(option.startswith("--listen") for option in options) else ["--listen=127.0.0.1"]
        )
        server = self.start_server(
            "twistd", "--nodaemon", "--pidfile=", "distccd", "--allow=127.0.0.1", *listen, "--port=0",
            "--sandbox=off", "--log-level=debug", "--log-file=log", *options, environ=environ,
        )  # fmt: skip
        await server.ready()
        return server

    def start_server(self, *argv: str, environ: Mapping[str, str] | None = None) -> LiveServer:
        """Start a server by a command line that makes it log to the file `log` where it starts."""
        server = LiveServer(_complete(argv), self.place(), environ)
        self.addCleanup(self._is_sound, server)
        self.addCleanup(server.kill)
        return server

    def _is_sound(self, server: LiveServer) -> None:
        """Fail if `server` has logged an error of its own, whatever the test was about."""
        self.assertNotIn("Traceback", server.log)


def _complete(argv: Sequence[str]) -> list[str]:
    program = argv[0] if os.path.isabs(argv[0]) else str(installed_command(argv[0]))
    return [program, *argv[1:]]
