"""Certificates that mean harm, as both ends read them: targets of `targets`.

In: bytes, which become a part of a certificate.  Out: nothing, or a failure.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtensionOID, NameOID

from twisted_distcc.policy.peer import certified_peer
from twisted_distcc.tls.certificate_names import all_names, answers_to, common_name, holder

_NOW: Final = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
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
    }
)
TARGETS: Final = (certificates,)
