"""Mutual TLS in memory, as users of the framework test with it."""

from __future__ import annotations

from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.host_faults import UntrustedError
from twisted_distcc.framework import Body, DistccClient, HostError, Reply, Request
from twisted_distcc.testing import HangUp, MemoryFarm, MemoryTls, ScriptedCompile
from twisted_distcc.tls.serving import certificate_peer

_DAY = 86_400


class FarmTests(SynchronousTestCase):
    """A farm behind TLS."""

    def setUp(self) -> None:
        self.compile = ScriptedCompile(*[Reply(0)] * 2)
        self.farm = MemoryFarm(self.compile)
        self.tls = MemoryTls(self.farm.server, self.mktemp(), self.farm.clock, name="red.example.org")

    def client(self, user: str, server: str | None = None) -> DistccClient:
        return DistccClient(self.tls.endpoint(user, server), self.tls.clock, self.farm.bulk)

    def served(self, client: DistccClient) -> Reply:
        answer = client.compile(Request((b"gcc", b"-c", b"a.c"), Body.of(b"int a;")))
        self.tls.run()
        return self.successResultOf(answer)

    def refused(self, client: DistccClient, error: type[HostError] = HostError) -> str:
        answer = client.compile(Request((b"gcc", b"-c", b"a.c"), Body.of(b"int a;")))
        self.tls.run()
        return str(self.failureResultOf(answer, error).value)

    def test_users(self) -> None:
        """Each user has a certificate, and the server knows them apart."""
        for user in ("alice", "bob"):
            self.served(self.client(user))
        self.assertEqual([job.peer.identity for job in self.compile.jobs], ["tls:alice", "tls:bob"])

    def test_another_server(self) -> None:
        """Whoever calls the server by another name does not trust it."""
        said = self.refused(self.client("alice", "blue.example.org"), UntrustedError)
        self.assertIn("is that of red.example.org, and not of blue.example.org", said)

    def test_revoked(self) -> None:
        """A revoked user is refused by name; nobody else is."""
        alice, bob = self.client("alice"), self.client("bob")
        self.served(alice)
        self.tls.revoke("alice")
        self.assertIn("our certificate was revoked", self.refused(alice))
        self.served(bob)

    def test_expired(self) -> None:
        """Certificates end by the clock of the test: a user's after a month."""
        alice = self.client("alice")
        self.tls.run(29 * _DAY)
        self.served(alice)
        self.tls.run(2 * _DAY)
        self.refused(alice)
        with self.assertRaisesRegex(UntrustedError, "the certificate of alice expired on"):
            self.client("alice")

    def test_faults(self) -> None:
        """What goes wrong below TLS goes wrong."""
        self.tls.network.on_reply = HangUp(after=100)
        self.refused(self.client("alice"))
        self.tls.network.reachable = False
        self.refused(self.client("alice"))
        self.assertEqual(self.compile.jobs, [])


class _Greeting(Protocol):
    """Says who is called on."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        peer = certificate_peer(self.transport)
        assert peer is not None
        self.transport.write(peer.identity.encode())
        self.transport.loseConnection()


class _Hearing(Protocol):
    heard = b""

    def dataReceived(self, data: bytes) -> None:
        self.heard += data


class AnyServerTests(SynchronousTestCase):
    def test_any_protocol(self) -> None:
        """A server of any protocol can be asked, with a clock that is made for it."""
        tls = MemoryTls(Factory.forProtocol(_Greeting), self.mktemp())
        calling = tls.endpoint("alice").connect(Factory.forProtocol(_Hearing))
        tls.run()
        hearing = self.successResultOf(calling)
        assert isinstance(hearing, _Hearing)
        self.assertEqual(hearing.heard, b"tls:alice")
