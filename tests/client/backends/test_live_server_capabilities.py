"""Real servers are asked what they can: ours of every kind, and C distccd."""

from __future__ import annotations

import os
from collections.abc import Mapping

from twisted.internet import reactor

from tests.distccd import NO_DISTCCD, start_distccd
from tests.live import LiveTestCase, until
from tests.sshd import MISSING, free_port, start_sshd
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.client.backends.client_protocol import DistccClient
from twisted_distcc.client.backends.host_faults import CannotConnectError, RefusedByHostError, Scope
from twisted_distcc.client.backends.likeness import Likeness
from twisted_distcc.client.backends.server_capabilities import ANSWER_LIMITS, ServerCapabilities
from twisted_distcc.client.backends.transports import SecureWay, endpoint_to
from twisted_distcc.client.hosts import RemoteHost, SshHost, TcpHost
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler, LocalToolchains, finder
from twisted_distcc.client.settings import Settings
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.processes import Command, ReactorSpawner, RunningProcess

PATH = "/usr/bin:/bin"
GCC = LocalCompiler.of("/usr/bin/gcc", "gcc", {"PATH": PATH})


class AskingTestCase(LiveTestCase):
    def setUp(self) -> None:
        self.processes: list[RunningProcess] = []
        self.addCleanup(self.processes_end)
        self.capabilities = ServerCapabilities(reactor, LocalToolchains(reactor, finder(reactor)))

    async def processes_end(self) -> None:
        """Wait for what was started on the way to a host: its connection's end ends it."""
        for process in self.processes:
            await process.end()

    def spawn(self, command: Command) -> RunningProcess:
        self.processes.append(ReactorSpawner(reactor)(command))
        return self.processes[-1]

    async def likeness(
        self, host: RemoteHost, compiler: LocalCompiler = GCC, environ: Mapping[str, str] | None = None
    ) -> Likeness:
        """Ask over a real connection, as the client would."""
        environ = {"HOME": self.mktemp(), "PATH": os.environ["PATH"], **(environ or {})}
        settings = Settings.from_environ(environ)
        endpoint = endpoint_to(host, settings, environ, reactor, self.spawn, SecureWay())
        client = DistccClient(endpoint, reactor, Bulk.on(reactor), limits=ANSWER_LIMITS)
        return await self.capabilities.likeness(host, client.compile, compiler)


class OurServerTests(AskingTestCase):
    async def test_in_a_sandbox(self) -> None:
        """The same compiler, and sandboxes: exact, and so for C++; over one connection each."""
        server = await self.serve("--sandbox=require")
        host = TcpHost("127.0.0.1", server.port)
        for name in ("gcc", "g++"):
            for _ in range(2):
                compiler = LocalCompiler.of(f"/usr/bin/{name}", name, {"PATH": PATH})
                self.assertIs(await self.likeness(host, compiler), Likeness.COMPLETE)
        self.assertEqual(server.jobs, [])

    async def test_another_compiler(self) -> None:
        """What the server calls gcc is not our gcc."""
        folder = self.place("bin")
        folder.mkdir(parents=True)
        os.symlink("/usr/bin/g++", folder / "gcc")
        environ = {"DISTCCD_PATH": f"{folder}:{PATH}"}
        server = await self.serve("--sandbox=require", environ=environ)
        self.assertIs(await self.likeness(TcpHost("127.0.0.1", server.port)), Likeness.OTHER)

    async def test_a_script(self) -> None:
        """What the server calls gcc is a script, which may do anything."""
        folder = self.place("bin")
        folder.mkdir(parents=True)
        (folder / "gcc").write_text('#!/bin/sh\nexec /usr/bin/gcc -funsigned-char "$@"\n')
        (folder / "gcc").chmod(0o755)
        environ = {"DISTCCD_PATH": f"{folder}:{PATH}"}
        for sandbox in ("require", "off"):
            server = await self.serve(f"--sandbox={sandbox}", environ=environ)
            likeness = await self.likeness(TcpHost("127.0.0.1", server.port))
            self.assertIs(likeness, Likeness.UNKNOWN)

    async def test_without_a_sandbox(self) -> None:
        """Without sandboxes our files lie elsewhere there: the same compiler, for text."""
        server = await self.serve("--sandbox=off")
        self.assertIs(await self.likeness(TcpHost("127.0.0.1", server.port)), Likeness.SAME)

    async def test_a_compiler_that_it_lacks(self) -> None:
        """A server that has no such compiler refuses all jobs of it, and says so."""
        server = await self.serve("--sandbox=off", environ={"DISTCCD_PATH": "/nonexistent"})
        with self.assertRaisesRegex(RefusedByHostError, "this server has no gcc") as raised:
            await self.likeness(TcpHost("127.0.0.1", server.port))
        self.assertIs(raised.exception.scope, Scope.COMPILER)

    async def test_nobody(self) -> None:
        """A port where nobody listens gives no answer."""
        with self.assertRaises(CannotConnectError):
            await self.likeness(TcpHost("127.0.0.1", free_port()))


class OtherServerTests(AskingTestCase):
    skip = NO_DISTCCD

    async def test_distccd(self) -> None:
        """C distccd does not know the question, and hangs up."""
        server, port = await start_distccd(self, "--jobs", "2")
        self.assertIs(await self.likeness(TcpHost("127.0.0.1", port)), Likeness.UNTOLD)
        await until(lambda: "ret:100" in server.stderr, "distccd tells that it was asked, and refused")


class SshTests(AskingTestCase):
    skip = MISSING

    async def test_over_ssh(self) -> None:
        """Our server on standard streams is asked over ssh, and is exact."""
        folder = self.place("ssh")
        folder.parent.mkdir(parents=True)
        environ = {"DISTCC_SSH": str(await start_sshd(self, folder))}
        host = SshHost(None, "127.0.0.1", command=str(installed_command("twistd-stdio")))
        self.assertIs(await self.likeness(host, environ=environ), Likeness.COMPLETE)
