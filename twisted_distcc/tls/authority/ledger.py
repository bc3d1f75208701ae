"""The folder of an authority: its key, what it has issued, and what it has revoked.

A `Ledger` reads the files, or raises an `AuthorityError` that names the one that is missing or broken;
it writes each file atomically.  It does not decide who may have a certificate, and for how long.

    certificate.pem key.pem     the authority's own
    crl.pem                     the list of revoked certificates, as servers read it; there is no other
    issued/000001.pem ...       each certificate, in the order of issue; there is no other record either
    servers/NAME/  users/NAME/  the latest bundle of each: certificate.pem key.pem ca.pem crl.pem

A certificate is recorded before anybody gets it, so what exists can be revoked.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from twisted_distcc.errors import DistccError
from twisted_distcc.own_folders import make_own_folder
from twisted_distcc.tls.authority.issued import Issued, Role, read_issued
from twisted_distcc.tls.authority.keeping import (
    PUBLIC,
    SECRET,
    is_free,
    locked,
    new_folder,
    remove_folder,
    remove_unfinished,
    replace_file,
    replace_folder,
)
from twisted_distcc.tls.authority.signing import Signer

T = TypeVar("T")

CERTIFICATE: Final = "certificate.pem"
KEY: Final = "key.pem"
AUTHORITY: Final = "ca.pem"
REVOKED: Final = "crl.pem"
_ISSUED: Final = "issued"
_BUNDLES: Final = {Role.SERVER: "servers", Role.USER: "users"}
_RESTORE: Final = "restore it from a copy"


class AuthorityError(DistccError):
    """An authority cannot, or must not, do what it was asked to do."""


def create_ledger(folder: Path, signer: Signer, revoked: x509.CertificateRevocationList) -> None:
    """Create the folder of a new authority, unless something is there already."""
    if not is_free(folder):
        raise AuthorityError(
            f"{folder} is there already and stays as it is; give another --authority DIR"
        )
    make_own_folder(folder.parent)
    files = {
        CERTIFICATE: (_pem(signer.certificate), PUBLIC),
        KEY: (_key_pem(signer.key), SECRET),
        REVOKED: (_pem(revoked), PUBLIC),
    }
    new_folder(folder, files)


class Ledger:
    """Reads and writes the folder of one authority; hold it `locked` to write."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder for this process, and clear up what killed processes have left."""
        self.certificate()  # or a sentence that says that there is none
        with locked(self.folder):
            remove_unfinished(self.folder)
            yield

    def certificate(self) -> x509.Certificate:
        """Return the authority's own certificate."""
        path = self.folder / CERTIFICATE
        if not path.exists():
            raise AuthorityError(
                f"there is no authority in {self.folder}; `twisted-distcc certs init` makes one"
            )
        return _read(path, x509.load_pem_x509_certificate)

    def signer(self) -> Signer:
        """Return the authority's certificate and key, which must match; the key must be private."""
        certificate = self.certificate()
        path = self.folder / KEY
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise AuthorityError(
                f"others may read {path}, so anybody may have it; if nobody has, chmod 600 it"
            )
        key = _read(path, lambda data: load_pem_private_key(data, None))
        if (
            not isinstance(key, ec.EllipticCurvePrivateKey)
            or key.public_key() != certificate.public_key()
        ):
            raise AuthorityError(f"{path} is not the key of {self.folder / CERTIFICATE}")
        return Signer(certificate, key)

    def revoked(self) -> x509.CertificateRevocationList:
        """Return the revocation list, which must be this authority's."""
        path = self.folder / REVOKED
        revoked = _read(path, x509.load_pem_x509_crl)
        signer = self.certificate().public_key()
        if not isinstance(signer, ec.EllipticCurvePublicKey) or not revoked.is_signature_valid(signer):
            raise AuthorityError(f"{path} is not of the authority in {self.folder}; {_RESTORE}")
        return revoked

    def issued(self) -> list[Issued]:
        """Return the issued certificates, in the order of issue."""
        return [read_issued(_read(path, x509.load_pem_x509_certificate)) for path in self._records()]

    def refuse_unknown_bundle(self, role: Role, name: str) -> None:
        """Raise `AuthorityError` if something is in the place of an owner's first bundle."""
        folder = self.folder / _BUNDLES[role] / name
        if not is_free(folder):
            raise AuthorityError(f"{folder} is in the way; move it elsewhere")

    def record(self, certificate: x509.Certificate) -> None:
        """Record a certificate permanently."""
        number = int(records[-1].stem) + 1 if (records := self._records()) else 1
        folder = self._subfolder(_ISSUED)
        replace_file(folder / f"{number:06}.pem", _pem(certificate), PUBLIC)

    def publish_bundle(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Path:
        """Replace an owner's bundle, atomically, and return its folder."""
        issued = read_issued(certificate)
        folder = self._subfolder(_BUNDLES[issued.role]) / issued.name
        files = {
            CERTIFICATE: (_pem(certificate), PUBLIC),
            KEY: (_key_pem(key), SECRET),
            AUTHORITY: (_pem(self.certificate()), PUBLIC),
            REVOKED: (_pem(self.revoked()), PUBLIC),
        }
        replace_folder(folder, files)
        return folder

    def replace_list(self, revoked: x509.CertificateRevocationList) -> None:
        """Replace the revocation list."""
        replace_file(self.folder / REVOKED, _pem(revoked), PUBLIC)

    def bundles_follow(self, revoked: x509.CertificateRevocationList) -> None:
        """Put a list into all bundles; those that it revokes are removed, with their keys."""
        for path in self._bundles():
            certificate = _read(path, x509.load_pem_x509_certificate)
            if revoked.get_revoked_certificate_by_serial_number(certificate.serial_number):
                remove_folder(path.parent)
            else:
                replace_file(path.parent / REVOKED, _pem(revoked), PUBLIC)

    def _records(self) -> list[Path]:
        return sorted((self.folder / _ISSUED).glob("[0-9]*.pem"))

    def _bundles(self) -> Iterator[Path]:
        for name in _BUNDLES.values():
            yield from (self.folder / name).glob(f"*/{CERTIFICATE}")

    def _subfolder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder


def _read(path: Path, load: Callable[[bytes], T]) -> T:
    try:
        return load(path.read_bytes())
    except FileNotFoundError:
        raise AuthorityError(f"{path} is missing; {_RESTORE}") from None
    except (ValueError, TypeError) as error:  # a TypeError speaks of a password
        raise AuthorityError(f"{path} cannot be read: {error}") from None


def _pem(signed: x509.Certificate | x509.CertificateRevocationList) -> bytes:
    return signed.public_bytes(Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
