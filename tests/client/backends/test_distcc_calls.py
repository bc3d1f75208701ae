"""How hosts are called: what goes over a network is compressed where the protocol can."""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.server.in_memory import no_process
from twisted_distcc.client.backends.distcc_calls import Calls
from twisted_distcc.client.backends.sessions import Sessions
from twisted_distcc.client.backends.transports import SecureWay
from twisted_distcc.client.hosts import RemoteHost, SshHost, TcpHost
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.settings import Settings
from twisted_distcc.content.packing import Packing
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.runtime.bulk import Turns


class FakeSessions:
    """Answers at once, and notes whether each job's inputs were to be compressed."""

    def __init__(self) -> None:
        self.packed: list[bool] = []

    async def compile(
        self,
        key: Hashable,
        endpoint: object,
        request: Request,
        folder: str,
        *,
        packing: Packing | None,
        traffic: Traffic,
    ) -> Reply:
        self.packed.append(packing is not None)
        return Reply(0)


class CompressionTests(SynchronousTestCase):
    def is_packed(self, host: RemoteHost) -> bool:
        """Call `host`; return whether what is sent was to be compressed."""
        sessions, clock = FakeSessions(), Clock()
        calls = Calls(
            reactor=clock,
            spawn=no_process,
            turns=Turns(),
            secured=cast(SecureWay, None),
            settings=Settings.from_environ({}),
            environ={},
            folder="",
            watch=UnitWatch(clock.seconds),
            sessions=cast(Sessions, sessions),
        )
        request = Request((b"gcc", b"-c", b"a.c"))
        self.successResultOf(Deferred.fromCoroutine(calls.reply(host, request))).discard()
        return sessions.packed == [True]

    def test_over_a_network(self) -> None:
        """Whatever goes to another machine on a session is compressed, whoever forgot to say so."""
        for host in (TcpHost("red"), TcpHost("192.0.2.7", tls=True), SshHost("alice", "red")):
            self.assertTrue(self.is_packed(host), str(host))

    def test_to_this_machine(self) -> None:
        """What stays on this machine is not, unless the user says so."""
        for host in (TcpHost("localhost", 3633), TcpHost("127.0.0.1"), SshHost(None, "::1")):
            self.assertFalse(self.is_packed(host), str(host))
        self.assertTrue(self.is_packed(TcpHost("127.0.0.1", compress=True)))
