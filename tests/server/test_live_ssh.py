"""twistd-stdio under a real sshd, by a key whose forced command lets it do nothing but compile."""

from __future__ import annotations

import getpass
import shutil
import socket
from pathlib import Path

from tests.agent.home import HomeTestCase
from tests.live import Child
from tests.sshd import MISSING, start_sshd
from twisted_distcc.cli.installed import installed_command

DISTCC = shutil.which("distcc", path="/usr/bin:/usr/local/bin")
FORCED = 'restrict,command="{server} --identity alice --log-file {log}"'


class ForcedCommandTests(HomeTestCase):
    skip = MISSING

    async def sshd(self) -> Path:
        """Start an sshd; give the ssh that leads to it."""
        self.log = self.home / "log"
        forced = FORCED.format(server=installed_command("twistd-stdio"), log=self.log)
        return await start_sshd(self, self.runtime / "ssh", forced)

    async def ssh(self, *words: str) -> Child:
        """Run ssh with these words, to its end."""
        child = self.run_in_home(str(await self.sshd()), *words)
        await child.ended()
        return child

    def assert_compiled(self, count: int) -> None:
        """So many jobs are in the log, and each is alice's."""
        jobs = [line for line in self.log.read_text().splitlines() if " job " in line]
        self.assertEqual(len(jobs), count)
        for job in jobs:
            self.assertIn("job peer=ssh:alice verdict=done", job)

    async def test_tdistcc(self) -> None:
        """tdistcc asks for whatever server it likes, and gets this one, compressed or by a login."""
        ssh = str(await self.sshd())
        login = f"{getpass.getuser()}@127.0.0.1:/usr/bin/id"
        for host in ("@127.0.0.1", "@127.0.0.1,lzo", login):
            await self.compiles(DISTCC_HOSTS=host, DISTCC_SSH=ssh, DISTCC_FALLBACK="0")
        self.assert_compiled(3)

    async def test_c_distcc(self) -> None:
        """So does C distcc."""
        if DISTCC is None:
            self.skipTest("C distcc is not installed; tools/debian-packages distcc")
        settings = {"DISTCC_SSH": str(await self.sshd()), "DISTCC_FALLBACK": "0"}
        for host in ("@127.0.0.1", "@127.0.0.1,lzo"):
            command = (DISTCC, "gcc", "-c", "hello.c", "-o", "hello.o")
            child = await self.succeeds(*command, DISTCC_HOSTS=host, **settings)
            self.assertEqual(child.stderr, "")
            self.is_right()
            (self.work / "hello.o").unlink()
        self.assert_compiled(2)

    async def test_a_command(self) -> None:
        """Whoever asks for a command gets the server, to which no request is a reason to go."""
        child = await self.ssh("127.0.0.1", "id; echo pwned")
        self.assertEqual((child.stdout, child.stderr), (b"", ""))

    async def test_a_tunnel(self) -> None:
        """Nothing behind the server can be reached through it."""
        with socket.create_server(("127.0.0.1", 0)) as inner:
            inner.setblocking(False)
            child = await self.ssh("-W", f"127.0.0.1:{inner.getsockname()[1]}", "127.0.0.1")
            self.assertIn("forwarding failed", child.stderr)
            self.assertRaises(BlockingIOError, inner.accept)

    async def test_a_terminal(self) -> None:
        """There is no terminal to be had."""
        child = await self.ssh("-tt", "-o", "LogLevel=INFO", "127.0.0.1")
        self.assertIn("PTY allocation request failed", child.stderr)

    async def test_errors_before_it_serves(self) -> None:
        """What keeps the server from serving is read by whoever runs ssh."""
        ssh = await start_sshd(self, self.runtime / "ssh")
        server = f"{installed_command('twistd-stdio')} --log-file /no/such/log"
        child = self.run_in_home(str(ssh), "127.0.0.1", server)
        self.assertNotEqual(await child.ended(), 0)
        self.assertIn("twistd-stdio: ", child.stderr)
        self.assertIn("/no/such/log", child.stderr)
