"""How a server starts, what it refuses to start with, where it listens, and what it becomes."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from signal import SIGKILL, SIGQUIT, SIGTERM

from tests.live import Child, LiveTestCase, is_running, until
from tests.server.talk import ask, has_ipv6
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, EXIT_BIND_FAILED
from twisted_distcc.launcher.signals import STRAY

TWISTD = ("twistd", "--nodaemon", "--pidfile=", "distccd")
ALLOW = "--allow=127.0.0.1"


class RefusalTests(LiveTestCase):
    """A server that cannot be meant does not start, and its last line says why."""

    def assert_refused(self, child: Child, *parts: str) -> None:
        said = (child.stdout.decode() + child.stderr).strip().splitlines()
        self.assertNotIn("Traceback (most recent call last):", said)
        for part in parts:
            self.assertIn(part, said[-1])

    async def assert_all_refused(self, *cases: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
        """Start all that the cases say at once; each fails, and says what stands beside it."""
        for child, parts in [(self.start(*command), parts) for command, parts in cases]:
            self.assertEqual(await child.ended(), EXIT_BAD_ARGUMENTS)
            self.assert_refused(child, *parts)

    async def test_options(self) -> None:
        """Without somebody to serve, or with a word that is none, the sentence names the option."""
        await self.assert_all_refused(
            (TWISTD, ("nobody may connect", "--allow ADDRESS", "--allow-private")),
            ((*TWISTD, "--allow=localhost"), ("--allow localhost", "192.0.2.0/24")),
            ((*TWISTD, ALLOW, "--log-level=loud"), ("--log-level", "notice")),
            ((*TWISTD, ALLOW, "--port=http"), ("'http' is not a whole number from 0 to 65535",)),
        )

    async def test_command_lists(self) -> None:
        """A command list that cannot be read, or says nothing, is no list that allows everything."""
        empty = self.place("list")
        empty.parent.mkdir()
        empty.write_text("# nothing yet\n")
        children = [
            (self.start(*TWISTD, ALLOW, environ=environ), part)
            for environ, part in (
                ({"DISTCC_CMDLIST": "/no/such/list"}, "/no/such/list"),
                ({"DISTCC_CMDLIST": str(empty)}, "without commands"),
                ({"DISTCC_CMDLIST": str(empty), "DISTCC_CMDLIST_NUMWORDS": "two"}, "'two'"),
            )
        ]
        for child, part in children:
            self.assertEqual(await child.ended(), EXIT_BAD_ARGUMENTS)
            self.assert_refused(child, part)

    async def test_a_port_in_use(self) -> None:
        """In the foreground and detached, whoever starts it reads it, and the status is distcc's."""
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = f"--port={other.getsockname()[1]}"
            children = [
                self.start(*TWISTD, ALLOW, "--listen=127.0.0.1", port),
                self.start("tdistccd", "--daemon", ALLOW, "--listen=127.0.0.1", port, "--log-file=log"),
            ]
            for child in children:
                self.assertEqual(await child.ended(), EXIT_BIND_FAILED)
                self.assert_refused(child, "cannot listen on 127.0.0.1", "in use")

    async def test_what_cannot_be_opened(self) -> None:
        """So is a log file that cannot be, and an address that is none."""
        for child, part in (
            (self.start(*TWISTD, ALLOW, "--listen=lo"), "cannot listen on lo"),
            (self.start(*TWISTD, ALLOW, "--log-file=/no/such/log"), "/no/such/log"),
        ):
            self.assertNotEqual(await child.ended(), 0)
            self.assert_refused(child, part)


class ListeningTests(LiveTestCase):
    async def test_several_addresses(self) -> None:
        """--listen is repeated, and all addresses get one port; an IPv6 client is served as well."""
        if not has_ipv6():
            self.skipTest("this machine has no ::1")
        server = await self.serve(
            "--listen=127.0.0.1", "--listen=127.0.0.2", "--listen=::1", "--allow=::1"
        )
        self.assertEqual([host for host, _ in server.addresses], ["127.0.0.1", "127.0.0.2", "::1"])
        self.assertEqual(len({port for _, port in server.addresses}), 1)
        for host in ("127.0.0.1", "127.0.0.2", "::1"):
            self.assertEqual((await ask(server.port, host=host)).exit_code, 0)
        await server.logged(r"peer=tcp:\[::1\]:")

    async def test_all_addresses(self) -> None:
        """Without --listen all are listened to; IPv4 clients are held to the rules for IPv4."""
        if not has_ipv6():
            self.skipTest("this machine has no ::1")
        server = self.start_server(*TWISTD, ALLOW, "--port=0", "--log-file=log")
        await server.ready()
        self.assertEqual((await ask(server.port)).exit_code, 0)
        await server.logged("peer=tcp:127.0.0.1:")
        answer = await ask(server.port, host="::1")
        self.assertIn("does not serve ::1", answer.stderr)
        await server.logged(r"tcp:\[::1\]:\d+ may not connect")

    async def test_private_networks(self) -> None:
        """--allow-private lets loopback in."""
        server = self.start_server(
            *TWISTD, "--allow-private", "--listen=127.0.0.1", "--port=0", "--log-file=log"
        )
        await server.ready()
        self.assertEqual((await ask(server.port)).exit_code, 0)


