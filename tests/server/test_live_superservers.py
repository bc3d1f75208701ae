"""Real super-servers, which start one server for each connection, as root: it must not stay root.

systemd's way, a listening socket that is handed down, is in `test_live_systemd`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.live import Child, LiveTestCase, open_to_all, until
from tests.server.listening import free_port, listens
from tests.server.standing import (
    Standing,
    by_default,
    compiler_that_shows,
    given_away,
    require_root,
    standing_of,
    standings,
)
from tests.server.talk import answer_of, ask, connect, request_bytes
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_COMPILER_MISSING

ANOTHER = "games"
OURS = ("twistd-stdio", "--sandbox=off")
HOSTS = ("127.0.0.1", "::1")

XINETD_SERVICE = """
service distcc-{number}
{{
    type = UNLISTED
    id = distcc-{number}
    port = {port}
    bind = {host}
    socket_type = stream
    protocol = tcp
    wait = no
    user = root
    server = {program}
    server_args = {arguments}
    disable = no
}}
"""


class SuperServerTests(LiveTestCase):
    """What each super-server of Debian makes of us; the log's folder is open to who serves."""

    def setUp(self) -> None:
        require_root()
        folder = self.place()
        self.search = compiler_that_shows(folder / "bin")
        self.log = folder / "log"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        open_to_all(self.temporary)

    def command(self, *words: str) -> list[str]:
        """Give a command that serves one connection, with the surroundings that the tests want."""
        surroundings = (f"DISTCCD_PATH={self.search}", f"TMPDIR={self.temporary}")
        program = str(installed_command(words[0]))
        return [
            "/usr/bin/env", *surroundings, program, *words[1:], "--verbose", f"--log-file={self.log}"
        ]  # fmt: skip

    async def inetd(self, host: str, command: Sequence[str]) -> int:
        """Run openbsd-inetd with one service, which is root's; give its port."""
        port, address = free_port(host), f"[{host}]" if ":" in host else host
        protocol = "tcp6" if ":" in host else "tcp"
        line = f"{address}:{port} stream {protocol} nowait root {command[0]} {' '.join(command)}\n"
        config = self.place("inetd.conf")
        config.parent.mkdir()
        config.write_text(line)
        self.superserver = self.start(_program("inetd"), "-i", str(config))
        await listens(host, port)
        return port

    async def xinetd(self, host: str, command: Sequence[str]) -> int:
        """Run xinetd with one service, which is root's; give its port."""
        port = free_port(host)
        config = self.place("xinetd.conf")
        config.parent.mkdir()
        program, *arguments = command
        config.write_text(
            XINETD_SERVICE.format(
                number=port, port=port, host=host, program=program, arguments=" ".join(arguments)
            )
        )
        self.superserver = self.start(
            _program("xinetd"), "-dontfork", "-f", str(config), "-pidfile", str(config.parent / "pid"),
            "-filelog", str(config.parent / "messages"),
        )  # fmt: skip
        await listens(host, port)
        return port

    async def is_served_by(self, port: int, host: str, name: str) -> None:
        """Assert that whoever serves there is that user, and that nothing but the reply comes."""
        said = (await ask(port, host=host)).stderr
        self.assertEqual(standings(said), [given_away(name)] * 2)
        shown = f"[{host}]" if ":" in host else host
        await until(lambda: f"job peer=tcp:{shown}:" in self.log.read_text(), "the job is logged")

    async def becomes(self, port: int, name: str) -> None:
        """Assert that whoever serves there becomes that user before it is asked anything."""
        client = await connect(port)
        expected = given_away(name)
        await until(lambda: expected in _children(self.superserver), f"a server is {name}")
        client.send(request_bytes(("rm", "-c", "x.c")))
        self.assertEqual(answer_of(await client.closed).exit_code, EXIT_COMPILER_MISSING)

    async def test_inetd(self) -> None:
        """Under inetd, over IPv4 and IPv6, it is the user of --user."""
        for host in HOSTS:
            command = self.command(*OURS, f"--allow={host}", f"--user={ANOTHER}")
            await self.is_served_by(await self.inetd(host, command), host, ANOTHER)
        self.assertEqual(list(self.temporary.iterdir()), [])

    async def test_xinetd(self) -> None:
        """Under xinetd it is too; without --user it is distcc, or else nobody."""
        for host, user, name in (
            ("127.0.0.1", (), by_default()),
            ("::1", (f"--user={ANOTHER}",), ANOTHER),
        ):
            command = self.command(*OURS, f"--allow={host}", *user)
            await self.is_served_by(await self.xinetd(host, command), host, name)

    async def test_the_command_line_of_distccd(self) -> None:
        """So is `tdistccd --inetd`, before the client has said a word."""
        command = self.command("tdistccd", "--inetd", "--allow=127.0.0.1", f"--user={ANOTHER}")
        for start in (self.inetd, self.xinetd):
            await self.becomes(await start("127.0.0.1", command), ANOTHER)

    async def test_words_for_the_administrator(self) -> None:
        """What is wrong with the command line is not told to the client."""
        for words in (("twistd-stdio", "--no-such-option"), ("tdistccd", "--inetd", "--no-such-option")):
            port = await self.inetd("127.0.0.1", self.command(*words))
            self.assertEqual(await (await connect(port)).closed, b"")

    async def test_who_is_not_allowed(self) -> None:
        """Addresses count, of both kinds, and the refusal is all that comes."""
        command = self.command(*OURS, "--allow=192.0.2.1")
        for start in (self.inetd, self.xinetd):
            for host in HOSTS:
                answer = await ask(await start(host, command), host=host)
                self.assertEqual(answer.exit_code, EXIT_ACCESS_DENIED)

    async def test_who_would_stay_root(self) -> None:
        """A server that cannot give root away serves nobody: the reason is in the log alone."""
        for start, user in ((self.inetd, "root"), (self.xinetd, "no-such-user")):
            command = self.command(*OURS, "--allow-private", f"--user={user}")
            client = await connect(await start("127.0.0.1", command))
            self.assertEqual(await client.closed, b"")
            await until(lambda user=user: user in self.log.read_text(), "the log has the reason")


def _program(name: str) -> str:
    """Find a super-server: administrators' folders may not be on PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), *os.get_exec_path(), "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise SkipTest(f"there is no {name}: `make test` gets it, on Debian")
    return found


def _children(process: Child) -> list[Standing]:
    """Give the standing of each child of a process that is there."""
    numbers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    found = []
    for number in numbers:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            found.append(standing_of(int(number)))
    return found
