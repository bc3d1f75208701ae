"""Validate the names that people want in a certificate.

Each function takes a word from a command line, and returns the name as it will appear in a certificate,
or raises a `BadNameError` that says what is wrong with it.  Whether anybody has such a name is not
checked.

Names become folders, and parts of commands that people copy into a shell, so the rules are strict; a
user's name is plain ASCII, so that no letter can be confused with one of another script.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.policy.access import without_scope

# RFC 5280, appendix A.1: a common name has 64 characters at most (ub-common-name).
COMMON_NAME_LENGTH: Final = 64
_HOST_LENGTH: Final = 253  # RFC 1035, 2.3.4, less the length bytes
# No hyphen at either end (RFC 1123, 2.1); the underscore is not allowed there, but containers use it.
_HOST: Final = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
)
# No hyphen and no dot in front: such a name would be an option, or a hidden folder.
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]*")


class BadNameError(DistccError):
    """A name cannot be used in a certificate."""

    exit_code = EXIT_BAD_ARGUMENTS


def host_name(text: str) -> str:
    """Return the name or address of a host in the form that certificates use; raises `BadNameError`."""
    if (address := as_address(text)) is not None:
        if "%" in text:
            bare = without_scope(text)
            raise BadNameError(
                f"{_shown(text)} names an interface, and certificates have none; write {bare}"
            )
        return str(address)
    if not text.isascii():
        raise BadNameError(
            f"{_shown(text)} is not plain ASCII; give the form of that name that begins with xn--"
        )
    name = text.lower()
    if len(name) > _HOST_LENGTH or not _HOST.fullmatch(name) or name.rpartition(".")[2].isdecimal():
        raise BadNameError(
            f"{_shown(text)} is not a host name or address, such as build1.example.org or 10.0.0.5"
        )
    return name


def user_name(text: str) -> str:
    """Return the name of a user, unchanged; raises `BadNameError`."""
    if not _USER.fullmatch(text) or len(text) > COMMON_NAME_LENGTH:
        raise BadNameError(
            f"{_shown(text)} cannot be a user's name: it needs to be 1 to {COMMON_NAME_LENGTH} of"
            " A-Z a-z 0-9 . _ @ - and to begin with a letter, a digit or _"
        )
    return text


def as_address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an IP address; return None if the text is something else."""
    try:
        return ip_address(text)
    except ValueError:
        return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _HOST_LENGTH else f"{text[:_HOST_LENGTH]}...")
