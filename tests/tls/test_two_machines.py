"""Two machines with a network between them that nobody trusts, and somebody who listens on it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import zlib
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.agent.home import HomeTestCase
from tests.faults.project import PRODUCTS, SOURCES, built_here, write_project
from tests.live import Child, LiveServer, until
from twisted_distcc.cli.installed import installed_command

NETWORK = "10.77.0.0/24"
SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
LINK_LOCAL = "fe80::77"
# Words of the sources, and of what a client asks for.
SECRETS = (b"static int", b"modulus", b"common.h", b"x86_64-linux-gnu", b"unit07.c", b"cpp-output")


class TwoMachinesTests(HomeTestCase):
    """Each machine is a network namespace; what is started is started on the client's."""

    async def machine(self) -> int:
        """Make a machine without a network; give the process that holds it."""
        allowed = subprocess.run(["unshare", "--net", "true"], stderr=subprocess.PIPE, check=False)
        if allowed.returncode:
            raise SkipTest(f"namespaces need root: {os.fsdecode(allowed.stderr).strip()}")
        holder = super().start("unshare", "--net", "sh", "-c", "echo made; exec sleep 1000")
        await until(lambda: holder.stdout, "the machine is there")
        return holder.pid

    async def connect(self) -> None:
        """Make both machines, and the cable between them."""
        self.there, self.here = await self.machine(), await self.machine()
        ip = shutil.which("ip") or "ip"
        cable = f"link add name wire netns {self.there} type veth peer name wire netns {self.here}"
        await self.does(ip, *cable.split())
        for pid, address in ((self.there, SERVER), (self.here, CLIENT)):
            words = f"address add {address}/24 dev wire", "link set wire up", "link set lo up"
            for line in words:
                await self.does(*_on(pid), ip, *line.split())

    def start(
        self,
        *argv: str,
        environ: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        directory: Path | None = None,
        stdout: int | None = None,
    ) -> Child:
        """Start a program on the client's machine."""
        argv = (*_on(self.here), str(installed_command(argv[0])), *argv[1:])
        return super().start(*argv, environ=environ, stdin=stdin, directory=directory, stdout=stdout)

    async def certify(self, server: str, permit: str) -> None:
        """Make certificates for a server and for alice, and give alice hers."""
        self.authority = self.home / ".distcc" / "authority"
        for words in (("init", f"--permit={permit}"), ("server", server), ("user", "alice")):
            await self.succeeds("twisted-distcc", "certs", *words)
        shutil.copytree(self.authority / "users" / "alice", self.home / ".distcc" / "tls")

    async def serve(self, *options: str, environ: Mapping[str, str] | None = None) -> LiveServer:
        """Start a server on the other machine, with the bundle that was made for it."""
        folder = self.home / "server"
        [bundle] = (self.authority / "servers").iterdir()
        shutil.copytree(bundle, folder)
        folder.chmod(0o755)
        files = {"certificate": "certificate", "key": "key", "ca": "ca", "crl": "crl"}
        server = self.start_server(
            *_on(self.there), str(installed_command("twistd")), "--nodaemon", "--pidfile=", "distccd",
            *(f"--tls-{option}={folder}/{name}.pem" for option, name in files.items()),
            "--allow-user=alice", "--sandbox=require", "--log-file=log", *options,
        )  # fmt: skip
        await server.ready()
        return server

    async def listen(self) -> tuple[Child, Path]:
        """Have somebody write down all that goes over the cable."""
        capture = self.home / "capture"
        words = ("-i", "wire", "-U", "-w", str(capture), "--immediate-mode", "-Z", "root")
        listener = self.start("tcpdump", *words)
        await until(lambda: "listening on" in listener.stderr, "somebody listens")
        return listener, capture

    async def test_a_build(self) -> None:
        """It is done over there; who listens learns nothing; who is revoked has no more jobs."""
        await self.connect()
        await self.certify(SERVER, NETWORK)
        write_project(self.work)
        server = await self.serve()
        listener, capture = await self.listen()
        self.environ |= {"DISTCC_HOSTS": f"{SERVER},tls", "DISTCC_FALLBACK": "0", "MAKEFLAGS": ""}
        await self.succeeds("make", "--jobs=4", "CC=tdistcc gcc")
        made = {name: (self.work / name).read_bytes() for name in PRODUCTS}
        self.assertEqual([name for name in made if made[name] != built_here()[name]], [])
        self.assertEqual(len(server.jobs), len(SOURCES) - 2)
        listener.signal(signal.SIGINT)
        await listener.ended()
        heard = capture.read_bytes()
        self.assertGreater(len(heard), sum(len(zlib.compress(content)) for content in made.values()) / 2)
        self.assertEqual([secret for secret in SECRETS if secret in heard], [])
        await self.revokes_alice(server)

    async def test_link_local_addresses(self) -> None:
        """An address of the cable's own reaches a server, bare and under TLS, by its interface."""
        await self.connect()
        for pid, address in ((self.there, LINK_LOCAL), (self.here, "fe80::78")):
            words = f"address add {address}/64 dev wire nodad".split()
            await self.does(*_on(pid), shutil.which("ip") or "ip", *words)
        shown = await self.succeeds("ip", "-oneline", "link", "show", "wire")
        number = shown.stdout.decode().partition(":")[0]
        await self.certify(LINK_LOCAL, "fe80::/10")
        server = await self.serve(f"--listen={LINK_LOCAL}%wire", "--allow=fe80::/10")
        await server.logged(rf"listening on {LINK_LOCAL}%wire port 3632$")
        await server.logged(rf"listening on {LINK_LOCAL}%wire port 3634 for TLS$")
        for host in ("[{}%wire]", "[{}%wire],tls", f"[{{}}%{number}]:3632"):
            await self.compiles(DISTCC_HOSTS=host.format(LINK_LOCAL), DISTCC_FALLBACK="0")
        self.assertEqual(len(server.jobs), 3)

    async def revokes_alice(self, server: LiveServer) -> None:
        await self.succeeds("twisted-distcc", "certs", "revoke", "alice")
        shutil.copy(self.authority / "crl.pem", self.home / "server")
        await server.logged("certificates were read again")
        child = self.tdistcc("gcc", "-c", "hello.c")
        self.assertNotEqual(await child.ended(), 0)
        self.assertIn("our certificate was revoked", child.stderr)
        await server.logged(
            rf"{re.escape(CLIENT)}:\d+ is not trusted: the certificate of alice was revoked"
        )


def _on(pid: int) -> tuple[str, ...]:
    """Begin a command line that is run on a machine."""
    return (shutil.which("nsenter") or "nsenter", f"--target={pid}", "--net", "--")
