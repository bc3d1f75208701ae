"""Endpoint strings that begin with `distcc-tls:`, for any program on Twisted."""

from __future__ import annotations

import time
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, serverFromString
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from tests.tls.certificates import Authority, write
from twisted_distcc.client.backends.client_tls import Identities, TlsEndpoint
from twisted_distcc.tls.credentials import BadCredentialsError
from twisted_distcc.tls.files import CredentialFiles
from twisted_distcc.tls.serving import certificate_peer


class Welcome(Protocol):
    """Says who is called on, and hangs up."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        peer = certificate_peer(self.transport)
        assert peer is not None
        self.transport.write(peer.identity.encode())
        self.transport.loseConnection()


class Visit(Protocol):
    """Tells what it has heard when it is over."""

    def __init__(self) -> None:
        self.heard = b""
        self.over: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.heard += data

    def connectionLost(self, reason: object) -> None:
        self.over.callback(self.heard)


class EndpointTests(TestCase):
    def setUp(self) -> None:
        self.authority = Authority()
        self.folder = Path(self.mktemp())
        self.files = write(self.folder / "red", self.authority.server("127.0.0.1"), self.authority)

    def words(self, files: CredentialFiles, *more: str) -> str:
        """Write the endpoint string for a port of loopback."""
        named = (f"certificate={files.certificate}", f"key={files.key}", f"ca={files.ca}", *more)
        return ":".join(("distcc-tls", "0", "interface=127.0.0.1", *named))

    async def test_serving(self) -> None:
        """A program that knows nothing of this project serves users with certificates."""
        endpoint = serverFromString(reactor, self.words(self.files, f"crl={self.files.crl}"))
        port = await endpoint.listen(Factory.forProtocol(Welcome))
        self.addCleanup(port.stopListening)
        user = write(self.folder / "alice", self.authority.user("alice"), self.authority)
        identity = Identities(time.time).of(user)
        number = port.getHost().port
        bare = TCP4ClientEndpoint(reactor, "127.0.0.1", number)
        way = TlsEndpoint(bare, "127.0.0.1", number, identity, reactor)
        visit = await way.connect(Factory.forProtocol(Visit))
        assert isinstance(visit, Visit)
        self.assertEqual(await visit.over, b"tls:alice")

    def test_files_that_are_of_no_use(self) -> None:
        """The string is refused with the sentence on the file."""
        files = CredentialFiles("/no/such.pem", self.files.key, self.files.ca)
        error = self.assertRaises(BadCredentialsError, serverFromString, reactor, self.words(files))
        self.assertIn("/no/such.pem", str(error))
