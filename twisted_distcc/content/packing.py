"""Compress and expand bodies, within bounds on memory and time.

A body that is small, and cannot become large, is handled on the spot.  One that takes longer goes to a
thread, and one that might expand without bound to a process with limits of its own (`filter`).
`Packing` decides which; its subclasses say how to wait for a thread and a process: `runtime.bulk` waits
with Twisted, `server.connection.blocking` without::

    packed = await bulk.compress(Body.of(b"int a;"))
    assert (await bulk.expand(packed, ceiling=1024)).read() == b"int a;"

`compress` and `expand` are for LZO1X, of versions 2 and 3 of the protocol, `compress_frame` and
`expand_frame` for Zstandard, of version 4.  A frame says how large its content is, and expands in steps,
so it never needs a process.
"""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Final

from twisted_distcc.content.body import Body, Folder, new_file, spooled
from twisted_distcc.content.filter import NO_ROOM
from twisted_distcc.content.lzo import compress, expand, largest_expansion
from twisted_distcc.content.zstd import LONGEST_HEADER, compress_body, content_size, expand_body
from twisted_distcc.errors import BodyTooLargeError

# Compressing takes some 30 microseconds per kilobyte: beyond this it would hold up other jobs.
_COMPRESSED_AT_ONCE: Final = 16 * 1024
# The upper bound on what is expanded on the spot, which takes half a millisecond.
_EXPANDED_AT_ONCE: Final = 512 * 1024
# Zstandard compresses this much in the same time.
_FRAMED_AT_ONCE: Final = 256 * 1024
# The most that a thread may hold in memory, compressed and expanded.
_IN_THREAD: Final = 4 * 1024 * 1024
_EXPANDED_IN_THREAD: Final = 64 * 1024 * 1024


class Packing(ABC):
    """Compresses and expands bodies; subclasses say how to wait for long work.

    Attributes:
        directory: where large bodies lie; `None` is the system's folder for temporary files.
    """

    __slots__ = ()

    directory: Folder

    @abstractmethod
    async def work(self, work: Callable[[], Body]) -> Body:
        """Run `work`, which may take a tenth of a second or two, and return what it returns."""

    async def expansion(self, work: Callable[[], Body]) -> Body:
        """Like `work`, for work that may take a few hundred megabytes of memory."""
        return await self.work(work)

    @abstractmethod
    async def filter(self, direction: str, ceiling: int, source: int, target: int) -> int:
        """Run a filter between two descriptors, as `run_filter` does; return its exit status."""

    async def compress(self, body: Body) -> Body:
        """Return the compressed form of `body`, which stays the caller's.

        Raises:
            OSError: if the disk takes no more.
        """
        if body.length <= _COMPRESSED_AT_ONCE:
            return self._compressed(body)
        if body.length <= _IN_THREAD or body.path is None:
            return await self.work(lambda: self._compressed(body))
        # Data that does not compress grows, by 1/255 at the most.
        ceiling = body.length + body.length // 64 + 1024
        return await self._filter("compress", body.length, body.path, ceiling)

    async def expand(self, body: Body, ceiling: int) -> Body:
        """Return the expanded form of `body`, which stays the caller's.

        Raises:
            BodyTooLargeError: if it is, or may be, more than `ceiling` bytes.
            RemoteProtocolError: if it is not LZO1X.
            OSError: if the disk takes no more.
        """
        if body.path is None or body.length <= _IN_THREAD:
            data = body.read()
            largest = largest_expansion(data)
            if body.path is None and largest <= _EXPANDED_AT_ONCE:
                return self._expanded(data, ceiling)
            if body.path is None or largest <= _EXPANDED_IN_THREAD:
                return await self.expansion(lambda: self._expanded(data, ceiling))
        return await self._filter("expand", body.length, body.path, ceiling)

    async def compress_frame(self, body: Body) -> Body:
        """Return `body`, which stays the caller's, as one zstd frame.

        Raises:
            OSError: if the disk takes no more.
        """
        if body.path is None and body.length <= _FRAMED_AT_ONCE:
            return compress_body(body, self.directory)
        return await self.work(lambda: compress_body(body, self.directory))

    async def expand_frame(self, body: Body, ceiling: int) -> Body:
        """Return the content of the zstd frame `body`, which stays the caller's.

        Raises:
            BodyTooLargeError: if the content has more than `ceiling` bytes.
            RemoteProtocolError: if `body` is not exactly one frame that records the size of its content.
            OSError: if the disk takes no more.
        """
        if body.path is None and content_size(body.head(LONGEST_HEADER)) <= _EXPANDED_AT_ONCE:
            return expand_body(body, ceiling, self.directory)
        return await self.expansion(lambda: expand_body(body, ceiling, self.directory))

    def _compressed(self, body: Body) -> Body:
        return spooled((compress(body.read()),), self.directory)

    def _expanded(self, data: bytes, ceiling: int) -> Body:
        return spooled((expand(data, ceiling),), self.directory)

    async def _filter(self, direction: str, length: int, path: str, ceiling: int) -> Body:
        descriptor, filtered = new_file(self.directory)
        try:
            with open(descriptor, "wb") as target, open(path, "rb") as source:
                code = await self.filter(direction, ceiling, source.fileno(), target.fileno())
            if code:
                raise _no_result(direction, length, ceiling, code)
            return Body.adopt(filtered)
        except BaseException:
            os.unlink(filtered)
            raise


def _no_result(direction: str, length: int, ceiling: int, code: int) -> OSError | BodyTooLargeError:
    if code == NO_ROOM:
        return OSError(errno.ENOSPC, f"there is no room to {direction} a body of {length} bytes")
    return BodyTooLargeError(
        f"a body of {length} bytes is not LZO1X, or does not {direction} to at most {ceiling}"
    )
