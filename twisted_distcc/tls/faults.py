"""Why two ends do not trust each other, in sentences.

In: what OpenSSL found, on this side or as the other side's alert.  Out: a clause that goes on from
`the certificate of alice` or from the other end's name, and tells the person who reads it what to do.
This module refuses to know connections.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from cryptography import x509

from twisted_distcc.tls.certificate_names import holder
from twisted_distcc.tls.credentials import day

# Numbers of x509_vfy.h, which openssl-verification-options(1) tells of.
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_WRONG_PURPOSE: Final = 26
_FAULTS: Final[Mapping[int, str]] = {
    2: "was not made by an authority that is trusted here",
    3: "cannot be looked up in the list of revoked certificates, which is that of another authority",
    7: "is forged: its signature is not that of the authority it names",
    11: "cannot be looked up: the list of revoked certificates is not valid yet",
    12: "cannot be looked up: the list of revoked certificates has expired, and `twisted-distcc certs"
    " crl` makes a new one",
    18: "was made by itself, and not by an authority that is trusted here",
    19: "was not made by an authority that is trusted here",
    20: "was not made by an authority that is trusted here",
    21: "was not made by an authority that is trusted here",
    22: "comes by way of too many authorities",
    23: "was revoked: whoever keeps the authority can make another one",
    24: "was made by one that is no authority",
    47: "has a name that its authority may not give",
    48: "has a name that its authority may not give",
}

# What the other end may say of our certificate (RFC 8446, section 6), in OpenSSL's words.
_ALERT: Final = re.compile(r"\balert (.+)")
_ALERTS: Final[Mapping[str, str]] = {
    "certificate revoked": "our certificate was revoked: whoever keeps the authority can make another"
    " one",
    "certificate expired": "our certificate has expired there, or its list of revoked certificates:"
    " whoever keeps the authority can make others",
    "unknown ca": "our certificate was not made by the authority that is trusted there",
    "certificate required": "we showed no certificate",
    "unsupported certificate": "our certificate is for another purpose: a user's is for clients, a"
    " server's for servers",
    "bad certificate": "our certificate is no good there",
    "certificate unknown": "our certificate is not accepted, for a reason that is not told",
    "decrypt error": "our certificate's signature is wrong there",
    "access denied": "our certificate may not be used there",
    # What OpenSSL sends when it is our own code at the other end that objects.
    "internal error": "our certificate is not accepted there: its names or its purpose are wrong",
    "protocol version": "it wants another version of TLS than 1.3",
    "handshake failure": "there is no kind of encryption that both ends know",
}
_NO_TLS: Final = frozenset({"wrong version number", "http request", "packet length too long"})


def what_is_wrong(certificate: x509.Certificate, error: int, *, server: bool) -> str:
    """Give the sentence on a `certificate`, perhaps a server's, in which OpenSSL found `error`."""
    return f"the certificate of {holder(certificate)} {_clause(certificate, error, server=server)}"


def _clause(certificate: x509.Certificate, error: int, *, server: bool) -> str:
    if error == _EXPIRED:
        return f"expired on {day(certificate.not_valid_after_utc)}: have it renewed"
    if error == _NOT_YET_VALID:
        begin = day(certificate.not_valid_before_utc)
        return f"is not valid before {begin}: are both clocks right?"
    if error == _WRONG_PURPOSE:
        return wrong_purpose(server=server)
    return _FAULTS.get(error, f"is no good: OpenSSL calls it error {error}")


def wrong_purpose(*, server: bool) -> str:
    """Give the clause on a certificate that is not made to be shown by a server, or by a client."""
    if server:
        return "is not for a server: `twisted-distcc certs server` makes one that is"
    return "is not for a user: `twisted-distcc certs user` makes one that is"


def what_it_says(errors: object) -> str | None:
    """Give the clause on what the other end says of us, if the `errors` of OpenSSL tell of an alert.

    `errors` is the argument of an `OpenSSL.SSL.Error`.
    """
    for reason in _reasons(errors):
        if alert := _ALERT.search(reason):
            return _ALERTS.get(alert[1], f"it says: {alert[1]}")
    return None


def shows_nothing(errors: object) -> bool:
    """Say whether OpenSSL's `errors` tell of a client without a certificate."""
    return any(reason == "peer did not return a certificate" for reason in _reasons(errors))


def is_no_tls(errors: object) -> bool:
    """Say whether OpenSSL's `errors` tell of bytes that are not TLS at all."""
    return not _NO_TLS.isdisjoint(_reasons(errors))


def _reasons(errors: object) -> list[str]:
    if not isinstance(errors, list):
        return []
    return [str(entry[-1]) for entry in errors if entry]
