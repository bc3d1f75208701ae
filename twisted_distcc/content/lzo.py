"""LZO1X, the compression of bodies and files in versions 2 and 3 of the protocol.

These functions work on whole bodies in memory; empty ones stay empty.  The format does not record the
expanded size, so check `largest_expansion` before you `expand` what a peer sent::

    if largest_expansion(packed) <= 1024 * 1024:
        data = expand(packed, ceiling=1024 * 1024)

`filter` does the same in a separate process, for bodies that are too large to trust.

The bound follows from the format: a match takes an instruction of two non-zero bytes and at most two
more for the distance, and yields at most 288 bytes; each zero byte that lengthens it yields 255 more.
Literals yield themselves.
"""

from __future__ import annotations

from typing import Final

from lzallright import LZOCompressor, LZOError

from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError

_PER_ZERO: Final = 255
_PER_OTHER: Final = 144


def compress(data: bytes) -> bytes:
    """Return `data` compressed; this releases the GIL."""
    return LZOCompressor().compress(data) if data else b""


def largest_expansion(data: bytes) -> int:
    """Return an upper bound on the expanded size of `data`, in bytes, without expanding it."""
    zeros = data.count(0)
    return _PER_ZERO * zeros + _PER_OTHER * (len(data) - zeros)


def expand(data: bytes, ceiling: int) -> bytes:
    """Return `data` expanded to at most `ceiling` bytes.

    The caller must first bound the memory that this takes, by `largest_expansion` or by a limit on the
    process.

    Raises:
        BodyTooLargeError: if it expands to more than `ceiling` bytes.
        RemoteProtocolError: if it is not LZO1X.
    """
    if not data:
        return b""
    try:
        expanded = LZOCompressor.decompress(data)
    except LZOError as error:
        raise RemoteProtocolError(f"a body is not LZO1X: {error}") from None
    if len(expanded) > ceiling:
        raise BodyTooLargeError(f"a body expands to {len(expanded)} bytes, over {ceiling}")
    return expanded
