"""Explain in plain sentences why two ends do not trust each other.

Given what OpenSSL found, on this side or in the other side's alert, these functions return a clause that
continues from `the certificate of alice` or from the other end's name, and tells the reader what to do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cryptography import x509

from twisted_distcc.tls.certificate_names import holder
from twisted_distcc.tls.credentials import day

# Numbers of x509_vfy.h, described in openssl-verification-options(1).
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_WRONG_PURPOSE: Final = 26
_FAULTS: Final[Mapping[int, str]] = {
    2: "was not issued by an authority that is trusted here",
    3: "cannot be checked: the list of revoked certificates is that of another authority",
    7: "is forged: its signature is not that of the authority it names",
    11: "cannot be checked: the list of revoked certificates is not valid yet",
    12: "cannot be checked: the list of revoked certificates has expired, and `twisted-distcc certs"
    " crl` makes a new one",
    18: "is self-signed, not issued by an authority that is trusted here",
    19: "was not issued by an authority that is trusted here",
    20: "was not issued by an authority that is trusted here",
    21: "was not issued by an authority that is trusted here",
    22: "has too many authorities in its chain",
    23: "was revoked: whoever keeps the authority can make another one",
    24: "was issued by a certificate that is not an authority's",
    47: "has a name that its authority may not certify",
    48: "has a name that its authority may not certify",
}

# The alerts that the other end may send about our certificate (RFC 8446, section 6), in OpenSSL's words.
_ALERT: Final = re.compile(r"\balert (.+)")
_ALERTS: Final[Mapping[str, str]] = {
    "certificate revoked": "our certificate was revoked: whoever keeps the authority can make another"
    " one",
    "certificate expired": "our certificate has expired there, or its list of revoked certificates:"
    " whoever keeps the authority can make others",
    "unknown ca": "our certificate was not issued by the authority that is trusted there",
    "certificate required": "we showed no certificate",
    "unsupported certificate": "our certificate is for another purpose: a user's is for clients, a"
    " server's for servers",
    "bad certificate": "our certificate is not valid there",
    "certificate unknown": "our certificate is not accepted, for an unknown reason",
    "decrypt error": "our certificate's signature cannot be verified there",
    "access denied": "our certificate may not be used there",
    # What OpenSSL sends when it is our own code at the other end that objects.
    "internal error": "our certificate is not accepted there: its names or its purpose are wrong",
    "protocol version": "it requires a version of TLS other than 1.3",
    "handshake failure": "the two ends have no kind of encryption in common",
}
_NO_TLS: Final = frozenset({"wrong version number", "http request", "packet length too long"})


def what_is_wrong(certificate: x509.Certificate, error: int, *, server: bool) -> str:
    """Return a sentence about the `error` that OpenSSL found in a `certificate`, perhaps a server's."""
    return f"the certificate of {holder(certificate)} {_clause(certificate, error, server=server)}"


def _clause(certificate: x509.Certificate, error: int, *, server: bool) -> str:
    if error == _EXPIRED:
        return f"expired on {day(certificate.not_valid_after_utc)}: have it renewed"
    if error == _NOT_YET_VALID:
        begin = day(certificate.not_valid_before_utc)
        return f"is not valid before {begin}: are both clocks right?"
    if error == _WRONG_PURPOSE:
        return wrong_purpose(server=server)
    return _FAULTS.get(error, f"is not valid: OpenSSL reports error {error}")


def wrong_purpose(*, server: bool) -> str:
    """Return the clause on a certificate that is not for use by a server, or by a client."""
    if server:
        return "is not for a server: `twisted-distcc certs server` makes one that is"
    return "is not for a user: `twisted-distcc certs user` makes one that is"


def what_it_says(errors: object) -> str | None:
    """Return the clause on what the other end says of us; None unless `errors` include an alert.

    `errors` is the argument of an `OpenSSL.SSL.Error`.
    """
    for reason in _reasons(errors):
        if alert := _ALERT.search(reason):
            return _ALERTS.get(alert[1], f"it says: {alert[1]}")
    return None


def shows_nothing(errors: object) -> bool:
    """Whether OpenSSL's `errors` mean that a client has no certificate."""
    return any(reason == "peer did not return a certificate" for reason in _reasons(errors))


def is_no_tls(errors: object) -> bool:
    """Whether OpenSSL's `errors` mean that the bytes are not TLS at all."""
    return not _NO_TLS.isdisjoint(_reasons(errors))


def _reasons(errors: object) -> list[str]:
    if not isinstance(errors, list):
        return []
    return [str(entry[-1]) for entry in errors if entry]