class SignalTests(LiveTestCase):
    async def test_what_means_nothing(self) -> None:
        """A signal that somebody sends to a server of another kind is logged, and ends nothing."""
        server = await self.serve()
        for number in STRAY:
            server.signal(number)
            await server.logged(f"{number.name} means nothing here")
        self.assertEqual((await ask(server.port)).exit_code, 0)
        self.assertEqual(await server.stop(), -SIGTERM)

    async def test_an_orderly_end(self) -> None:
        """SIGQUIT ends a server as SIGTERM does: no core, and nothing is left."""
        server = await self.serve("--pid-file=pid")
        server.signal(SIGQUIT)
        self.assertEqual(await server.ended(), 0)
        self.assertEqual([*server.temporary.iterdir(), *server.folder.glob("pid")], [])


class StandingTests(LiveTestCase):
    async def test_niceness_and_standing_with_the_kernel(self) -> None:
        """What the options say of the process is so, for it and for what it starts."""
        before = os.getpriority(os.PRIO_PROCESS, 0)
        server = await self.serve("--nice=3", "--oom-score-adj=321", "--pid-file=pid")
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, server.pid), before + 3)
        self.assertEqual(Path(f"/proc/{server.pid}/oom_score_adj").read_text(), "321\n")
        self.assertEqual((server.folder / "pid").read_text(), f"{server.pid}\n")
        self.assertEqual(await server.stop(), -SIGTERM)
        self.assertFalse((server.folder / "pid").exists())

    async def test_five_nicer_by_default(self) -> None:
        """Like C distccd it makes itself five nicer."""
        server = await self.serve()
        before = os.getpriority(os.PRIO_PROCESS, 0)
        self.assertEqual(os.getpriority(os.PRIO_PROCESS, server.pid), min(19, before + 5))

    async def test_lifetime(self) -> None:
        """A server with a lifetime ends by itself, in order."""
        server = await self.serve("--lifetime=1")
        self.assertEqual(await server.ended(), 0)
        self.assertEqual(list(server.temporary.iterdir()), [])


class DaemonTests(LiveTestCase):
    async def test_the_command_line_of_distccd(self) -> None:
        """`tdistccd --daemon` as an init script starts it detaches, serves, and ends by its pid."""
        server = self.start_server(
            "tdistccd", "--daemon", "--allow", "127.0.0.1", "--listen", "127.0.0.1", "-p", "0",
            "-j", "2", "-N", "0", "--log-file=log", "-P", "pid", "--log-level", "info",
        )  # fmt: skip
        self.assertEqual(await server.ended(), 0)
        await server.logged("looking for compilers")
        pid = int((server.folder / "pid").read_text())
        self.addCleanup(_kill_if_alive, pid)
        self.assertNotEqual(os.getsid(pid), os.getsid(0))
        self.assertEqual(os.readlink(f"/proc/{pid}/fd/0"), os.devnull)
        self.assertEqual((await ask(server.port)).exit_code, 0)
        os.kill(pid, SIGTERM)
        await until(lambda: not (server.folder / "pid").exists(), "the daemon removes its pid file")
        await until(lambda: not is_running(pid), "the daemon is gone")
        self.assertEqual(list(server.temporary.iterdir()), [])

    async def test_in_the_foreground(self) -> None:
        """`tdistccd --no-detach` and `--wizard` stay, and `--wizard` logs all to standard error."""
        server = self.start_server(
            "tdistccd", "--wizard", "--allow", "127.0.0.1", "--listen", "127.0.0.1", "--port", "0"
        )
        await until(lambda: "looking for compilers" in server.stderr, "the server listens")
        self.assertFalse(server.has_ended())
        self.assertEqual(await server.stop(), -SIGTERM)

    async def test_why_it_cannot_start(self) -> None:
        """Whoever starts it reads the sentence, and gets the status, that a foreground server gives."""
        children = [
            (self.start("tdistccd", *mode, ALLOW, "--listen=127.0.0.1", "-p0", *words), status, part)
            for mode in (("--daemon",), ("--daemon", "--no-detach"))
            for words, status, part in (
                (("--log-file=log", "-P/no/such/pid"), 107, "cannot open /no/such/pid: No such file"),
                (("--log-file=log", "--sandbox-open-files=1"), 101, "no compiler can run within"),
                (("--log-file=/no/such/log",), 107, "cannot open /no/such/log: No such file"),
            )
        ]
        for child, status, part in children:
            self.assertEqual(await child.ended(), status, child.stderr)
            (line,) = child.stderr.splitlines()
            self.assertIn(f"distccd: {part}", line)

    async def test_a_daemon_that_says_what_it_logs(self) -> None:
        """With `--log-stderr` a daemon keeps standard error; otherwise it has none of our streams."""
        server = self.start_server(
            "tdistccd", "--daemon", ALLOW, "--listen=127.0.0.1", "-p0", "-P", "pid", "--log-stderr"
        )
        self.assertEqual(await server.ended(), 0)
        pid = int((server.folder / "pid").read_text())
        self.addCleanup(_kill_if_alive, pid)
        self.assertIn("listening on 127.0.0.1", server.stderr)
        found = [os.readlink(f"/proc/{pid}/{name}") for name in ("fd/0", "fd/1", "fd/2", "cwd")]
        self.assertEqual(found, [os.devnull, os.devnull, str(server.folder / "stderr"), "/"])

    async def test_what_only_distccd_has(self) -> None:
        """An option that this server lacks is refused with distcc's exit code for bad arguments."""
        child = await self.run_to_end("tdistccd", "--daemon", "--auth")
        self.assertEqual(await child.ended(), 101)
        self.assertIn("--auth", child.stderr.splitlines()[-1])


def _kill_if_alive(pid: int) -> None:
    if is_running(pid):
        os.kill(pid, SIGKILL)
