"""Sockets that a service manager opened, and what it is told; systemd's own program hands them down."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.live import LiveServer, LiveTestCase, open_to_all, until
from tests.server.listening import free_port, listens
from tests.server.talk import ask
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.errors import EXIT_BIND_FAILED
from twisted_distcc.server.daemon.notify import notify
from twisted_distcc.server.daemon.ports import inherited_ports
from twisted_distcc.tap import Options

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "doc" / "systemd"
JAIL = ROOT / "twisted_distcc" / "execution" / "sandbox" / "jail.c"
DEFAULT = ROOT / "doc" / "default" / "twisted-distccd"
PLACE = "/opt/twisted-distcc/bin/twistd"
# Stands for gcc: tells what it got from the server.
SHOWS = "#!/bin/sh\nenv; ls -l /proc/$$/fd; exit 1\n"


def program(name: str) -> str:
    """Give the path of one of systemd's programs."""
    found = shutil.which(name)
    if found is None:
        raise SkipTest(f"there is no {name}: `make test` gets it, on Debian")
    return found


# twistd, in an installation where it has to import what it could run.
TAKES = "import twisted.internet.endpoints; from twisted.scripts.twistd import run; run()"


class ActivationTests(LiveTestCase):
    async def activated(self, *options: str, **variables: str) -> tuple[LiveServer, int]:
        """Have systemd's program listen, and start a server at the first connection."""
        port = free_port("127.0.0.1")
        server = self.start_server(
            program("systemd-socket-activate"), f"--listen=127.0.0.1:{port}",
            *(f"--setenv={name}={value}" for name, value in variables.items()), *options,
            str(installed_command("twistd")), "--nodaemon", "--pidfile=", "distccd",
            "--allow=127.0.0.1", "--port=1", "--log-file=log", "--sandbox=off",
        )  # fmt: skip
        await listens("127.0.0.1", port)
        return server, port

    async def test_a_socket(self) -> None:
        """It serves on the socket it is given, and on no other; the first client is served already."""
        folder = self.place("bin")
        folder.mkdir(parents=True)
        (open_to_all(folder) / "gcc").write_text(SHOWS)
        (folder / "gcc").chmod(0o755)
        server, port = await self.activated(DISTCCD_PATH=f"{folder}:/usr/bin:/bin")
        for _ in range(2):
            said = (await ask(port)).stdout.decode()
            self.assertIn("PATH=", said)
            for theirs in ("LISTEN_", "socket:"):
                self.assertNotIn(theirs, said)
        self.assertEqual(server.addresses, [("127.0.0.1", port)])
        self.assertEqual(Path(f"/proc/{server.pid}/comm").read_text(), "twistd\n")

    async def test_where_plugins_are_not_cached(self) -> None:
        """It serves on its socket also where Twisted has taken that, as twistd does without a cache."""
        port = free_port("127.0.0.1")
        server = self.start_server(
            program("systemd-socket-activate"), f"--listen=127.0.0.1:{port}", "--fdname=plain",
            sys.executable, "-c", TAKES, "--nodaemon", "--pidfile=", "distccd", "--allow=127.0.0.1",
            f"--port={port}", "--log-file=log", "--sandbox=off",
        )  # fmt: skip
        await listens("127.0.0.1", port)
        await ask(port)
        self.assertEqual(server.addresses, [("127.0.0.1", port)])

    async def test_a_socket_for_tls(self) -> None:
        """A socket whose name says TLS is never served in the clear."""
        server, port = await self.activated("--fdname=tls")
        with socket.create_connection(("127.0.0.1", port)):
            self.assertEqual(await server.ended(), EXIT_BIND_FAILED)
        self.assertIn("socket for TLS: it needs", server.stderr)

    async def test_nothing_there(self) -> None:
        """A descriptor that nobody left is refused in a sentence."""
        code = (
            "from twisted_distcc.server.daemon.ports import inherited_ports\n"
            "inherited_ports({'LISTEN_PID': '2', 'LISTEN_FDS': '1'}, 2)"
        )
        child = await self.run_to_end(sys.executable, "-c", code)
        self.assertRegex(child.stderr, "CannotListenError: systemd left no socket at descriptor 3: ")

    async def test_what_is_no_listening_socket(self) -> None:
        """A connection in place of a port, as Accept=yes gives it, is refused in a sentence."""
        server, port = await self.activated("--accept")
        with socket.create_connection(("127.0.0.1", port)):
            await until(lambda: "distccd:" in server.stderr, "the server says why it ends")
        self.assertIn("descriptor 3 is not a listening TCP socket", server.stderr)
        self.assertIn("Accept=no", server.stderr)


class InheritingTests(SynchronousTestCase):
    def test_sockets_of_another_process(self) -> None:
        """What was meant for another process is not ours; nobody after us hears of it."""
        environ = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "HOME": "/"}
        self.assertEqual(inherited_ports(environ, 2), [])
        self.assertEqual(environ, {"HOME": "/"})


