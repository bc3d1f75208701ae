"""Real servers are asked what they can: ours of every kind, and C distccd."""

from __future__ import annotations

import os
from collections.abc import Mapping

from twisted.internet import reactor

from tests.distccd import NO_DISTCCD, start_distccd
from tests.live import LiveTestCase, until
from tests.sshd import MISSING, free_port, start_sshd
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.client.abilities import ANSWER_LIMITS, Abilities
from twisted_distcc.client.faults import CannotConnectError
from twisted_distcc.client.hosts import RemoteHost, SshHost, TcpHost
from twisted_distcc.client.own_compilers import OwnCompiler, OwnCompilers, finder
from twisted_distcc.client.protocol import DistccClient
from twisted_distcc.client.settings import Settings
from twisted_distcc.client.transports import SecureWay, endpoint_to
from twisted_distcc.messages.bulk import Bulk
from twisted_distcc.processes import Command, ReactorSpawner, RunningProcess

PATH = "/usr/bin:/bin"
GCC = OwnCompiler("/usr/bin/gcc", "gcc", PATH)


class AskingTestCase(LiveTestCase):
    def setUp(self) -> None:
        self.processes: list[RunningProcess] = []
        self.addCleanup(self.processes_end)
        self.abilities = Abilities(reactor, OwnCompilers(reactor, finder(reactor)))

    async def processes_end(self) -> None:
        """Wait for what was started on the way to a host: its connection's end ends it."""
        for process in self.processes:
            await process.end()

    def spawn(self, command: Command) -> RunningProcess:
        self.processes.append(ReactorSpawner(reactor)(command))
        return self.processes[-1]

    async def exact(
        self, host: RemoteHost, compiler: OwnCompiler = GCC, environ: Mapping[str, str] | None = None
    ) -> bool:
        """Ask over a real connection, as the client would."""
        environ = {"HOME": self.mktemp(), "PATH": os.environ["PATH"], **(environ or {})}
        settings = Settings.from_environ(environ)
        endpoint = endpoint_to(host, settings, environ, reactor, self.spawn, SecureWay())
        client = DistccClient(endpoint, reactor, Bulk.on(reactor), limits=ANSWER_LIMITS)
        return await self.abilities.exact(host, client.compile, compiler)


class OurServerTests(AskingTestCase):
    async def test_in_a_sandbox(self) -> None:
        """The same compiler, and sandboxes: yes, and so for C++; over one connection each."""
        server = await self.serve("--sandbox=require")
        host = TcpHost("127.0.0.1", server.port)
        for name in ("gcc", "g++"):
            for _ in range(2):
                self.assertIs(await self.exact(host, OwnCompiler(f"/usr/bin/{name}", name, PATH)), True)
        self.assertEqual(server.jobs, [])

    async def test_another_compiler(self) -> None:
        """What the server calls gcc is not our gcc: no."""
        folder = self.place("bin")
        folder.mkdir(parents=True)
        os.symlink("/usr/bin/g++", folder / "gcc")
        environ = {"DISTCCD_PATH": f"{folder}:{PATH}"}
        server = await self.serve("--sandbox=require", environ=environ)
        self.assertIs(await self.exact(TcpHost("127.0.0.1", server.port)), False)

    async def test_without_a_sandbox(self) -> None:
        """Without sandboxes our files lie elsewhere there: no."""
        server = await self.serve("--sandbox=off")
        self.assertIs(await self.exact(TcpHost("127.0.0.1", server.port)), False)

    async def test_nobody(self) -> None:
        """A port where nobody listens gives no answer, not even a no."""
        with self.assertRaises(CannotConnectError):
            await self.exact(TcpHost("127.0.0.1", free_port()))


class OtherServerTests(AskingTestCase):
    skip = NO_DISTCCD

    async def test_distccd(self) -> None:
        """C distccd does not know the question: no."""
        server, port = await start_distccd(self, "--jobs", "2")
        self.assertIs(await self.exact(TcpHost("127.0.0.1", port)), False)
        await until(lambda: "ret:100" in server.stderr, "distccd tells that it was asked, and refused")


class SshTests(AskingTestCase):
    skip = MISSING

    async def test_over_ssh(self) -> None:
        """Our server on standard streams is asked over ssh: yes."""
        folder = self.place("ssh")
        folder.parent.mkdir(parents=True)
        environ = {"DISTCC_SSH": str(await start_sshd(self, folder))}
        host = SshHost(None, "127.0.0.1", command=str(installed_command("twistd-stdio")))
        self.assertIs(await self.exact(host, environ=environ), True)
