"""A server under mutual TLS and a client of it, joined in memory and moved by one clock.

In: what both ends show and trust.  Out: what each says of the other, and what arrives.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import LogLevel, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.tls.certificates import Authority, Made, write
from twisted_distcc.client.backends.client_tls import Identities, TlsEndpoint
from twisted_distcc.client.backends.host_faults import HostError, UntrustedError
from twisted_distcc.policy.peer import Peer
from twisted_distcc.testing.network import MemoryEndpoint
from twisted_distcc.tls.handshake import MutualTls
from twisted_distcc.tls.serving import MutualTlsFactory, certificate_peer, server_keyring

SERVER_NAME = "red.example.org"
STRANGERS = 4
"""Clients that the server lets be in their handshakes at a time."""


class Talk(Protocol):
    """One end: it says what it is told to, and writes down what it hears and how that ended."""

    def __init__(self, greeting: bytes) -> None:
        self.greeting = greeting
        self.heard = b""
        self.peer: Peer | None = None
        self.reason: Failure | None = None

    @property
    def tls(self) -> MutualTls:
        assert isinstance(self.transport, MutualTls)
        return self.transport

    def connectionMade(self) -> None:
        self.peer = certificate_peer(self.transport)
        self.tls.write(self.greeting)

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: Failure) -> None:
        self.reason = reason


class Talks(Factory):
    """Makes them, and keeps them."""

    noisy = False

    def __init__(self, greeting: bytes) -> None:
        self.greeting = greeting
        self.made: list[Talk] = []

    def buildProtocol(self, addr: IAddress | None) -> Talk:
        self.made.append(Talk(self.greeting))
        return self.made[-1]


class BothEndsTestCase(SynchronousTestCase):
    """An authority, a server `red.example.org` and a user alice of it, all of them good."""

    def setUp(self) -> None:
        self.authority = Authority()
        self.clock = Clock()
        self.later = timedelta()
        self.folder = Path(self.mktemp())
        self.server_files = write(
            self.folder / "server", self.authority.server(SERVER_NAME, "192.0.2.1"), self.authority
        )
        self.user_files = write(self.folder / "alice", self.authority.user("alice"), self.authority)
        self.log: list[str] = []
        globalLogPublisher.addObserver(self._keep)
        self.addCleanup(globalLogPublisher.removeObserver, self._keep)
        self.identities = Identities(self.seconds)

    def serve(self) -> None:
        """Start the server; what is in its files is read now."""
        self.keyring = server_keyring(self.server_files, self.seconds)
        self.served = Talks(b"")
        self.retired: list[IProtocol] = []
        self.factory = MutualTlsFactory(
            self.keyring, self.served, self.clock, self.retired.append, strangers=STRANGERS
        )
        self.factory.doStart()
        self.network = MemoryEndpoint(self.factory, self.clock)

    def shows(self, made: Made, trusted: Authority | None = None) -> None:
        """Give the user another certificate, and perhaps another authority to trust."""
        self.user_files = write(self.folder / "alice", made, trusted or self.authority)

    def seconds(self) -> float:
        """The wall clock, by which certificates begin and end."""
        return (self.authority.now + self.later).timestamp()

    def call(self, name: str = SERVER_NAME) -> Deferred[IProtocol]:
        """Begin to connect the client to the server, which it calls `name`."""
        identity = self.identities.of(self.user_files)
        self.calling = Talks(b"hello")
        return TlsEndpoint(self.network, name, 3634, identity, self.clock).connect(self.calling)

    def run_clock(self, seconds: float = 0.0) -> None:
        """Let all that is on its way arrive, after so many seconds have passed."""
        self.clock.pump([seconds] + [0.0] * 50)

    def connected(self, name: str = SERVER_NAME) -> Talk:
        """Connect the client, which has to succeed as far as it can tell."""
        calling = self.call(name)
        self.run_clock()
        talk = self.successResultOf(calling)
        assert isinstance(talk, Talk)
        return talk

    def hang_up(self, talk: Talk) -> None:
        """End the connection."""
        talk.tls.abortConnection()
        self.run_clock()

    def refused_by_client(self, name: str = SERVER_NAME) -> str:
        """Connect the client, which refuses the server; give what it says of the server."""
        calling = self.call(name)
        self.run_clock()
        return str(self.failureResultOf(calling, UntrustedError).value)

    def refused_by_server(self) -> str:
        """Connect the client, whom the server refuses; give what the client hears of that."""
        talk = self.connected()
        assert talk.reason is not None
        talk.reason.trap(HostError)
        self.assertEqual(self.served.made, [])
        return str(talk.reason.value)

    def resumed(self, talk: Talk) -> bool:
        """Say whether OpenSSL went on with an earlier session."""
        return bool(SSL._lib.SSL_session_reused(talk.tls.getHandle()._ssl))

    def assert_logged(self, *parts: str) -> None:
        """Assert that one line of the log has all these parts."""
        self.assertTrue(any(all(part in line for part in parts) for line in self.log), (parts, self.log))

    def _keep(self, event: dict[str, object]) -> None:
        if event.get("log_level") in (LogLevel.warn, LogLevel.error, LogLevel.critical):
            text = str(event.get("log_format", ""))
            self.log.append(text.format(**event))
