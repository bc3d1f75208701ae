"""Certificates that mean harm, as both ends read them: targets of `targets`.

In: bytes, which become a part of a certificate.  Out: nothing, or a failure.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtensionOID, NameOID
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from tests.fuzz.folders import own_folder
from tests.server.in_memory import Transport
from tests.tls.both_ends import BothEndsTestCase
from twisted_distcc.policy.peer import certified_peer
from twisted_distcc.tls.certificate_names import all_names, answers_to, common_name, holder

_NOW: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
_LONG: Final = 1000.0  # seconds
_MOST: Final = 1 << 16
_LONGEST_NAME: Final = 32


def certificates(data: bytes) -> None:
    """Read the names in a stranger's certificate: that ends, in words that a log and a rule may have."""
    name, _, extension = data.partition(b"\n")
    certificate = _certificate(name.decode("latin-1")[:_LONGEST_NAME] or "x", extension)
    assert holder(certificate).isprintable()
    answers_to(certificate, "red.example.org")
    answers_to(certificate, "192.0.2.1")
    if (user := common_name(certificate)) is not None:
        peer = certified_peer(user, all_names(certificate), "192.0.2.9", 1)
        assert str(peer).isprintable()
        assert " " not in peer.identity
    else:
        all_names(certificate)


class _Case(BothEndsTestCase):
    def runTest(self) -> None:
        """It is no test itself."""

    def mktemp(self) -> str:
        return str(own_folder() / "case")


@lru_cache
def _case() -> _Case:
    case = _Case()
    case.setUp()
    case.serve()
    case.factory.doStop()  # nobody watches the files
    return case


def greeted(data: bytes) -> None:
    """Greet a server over TLS with anything: nobody is served, and the place is given back."""
    size, rest = (data[0] + 1, data[1:]) if data else (1, b"")
    case = _case()
    protocol = case.factory.buildProtocol(IPv4Address("TCP", "192.0.2.9", 4000))
    assert protocol is not None
    transport = Transport(peerAddress=IPv4Address("TCP", "192.0.2.9", 4000))
    protocol.makeConnection(transport)
    for start in range(0, len(rest), size * 4):
        protocol.dataReceived(rest[start : start + size * 4])
    case.clock.advance(_LONG)
    assert transport.write_closed or transport.aborting
    protocol.connectionLost(Failure(ConnectionDone()))
    assert not case.served.made
    assert not case.factory.strangers._total
    assert not case.clock.getDelayedCalls()
    assert all(line.isprintable() for line in case.log), case.log
    case.log.clear()


def _hello() -> bytes:
    """Make what a client says first."""
    client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
    client.set_connect_state()
    with suppress(SSL.WantReadError):
        client.do_handshake()
    return client.bio_read(_MOST)


def _certificate(name: str, names: bytes) -> x509.Certificate:
    """Make a certificate with these bytes for its alternative names."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, _key().public_key(), 7, _NOW, _NOW)
    if names:
        oid = ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, names), critical=False)
    return builder.sign(_key(), SHA256())


@lru_cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _alternative(*names: x509.GeneralName) -> bytes:
    return x509.SubjectAlternativeName(names).public_bytes()


SEEDS: Final[Mapping[str, tuple[bytes, ...]]] = MappingProxyType(
    {
        "certificates": (
            b"ada\n" + _alternative(x509.DNSName("*.example.org"), x509.RFC822Name("ada@example.org")),
            b"a b\x1b\n" + _alternative(x509.UniformResourceIdentifier("x:y"), x509.DNSName("red")),
            b"ada\n" + _alternative(x509.RegisteredID(NameOID.COMMON_NAME)),
        ),
        "greeted": (b"\xff" + _hello(), b"\x08GET / HTTP/1.0\r\n\r\n", b"\xffDIST00000001"),
    }
)
TARGETS: Final = (certificates, greeted)
