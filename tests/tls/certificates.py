"""Certificates for tests: authorities, and whatever they might have made.

In: names, purposes and times.  Out: folders of PEM files, as servers and users have them.  It refuses to
know the authority that this project makes: what is tested with these holds for any.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from twisted_distcc.tls.files import CredentialFiles

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
DAY = timedelta(days=1)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate's file."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The key's file."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


# In the order of their bits: certificates and revocations are signed with such a key.
_SIGNS_OTHERS = x509.KeyUsage(False, False, False, False, False, True, True, False, False)


@dataclass(slots=True)
class Authority:
    """An authority that makes whatever it is asked to, and the serial numbers that it has revoked."""

    name: str = "the farm"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    revoked: list[x509.Certificate] = field(default_factory=list)
    own: Made = field(init=False)

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            self._builder(self.name, key.public_key(), self.now - 100 * DAY, self.now + 100 * DAY)
            .issuer_name(_name(self.name))
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(_SIGNS_OTHERS, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        self.own = Made(builder.sign(key, hashes.SHA256()), key)

    def make(
        self,
        common_name: str,
        purpose: ObjectIdentifier | None,
        names: Sequence[str] = (),
        begins: timedelta = -10 * DAY,
        ends: timedelta = 10 * DAY,
        serial: int | None = None,
    ) -> Made:
        """Make a certificate for `purpose`, or for none; the times are from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            self._builder(common_name, key.public_key(), self.now + begins, self.now + ends, serial)
            .issuer_name(self.own.certificate.subject)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.own.key.public_key()),
                critical=False,
            )
        )
        if purpose is not None:
            builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if names:
            alternatives = x509.SubjectAlternativeName(list(map(_alternative, names)))
            builder = builder.add_extension(alternatives, critical=False)
        return Made(builder.sign(self.own.key, hashes.SHA256()), key)

    def below(self, name: str, ends: timedelta) -> Authority:
        """Make an authority whose own certificate this one signs."""
        made = Authority(name, self.now)
        builder = (
            self._builder(name, made.own.key.public_key(), self.now - DAY, self.now + ends)
            .issuer_name(self.own.certificate.subject)
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(_SIGNS_OTHERS, critical=True)
        )
        made.own = Made(builder.sign(self.own.key, hashes.SHA256()), made.own.key)
        return made

    def user(self, name: str, ends: timedelta = 10 * DAY) -> Made:
        """Make a user's certificate."""
        return self.make(name, CLIENT, ends=ends)

    def server(self, *names: str, ends: timedelta = 10 * DAY) -> Made:
        """Make the certificate of a server with these names and addresses."""
        return self.make(names[0], SERVER, names, ends=ends)

    def revocations(self, ends: timedelta = 10 * DAY) -> bytes:
        """Give the file of what is revoked."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.own.certificate.subject)
            .last_update(self.now - 50 * DAY)
            .next_update(self.now + ends)
        )
        for certificate in self.revoked:
            entry = x509.RevokedCertificateBuilder(certificate.serial_number, self.now)
            builder = builder.add_revoked_certificate(entry.build())
        return builder.sign(self.own.key, hashes.SHA256()).public_bytes(Encoding.PEM)

    @staticmethod
    def _builder(
        name: str,
        key: ec.EllipticCurvePublicKey,
        begin: datetime,
        end: datetime,
        serial: int | None = None,
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .public_key(key)
            .serial_number(serial or x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
        )


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def write(folder: Path, made: Made, trusted: Authority, *, crl: bool = True) -> CredentialFiles:
    """Make the folder of one end: what it shows, and the authority that it trusts."""
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "certificate.pem", made.certificate_pem)
    replace(folder / "key.pem", made.key_pem, mode=0o600)
    replace(folder / "ca.pem", trusted.own.certificate_pem)
    if crl:
        replace(folder / "crl.pem", trusted.revocations())
    return files_in(folder, crl=crl)


def files_in(folder: Path, *, crl: bool = True) -> CredentialFiles:
    """Name the files of a folder."""
    certificate, key, ca, revoked = (
        f"{folder}/{name}.pem" for name in ("certificate", "key", "ca", "crl")
    )
    return CredentialFiles(certificate, key, ca, revoked if crl else None)


def replace(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put a file in the place of another, as whoever renews certificates does."""
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(mode)
    os.replace(new, path)
