"""LZO1X, with which versions 2 and 3 of the protocol compress bodies and files.

It works on whole bodies, in memory; empty ones stay empty.  The format does not say how large a body
will become, so look at `largest_expansion` before you `expand` what a peer sent::

    if largest_expansion(packed) <= 1024 * 1024:
        data = expand(packed, ceiling=1024 * 1024)

`filter` does the same as a program of its own, for bodies that are too large to trust.

The bound follows from the format: a match costs an instruction of two bytes that are not zero and at
most two more for the distance, and gives at most 288 bytes; each zero byte that lengthens it gives
255 more.  Literals give themselves.
"""

from __future__ import annotations

from typing import Final

from lzallright import LZOCompressor, LZOError

from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError

_PER_ZERO: Final = 255
_PER_OTHER: Final = 144


def compress(data: bytes) -> bytes:
    """Compress `data`; it lets other threads run meanwhile."""
    return LZOCompressor().compress(data) if data else b""


def largest_expansion(data: bytes) -> int:
    """Return a number of bytes that `data` cannot expand beyond, without expanding it."""
    zeros = data.count(0)
    return _PER_ZERO * zeros + _PER_OTHER * (len(data) - zeros)


def expand(data: bytes, ceiling: int) -> bytes:
    """Expand `data` to at most `ceiling` bytes.

    The caller first bounds the memory that this takes, by `largest_expansion` or by a limit on the
    process.

    Raises:
        BodyTooLargeError: if it is more than `ceiling` bytes.
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
