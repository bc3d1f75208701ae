"""Where the certificates and keys of one end are.

In: paths.  Out: whether something there has changed.  This module refuses to know what is in the files:
whoever only hands their names on needs nothing of cryptography.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CredentialFiles:
    """Where one end's credentials are.

    Attributes:
        certificate: its certificate, and those that lead from it to the authority, if any.
        key: the certificate's private key.
        ca: the certificates of the authorities that it trusts.
        crl: what they have revoked; without it nothing counts as revoked.
    """

    certificate: str
    key: str
    ca: str
    crl: str | None = None

    def stamp(self) -> tuple[tuple[int, ...] | None, ...]:
        """Give what is another value when a file is another one, or has changed."""
        return tuple(_stamp(path) for path in (self.certificate, self.key, self.ca, self.crl) if path)


def _stamp(path: str) -> tuple[int, ...] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
