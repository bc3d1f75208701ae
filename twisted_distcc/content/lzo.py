"""LZO1X, which version 2 of the protocol compresses its bulk bodies with.

In: whole bodies.  Out: whole bodies, and beforehand a bound on how large one may become, since the
format itself says nothing of it.  Empty bodies are sent as they are.  This module refuses to know
where the bytes lie; `filter` runs it as a program of its own for those that are too large to trust.

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
    """Give a number of bytes that `data` cannot expand beyond, without expanding it."""
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
