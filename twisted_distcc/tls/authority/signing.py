"""Create and sign what an authority issues: its own certificate, others, and revocation lists.

These functions turn keys, names and times into X.509 objects (RFC 5280).  The caller has checked the
names.

Keys are on P-256.  A server's certificate is valid only for servers and a user's only for clients, so
that neither can pass for the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from twisted_distcc.tls.authority.issued import PURPOSES, Role
from twisted_distcc.tls.authority.scope import Scope
from twisted_distcc.tls.authority.subject_names import as_address

# 63 unguessable bits, still short enough for a person to read out (CAs on the web need 64).
_SERIAL_BITS: Final = 63
# Validity begins an hour in the past, because the clocks of machines differ.
SKEW: Final = timedelta(hours=1)
_HASH: Final = hashes.SHA256()


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate that signs others, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Period:
    """The time, in UTC, within which something is valid."""

    starts: datetime
    ends: datetime

    @classmethod
    def of(cls, now: datetime, life: timedelta, latest: datetime | None = None) -> Period:
        """Return the period of something made `now`, valid for `life` but not beyond `latest`."""
        ends = now + life
        return cls(now - SKEW, ends if latest is None else min(ends, latest))


def new_key() -> ec.EllipticCurvePrivateKey:
    """Return a new key."""
    return ec.generate_private_key(ec.SECP256R1())


def new_authority(scope: Scope | None, period: Period) -> Signer:
    """Return a new authority whose certificates may be for hosts in `scope` (None: any)."""
    key = new_key()
    # Verifiers look for an issuer by its name first, so no two authorities have the same.
    name = _named(f"distcc authority {secrets.token_hex(4)}")
    builder = (
        _unsigned(name, name, key.public_key(), key.public_key(), period)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_others=True), critical=True)
    )
    if scope is not None:
        builder = builder.add_extension(scope.extension(), critical=True)
    return Signer(builder.sign(key, _HASH), key)


def new_certificate(
    signer: Signer, key: ec.EllipticCurvePublicKey, role: Role, names: Iterable[str], period: Period
) -> x509.Certificate:
    """Return a signed certificate for a server with these names, or for a user with this one name."""
    first, *others = names
    builder = (
        _unsigned(
            _named(_common_name(first, role)),
            signer.certificate.subject,
            key,
            signer.key.public_key(),
            period,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_others=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([PURPOSES[role]]), critical=False)
    )
    if role is Role.SERVER:
        hosts = x509.SubjectAlternativeName(map(_general_name, [first, *others]))
        builder = builder.add_extension(hosts, critical=False)
    return builder.sign(signer.key, _HASH)


def new_list(
    signer: Signer,
    number: int,
    revoked: Iterable[x509.RevokedCertificate],
    period: Period,
) -> x509.CertificateRevocationList:
    """Return a signed revocation list."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(period.starts)
        .next_update(period.ends)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False
        )
    )
    for entry in revoked:
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(signer.key, _HASH)


def revocation(serial: int, when: datetime) -> x509.RevokedCertificate:
    """Return the entry of a revocation list for one certificate."""
    return x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()


def _unsigned(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    period: Period,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(secrets.randbits(_SERIAL_BITS) + 1)  # zero is none (RFC 5280, 4.1.2.2)
        .not_valid_before(period.starts)
        .not_valid_after(period.ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    )


def _usage(*, signs_others: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_others,
        key_cert_sign=signs_others,
        crl_sign=signs_others,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _common_name(name: str, role: Role) -> str:
    # OpenSSL takes a common name like 10.0.0.5 for that of a host, and finds it outside of its scope.
    return f"server at {name}" if role is Role.SERVER and as_address(name) is not None else name


def _named(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    address = as_address(host)
    return x509.DNSName(host) if address is None else x509.IPAddress(address)
