"""Encode and decode the twelve-byte header of a token.

A header is four upper-case ASCII letters, the name, and eight lower-case hexadecimal digits, a number.
Whether a token is allowed at its position is for the grammar to say.
"""

from __future__ import annotations

import re
from typing import Final

from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError

HEADER_LENGTH: Final = 12
NAME_LENGTH: Final = 4
LARGEST: Final = 0xFFFF_FFFF
_TLS: Final = b"\x16\x03"  # how every connection under TLS begins (RFC 8446, section 5.1)
_DIGITS: Final = frozenset(b"0123456789abcdef")
_HEADER: Final = re.compile(rb"([A-Z]{4})([0-9a-f]{8})")


def spell(name: bytes) -> str:
    """Return `name` in printable form, whatever its bytes are."""
    return name.decode("ascii", "backslashreplace")


def encode_header(name: bytes, value: int) -> bytes:
    """Return the header of the token `name` with the number or length `value`.

    Raises:
        LocalProtocolError: if `value` does not fit into eight hexadecimal digits.
    """
    if not 0 <= value <= LARGEST:
        raise LocalProtocolError(f"{value} does not fit into a {spell(name)} token")
    return b"%s%08x" % (name, value)


def decode_header(header: bytes) -> tuple[bytes, int]:
    """Split the twelve bytes of `header` into a name and a number.

    Raises:
        RemoteProtocolError: if the bytes are not a header.
    """
    name, digits = header[:NAME_LENGTH], header[NAME_LENGTH:]
    is_whole = len(header) == HEADER_LENGTH
    if not (is_whole and name.isalpha() and name.isupper() and _DIGITS.issuperset(digits)):
        is_tls = "; that is TLS, which has a port of its own" if header.startswith(_TLS) else ""
        raise RemoteProtocolError(
            f"expected a token of four letters and eight hexadecimal digits, got {header!r}{is_tls}"
        )
    return name, int(digits, 16)


def whole_tokens(data: bytes, most: int) -> list[tuple[bytes, bytes]]:
    """Return the complete tokens that `data` begins with, at most `most`, each with its bytes.

    Every token is taken to carry bytes; the list ends before the first that is incomplete or malformed.
    """
    tokens: list[tuple[bytes, bytes]] = []
    end, length, match = 0, len(data), _HEADER.match
    while len(tokens) < most and (header := match(data, end)):
        start = end + HEADER_LENGTH
        end = start + int(header[2], 16)
        if end > length:
            break
        tokens.append((header[1], data[start:end]))
    return tokens
