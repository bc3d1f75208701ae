"""The paths of one end's certificates and keys.

`CredentialFiles` also tells whether one of the files has changed.  It does not read them, so code that
only passes paths along need not import any cryptography.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """The paths of one end's credentials.

    Attributes:
        certificate: its certificate, and any intermediates between it and the authority.
        key: the certificate's private key.
        ca: the certificates of the authorities that it trusts.
        crl: their revocation lists; without them nothing counts as revoked.
    """

    certificate: str
    key: str
    ca: str
    crl: str | None = None

    def stamp(self) -> tuple[tuple[int, ...] | None, ...]:
        """Return a value that changes when one of the files is changed or replaced."""
        return tuple(_stamp(path) for path in (self.certificate, self.key, self.ca, self.crl) if path)


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