class NotifyingTests(LiveTestCase):
    """Whoever waits to be told, on a socket of either kind."""

    def waiting(self, name: str) -> socket.socket:
        """Wait for what is told on a socket of this name."""
        waiting = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(waiting.close)
        waiting.bind(name)
        waiting.setblocking(False)
        return waiting

    async def test_a_server(self) -> None:
        """It tells that it serves, and that it stops; by then it is another user."""
        folder = tempfile.mkdtemp()  # the name of a socket has 107 bytes at most, wherever the tests run
        self.addCleanup(shutil.rmtree, folder)
        path = open_to_all(Path(folder)) / "notify"
        waiting = self.waiting(str(path))
        path.chmod(0o777)
        server = await self.serve(environ={"NOTIFY_SOCKET": str(path)})
        await until(lambda: _told(waiting) == b"READY=1", "it is told that the server serves")
        await server.stop()
        self.assertEqual(waiting.recv(100), b"STOPPING=1")

    async def test_nobody_who_listens(self) -> None:
        """A service manager that cannot be told is complained of, and no more."""
        server = await self.serve(environ={"NOTIFY_SOCKET": "/no/such/socket"})
        await server.logged(r"\[warn\] the service manager was not told READY=1")
        self.assertEqual((await ask(server.port)).exit_code, 0)

    def test_an_abstract_name(self) -> None:
        """A name that begins with @ is no file."""
        name = f"twisted-distcc-test-{os.getpid()}"
        waiting = self.waiting(f"\0{name}")
        notify("READY=1", {"NOTIFY_SOCKET": f"@{name}"})
        self.assertEqual(waiting.recv(100), b"READY=1")

    def test_nobody(self) -> None:
        """Without a service manager nothing is told."""
        notify("READY=1", {})


def _told(waiting: socket.socket) -> bytes:
    """Give what was told, if anything was yet."""
    try:
        return waiting.recv(100)
    except BlockingIOError:
        return b""


def _sets(said: str) -> dict[str, list[str]]:
    """Parse what systemd says of its sets of system calls."""
    sets: dict[str, list[str]] = {}
    for line in said.splitlines():
        if line.startswith("@"):
            members = sets[line] = []
        elif line.startswith("    ") and line.lstrip()[0] != "#":
            members.append(line.strip())
    return sets


def _members(word: str, sets: dict[str, list[str]]) -> set[str]:
    """Return the system calls of a set, or the one of that name."""
    if not word.startswith("@"):
        return {word}
    return {call for member in sets[word] for call in _members(member, sets)}


class UnitTests(LiveTestCase):
    async def test_the_units_of_the_documentation(self) -> None:
        """systemd finds no fault with them, once they name a server that is there.

        That holds where no manual pages are installed, too.
        """
        for units, manager in ((UNITS, "--system"), (UNITS / "user", "--user")):
            folder = self.place()
            folder.mkdir()
            for unit in filter(Path.is_file, units.iterdir()):
                text = unit.read_text().replace("%h/twisted-distcc/bin/", "/opt/twisted-distcc/bin/")
                (folder / unit.name).write_text(text.replace(PLACE, str(installed_command("twistd"))))
            self.assertIn("twistd --", (folder / "twisted-distccd.service").read_text())
            environ = {"MANPATH": "/nonexistent", "XDG_RUNTIME_DIR": str(folder)}
            child = await self.run_to_end(
                program("systemd-analyze"), manager, "verify", *map(str, sorted(folder.iterdir())),
                environ=environ,
            )  # fmt: skip
            self.assertEqual(await child.ended(), 0, child.stderr)
            # It reads the machine's own units, too.
            ours = [line for line in child.stderr.splitlines() if "twisted-distccd" in line]
            self.assertEqual(ours, [])

    async def test_what_the_jail_calls(self) -> None:
        """The unit's filter of system calls lets the compilers' jail be made."""
        unit = (UNITS / "twisted-distccd.service").read_text()
        child = await self.run_to_end(program("systemd-analyze"), "syscall-filter")
        sets = _sets(child.stdout.decode())
        (words,) = re.findall(r"(?m)^SystemCallFilter=(.*)$", unit)
        allowed = {call for word in words.split() for call in _members(word, sets)}
        source = JAIL.read_text()
        calls = set(re.findall(r"SYS_(\w+)", source)) | set(
            re.findall(r"\b(sethostname|prctl)\(", source)
        )
        self.assertIn("sethostname", calls)
        self.assertEqual(calls - allowed, set())
        self.assertNotIn("\nProtectHostname=yes", unit)

    def test_who_is_told_to_end(self) -> None:
        """A stop leaves compilers to the server, which finishes its jobs."""
        self.assertIn("\nKillMode=mixed\n", (UNITS / "twisted-distccd.service").read_text())

    def test_what_the_server_is_told(self) -> None:
        """The options of the units, and of the file for /etc/default, are ones that the server takes."""
        for unit in UNITS.rglob("*.service"):
            (command,) = re.findall(r"(?m)^ExecStart=(.*)$", unit.read_text())
            self.assertTrue(command.endswith(" distccd $OPTIONS"), command)
            (options,) = re.findall(r'(?m)^Environment="OPTIONS=(.*)"$', unit.read_text())
            Options().parseOptions(options.split())
        (words,) = re.findall(r"(?m)^CMD (.*)$", (ROOT / "doc/container/Containerfile").read_text())
        Options().parseOptions(json.loads(words))
        for options in re.findall(r'(?m)^#?OPTIONS="(.*)"$', DEFAULT.read_text()):
            Options().parseOptions(options.split())
