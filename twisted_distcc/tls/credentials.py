"""The credentials of one end of a connection: what it presents, and whom it trusts.

`load` takes the names of PEM files and the time, and returns frozen `Credentials`, or raises a
`BadCredentialsError` whose text names the file and says what to do about it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from twisted_distcc.errors import DistccError
from twisted_distcc.tls.certificate_names import holder
from twisted_distcc.tls.files import CredentialFiles

_Read = TypeVar("_Read")
SigningKey: TypeAlias = (
    ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | rsa.RSAPrivateKey
)
"""The kinds of keys that TLS 1.3 signs with."""

# A farm's revocation list is far smaller; a device without an end is not.
_LARGEST: Final = 16 * 1024 * 1024
_GROUP_READS: Final = stat.S_IRGRP


class BadCredentialsError(DistccError):
    """A file of certificates or keys cannot be used."""


class MissingCredentialsError(BadCredentialsError):
    """A file of certificates or keys does not exist."""


class ClosedCredentialsError(BadCredentialsError):
    """We have no permission to read a file of certificates or keys."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """One end's credentials; see `CredentialFiles` for each."""

    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...]
    key: SigningKey
    authorities: tuple[x509.Certificate, ...]
    revocations: tuple[x509.CertificateRevocationList, ...]

    @property
    def authority_names(self) -> frozenset[x509.Name]:
        """The names of the trusted authorities."""
        return frozenset(authority.subject for authority in self.authorities)

    def has_revoked(self, certificate: x509.Certificate) -> bool:
        """Whether `certificate` is on the revocation list of its authority."""
        return any(
            crl.issuer == certificate.issuer
            and crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
            for crl in self.revocations
        )

    def has_no_list_for(self, certificate: x509.Certificate, now: datetime) -> bool:
        """Whether all lists that `certificate` could be on have expired by `now`."""
        end = self._list_end(certificate)
        return end is not None and now > end

    def authority_end(self, certificate: x509.Certificate) -> datetime | None:
        """Return when the last of the known authorities that may have issued `certificate` expires."""
        authorities = (known for known in self.authorities if known.subject == certificate.issuer)
        return max((authority.not_valid_after_utc for authority in authorities), default=None)

    def end_of(self, certificate: x509.Certificate) -> datetime:
        """Return until when the other end's `certificate` is valid, unless it is revoked earlier."""
        others = (self.authority_end(certificate), self._list_end(certificate))
        ends = [end for end in others if end is not None]
        return min([certificate.not_valid_after_utc, *ends])

    def _list_end(self, certificate: x509.Certificate) -> datetime | None:
        ends = [crl.next_update_utc for crl in self.revocations if crl.issuer == certificate.issuer]
        known = [end for end in ends if end is not None]
        return max(known) if ends and len(known) == len(ends) else None

    def next_end(self, now: datetime) -> datetime | None:
        """Return when the next of these certificates and lists expires, of those valid at `now`."""
        certificates = (self.certificate, *self.chain, *self.authorities)
        ends = [certificate.not_valid_after_utc for certificate in certificates]
        ends += [crl.next_update_utc for crl in self.revocations if crl.next_update_utc is not None]
        return min((end for end in ends if end >= now), default=None)

    def check_time(self, now: datetime) -> None:
        """Check that the other end can accept these at `now`.

        Raises:
            BadCredentialsError: if the certificate has expired or is not valid yet, or the list has
                expired.
        """
        name, certificate = holder(self.certificate), self.certificate
        if now > certificate.not_valid_after_utc:
            raise BadCredentialsError(
                f"the certificate of {name} expired on {day(certificate.not_valid_after_utc)}:"
                " have a new one made, with `twisted-distcc certs renew`"
            )
        if now < certificate.not_valid_before_utc:
            begin = day(certificate.not_valid_before_utc)
            raise BadCredentialsError(
                f"the certificate of {name} is not valid before {begin}: is the clock right?"
            )
        for crl in self.revocations:
            if crl.next_update_utc is not None and now > crl.next_update_utc:
                raise BadCredentialsError(
                    f"the list of revoked certificates expired on {day(crl.next_update_utc)}:"
                    " have a new one made, with `twisted-distcc certs crl`"
                )


