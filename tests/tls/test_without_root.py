"""doc/certs.md, "Without root": its commands, typed by a user who is nobody in particular."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.agent.home import HomeTestCase
from tests.live import LiveServer
from twisted_distcc.cli.installed import installed_command

PAGE = Path(__file__).parents[2] / "doc" / "certs.md"
USER = "nobody"
# As root, be somebody else; HOME stays.
_AS_USER = ("setpriv", f"--reuid={USER}", "--regid=nogroup", "--clear-groups", "--no-new-privs")
# The other machine is another home: `ssh HOST WORD...`, and `scp -p FILE... HOST:FOLDER`.
_SSH = 'shift; cd "$THERE" && exec sh -c "$*"'
_SCP = """
shift; for to in "$@"; do :; done
cd / && cp -p $(printf "%s\\n" "$@" | grep -v :) "$THERE/${to#*:}"
"""


class WithoutRootTests(HomeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.there = self.home / "there"
        self.there.mkdir()
        self.environ["THERE"] = str(self.there)
        self.program("ssh", _SSH)
        self.program("scp", _SCP)
        for path in (self.home, *self.home.rglob("*"), self.runtime):
            if not os.geteuid():
                shutil.chown(path, USER)

    def commands(self) -> list[str]:
        """Return the section's commands, on a farm that consists of localhost."""
        section = PAGE.read_text().partition("## Without root\n")[2].partition("\n## ")[0]
        lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
        local = [line.replace("build1.example.org", "localhost") for line in lines]
        return [line.replace(".example.org", "localhost") for line in local]

    def argv(self, command: str) -> tuple[str, ...]:
        words = ("sh", "-ec", command)
        return words if os.geteuid() else (*_AS_USER, *words)

    async def served(self, command: str) -> LiveServer:
        """Start the server, on another port, and in the foreground."""
        start = f"exec {installed_command('twistd')} --nodaemon --pidfile= distccd"
        command = command.replace("twistd distccd", start).replace("~", str(self.there))
        words = f"{command} --tls-port=0 --listen=127.0.0.1 --listen=::1 --log-file=log"
        server = self.start_server(*self.argv(words), environ={"HOME": str(self.there)})
        await server.ready()
        return server

    async def test_as_it_is_written(self) -> None:
        """They make certificates, a server that stays that user's, and compiles under TLS."""
        *steps, start = self.commands()
        self.assertEqual(len(steps), 5)
        for step in steps:
            await self.succeeds(*self.argv(step))
        server = await self.served(start)
        found = await server.logged(r"listening on 127\.0\.0\.1 port (\d+) for TLS")
        command = "tdistcc gcc -c hello.c -o hello.o"
        host = {"DISTCC_HOSTS": f"localhost:{found[1]},tls", "DISTCC_FALLBACK": "0"}
        await self.succeeds(*self.argv(command), **host)
        self.is_right()
        await server.logged("job peer=tls:alice@.* verdict=done")
        self.assertEqual(Path(f"/proc/{server.pid}").stat().st_uid, self.home.stat().st_uid)
