"""Engines behind TLS, on loopback: who is called has to answer, and certificates are shown."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from OpenSSL import SSL, crypto
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, CertificateOptions
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from tests.reapi.double import Double
from tests.tls.certificates import Authority
from twisted_distcc.client.backends.connecting import connected
from twisted_distcc.client.backends.engine_access import EngineTls
from twisted_distcc.client.backends.engine_tls import tls_endpoint
from twisted_distcc.client.backends.host_faults import UntrustedError
from twisted_distcc.reapi.execution import capabilities
from twisted_distcc.reapi.grpc_connection import GrpcConnection
from twisted_distcc.reapi.grpc_status import Code, GrpcError


class _Served(Protocol):
    """The engine's end of a connection."""

    def connectionMade(self) -> None:
        self.double = Double(Clock())
        self.double.begin()

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        way = SimpleNamespace(is_open=True, protocol=SimpleNamespace(dataReceived=self.transport.write))
        self.double.take(way, data)


class EngineTlsTests(TestCase):
    def setUp(self) -> None:
        self.authority = Authority()
        self.folder = Path(self.mktemp())
        self.folder.mkdir()
        self.ca = self.kept("ca", self.authority.own.certificate_pem)

    def kept(self, name: str, data: bytes) -> str:
        path = self.folder / f"{name}.pem"
        path.write_bytes(data)
        return str(path)

    def engine(self, *names: str, wants: bool = False) -> int:
        """Serve with a certificate for `names`, and return the port."""
        made = self.authority.server(*names)
        options = CertificateOptions(
            privateKey=_key(made.key_pem),
            certificate=_certificate(made.certificate_pem),
            acceptableProtocols=[b"h2"],
            **({"caCerts": [Certificate.loadPEM(Path(self.ca).read_bytes()).original]} if wants else {}),
            verify=wants,
        )
        factory = Factory.forProtocol(_Served)
        factory.noisy = False
        port: Any = reactor.listenSSL(0, factory, options, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        return port.getHost().port  # type: ignore[no-any-return]

    async def ask(self, port: int, tls: EngineTls) -> bool:
        """Ask what an engine can do."""
        connection = GrpcConnection(reactor, f"127.0.0.1:{port}", "https")  # type: ignore[arg-type]
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        await connected(tls_endpoint(endpoint, "127.0.0.1", tls), connection)
        self.addCleanup(connection.close)
        told = await capabilities(connection, "", 10)
        return bool(told.execution_capabilities.exec_enabled)

    async def refused(self, port: int, tls: EngineTls) -> GrpcError:
        try:
            await self.ask(port, tls)
        except GrpcError as error:
            return error
        raise AssertionError("it was trusted")

    async def test_trusted(self) -> None:
        """An engine with the right name, of the authority that the user names, is asked."""
        self.assertTrue(await self.ask(self.engine("127.0.0.1"), EngineTls(self.ca)))

    async def test_not_trusted(self) -> None:
        """Another name, an unknown authority, or no TLS at all: nothing is said to it."""
        other = self.kept("other", Authority("others").own.certificate_pem)
        for port, ca in ((self.engine("red"), self.ca), (self.engine("127.0.0.1"), other)):
            error = await self.refused(port, EngineTls(ca))
            self.assertIs(error.code, Code.UNAUTHENTICATED, error)

    async def test_own_certificate(self) -> None:
        """An engine that wants to see a certificate sees the user's."""
        port = self.engine("127.0.0.1", wants=True)
        made = self.authority.user("ada")
        both = self.kept("both", made.certificate_pem + made.key_pem)
        apart = self.kept("certificate", made.certificate_pem), self.kept("key", made.key_pem)
        for certificate, key in ((both, ""), apart):
            self.assertTrue(await self.ask(port, EngineTls(self.ca, certificate, key)))
        self.assertIs((await self.refused(port, EngineTls(self.ca))).code, Code.UNAUTHENTICATED)

    def test_unreadable(self) -> None:
        """Certificates that cannot be read are said, and nobody is called."""
        empty = self.kept("empty", b"")
        for paths in (("/nonexistent",), (empty,), ("", empty), ("", self.ca)):
            tls = EngineTls(*paths)
            with self.assertRaises(UntrustedError):
                tls_endpoint(None, "red", tls)  # type: ignore[arg-type]


def _key(pem: bytes) -> Any:
    return crypto.load_privatekey(SSL.FILETYPE_PEM, pem)


def _certificate(pem: bytes) -> Any:
    return crypto.load_certificate(SSL.FILETYPE_PEM, pem)
