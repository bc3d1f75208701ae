"""Zstandard, the compression of blobs and outputs in version 4 of the protocol.

`compress` and `expand` work on bytes in memory, `compress_body` and `expand_body` on bodies of any
size::

    packed = compress(b"int a;")
    assert expand(packed, ceiling=1024) == b"int a;"

What is compressed is one frame that records the size of its content, so a receiver knows before it
expands anything whether there is room.  It still takes no frame at its word: expansion goes in small
steps, and ends as soon as there is more than was recorded.  A frame names the memory that it needs, too,
its window, and one that needs much is refused.

Level 1 takes two thirds of the time of level 3, and what it makes is larger by a twentieth (preprocessed
sources) to a tenth (objects).  It compresses some 600 MB/s, eighteen times as much as LZO1X, to less.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Final

from twisted_distcc.content.body import Body, Folder, spooled
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError

if TYPE_CHECKING:
    import zstandard

_LEVEL: Final = 1
_LARGEST_WINDOW: Final = 8 * 1024 * 1024
_MAGIC: Final = b"\x28\xb5\x2f\xfd"
# Four bytes of a frame expand to 128 KiB at most, and these to 16 MiB.
_STEP: Final = 512
LONGEST_HEADER: Final = 18
"""The most bytes at the beginning of a frame that say how large its content is."""


def compress(data: bytes) -> bytes:
    """Return `data` as one frame; this releases the GIL."""
    return _compressor().compress(data)


def expand(data: bytes, ceiling: int) -> bytes:
    """Return the content of the frame `data`, in memory.

    Raises:
        BodyTooLargeError: if the content has more than `ceiling` bytes.
        RemoteProtocolError: if `data` is not exactly one frame that records the size of its content.
    """
    return b"".join(expansion((data,), ceiling))


def compress_body(body: Body, directory: Folder) -> Body:
    """Return `body`, which stays the caller's, as one frame; a large one is a file in `directory`.

    Raises:
        OSError: if the disk takes no more.
    """
    return spooled(_compression(body), directory)


def expand_body(body: Body, ceiling: int, directory: Folder) -> Body:
    """Return the content of the frame `body`, which stays the caller's; a large one is a file.

    Raises:
        BodyTooLargeError: if the content has more than `ceiling` bytes.
        RemoteProtocolError: if `body` is not exactly one frame that records the size of its content.
        OSError: if the disk takes no more.
    """
    return spooled(expansion(body.pieces(), ceiling), directory)


def expansion(pieces: Iterable[bytes], ceiling: int) -> Iterator[bytes]:
    """Yield the content of a frame, some megabytes at a time at most; see `expand` for errors.

    What has been yielded is worth nothing if an error follows.

    Args:
        pieces: the frame; the first has `LONGEST_HEADER` bytes, unless the whole frame has fewer.
        ceiling: the most bytes that the content may have.
    """
    rest = iter(pieces)
    first = next(rest, b"")
    size = content_size(first)
    if size > ceiling:
        raise BodyTooLargeError(f"a body expands to {size} bytes, over {ceiling}")
    expanded = 0
    for piece in _frame(chain((first,), rest)):
        expanded += len(piece)
        if expanded > size:
            break
        yield piece
    if expanded != size:
        raise RemoteProtocolError(f"a body does not expand to {size} bytes, as it says")


def content_size(start: bytes) -> int:
    """Return the size of its content that a frame records, in bytes.

    Args:
        start: the first `LONGEST_HEADER` bytes of the frame, or more, or the whole frame.

    Raises:
        RemoteProtocolError: if it is not a frame, does not record the size, or needs much memory.
    """
    import zstandard

    if not start.startswith(_MAGIC):  # the library knows other kinds, which hold no content
        raise RemoteProtocolError("a body is not a zstd frame")
    try:
        frame = zstandard.get_frame_parameters(start)
    except zstandard.ZstdError as error:
        raise _malformed(error) from None
    if frame.content_size == zstandard.CONTENTSIZE_UNKNOWN:
        raise RemoteProtocolError("a body's zstd frame does not record the size of its content")
    if frame.window_size > _LARGEST_WINDOW:
        raise RemoteProtocolError(
            f"a body's zstd frame has a window of more than {_LARGEST_WINDOW} bytes"
        )
    return frame.content_size


def _frame(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what is in one frame, after which there is nothing."""
    import zstandard

    frame = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW).decompressobj()
    for step in _steps(pieces):
        if frame.eof:
            raise _followed()
        try:
            yield frame.decompress(step)
        except zstandard.ZstdError as error:
            raise _malformed(error) from None
    if not frame.eof:
        raise RemoteProtocolError("a body's zstd frame is cut short")
    if frame.unused_data:
        raise _followed()


def _steps(pieces: Iterable[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        for start in range(0, len(piece), _STEP):
            yield piece[start : start + _STEP]


def _malformed(error: Exception) -> RemoteProtocolError:
    return RemoteProtocolError(f"a body is not a zstd frame: {error}")


def _followed() -> RemoteProtocolError:
    return RemoteProtocolError("a body has something after its zstd frame")


def _compression(body: Body) -> Iterator[bytes]:
    frame = _compressor().compressobj(size=body.length)
    for piece in body.pieces():
        yield frame.compress(piece)
    yield frame.flush()


def _compressor() -> zstandard.ZstdCompressor:
    # Whoever compresses nothing does not pay for the import, and one compressor serves one thread.
    import zstandard

    return zstandard.ZstdCompressor(level=_LEVEL)