def day(moment: datetime) -> str:
    """Return `moment` for people to read, as in `2030-01-31 12:00 UTC`."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def load(files: CredentialFiles, now: datetime, key: SigningKey | None = None) -> Credentials:
    """Read `files`, which have to be valid at `now`.

    Args:
        files: where they are.
        now: the time.
        key: the key that is known already; it is kept if we may not read its file, as a server may not
            after dropping root.

    Raises:
        BadCredentialsError: naming the file that is missing, unreadable, not what it should be, or
            readable by others.
    """
    certificate, *chain = _parsed(files.certificate, "certificate", x509.load_pem_x509_certificates)
    try:
        key = _parsed(files.key, "key", _key, secret=True)
    except ClosedCredentialsError:
        if key is None or key.public_key() != certificate.public_key():
            raise
    if key.public_key() != certificate.public_key():
        raise BadCredentialsError(
            f"the key {files.key} is not that of the certificate {files.certificate}:"
            " give the two that were made together"
        )
    authorities = _parsed(files.ca, "authority's certificate", x509.load_pem_x509_certificates)
    lists = () if files.crl is None else _parsed(files.crl, "list of revoked certificates", _crls)
    credentials = Credentials(certificate, tuple(chain), key, tuple(authorities), lists)
    credentials.check_time(now)
    return credentials


def _parsed(path: str, what: str, parse: Callable[[bytes], _Read], *, secret: bool = False) -> _Read:
    try:
        return parse(_contents(path, what, secret=secret))
    except FileNotFoundError:
        raise MissingCredentialsError(f"there is no {what} {path}") from None
    except PermissionError as error:
        raise ClosedCredentialsError(
            f"the {what} {path} cannot be read: {error.strerror}: give it to the user who reads it"
        ) from error
    except OSError as error:
        raise BadCredentialsError(f"the {what} {path} cannot be read: {error.strerror}") from error
    except TypeError:  # `load_pem_private_key` says so of a key that has a password
        raise BadCredentialsError(
            f"the {what} {path} has a password, and nobody is there to type it: remove it, with"
            f" `openssl pkey`, and let the file's mode protect it"
        ) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadCredentialsError(f"{path} holds no {what} in PEM: {error}") from error


def _contents(path: str, what: str, *, secret: bool) -> bytes:
    with open(path, "rb") as file:
        if secret:
            _check_mode(os.fstat(file.fileno()), path, what)
        return file.read(_LARGEST)


def _check_mode(found: os.stat_result, path: str, what: str) -> None:
    """Refuse a key that others can read; if root owns it, a server's group may be able to."""
    others = stat.S_IMODE(found.st_mode) & (stat.S_IRWXG | stat.S_IRWXO)
    if found.st_uid == 0:
        others &= ~_GROUP_READS
    if others:
        raise BadCredentialsError(
            f"the {what} {path} is open to others than its owner: chmod 600 {path}, and have it made"
            " anew if somebody may have read it"
        )


def _key(pem: bytes) -> SigningKey:
    key = load_pem_private_key(pem, None)
    if not isinstance(key, SigningKey):
        raise ValueError("TLS 1.3 signs with keys of other kinds: EC, Ed25519, Ed448 or RSA")
    return key


def _crls(pem: bytes) -> tuple[x509.CertificateRevocationList, ...]:
    begin = b"-----BEGIN X509 CRL-----"
    blocks = pem.split(begin)[1:]
    if not blocks:
        raise ValueError("it has no block that begins with BEGIN X509 CRL")
    return tuple(x509.load_pem_x509_crl(begin + block) for block in blocks)
