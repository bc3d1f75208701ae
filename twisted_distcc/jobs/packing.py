"""Bodies on their way through LZO1X, within bounds on memory and time.

In: a body.  Out: the same body, compressed or expanded.  What is small, and cannot become large, is
done at once; what takes longer is `work` that another thread may do; what could burst, a program of its
own with limits.  This module refuses to know how any of them is waited for: `bulk` waits with Twisted.
"""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Final, TypeVar

from twisted_distcc.content.body import Body, Spool, new_file
from twisted_distcc.content.filter import NO_ROOM, filter_argv
from twisted_distcc.content.lzo import compress, expand, largest_expansion
from twisted_distcc.errors import BodyTooLargeError
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.launcher.command import Command, Ended
from twisted_distcc.wire.grammar import COMPRESSED, PLAIN
from twisted_distcc.wire.limits import Limits

T = TypeVar("T")

# Compressing costs some 30 microseconds a kilobyte: beyond this it would hold other jobs up.
_COMPRESSED_AT_ONCE: Final = 16 * 1024
# What a body may become on the spot, as far as its bytes can tell: that takes half a millisecond.
_EXPANDED_AT_ONCE: Final = 512 * 1024
# What a thread may hold in memory, and how far that may expand.
_IN_THREAD: Final = 4 * 1024 * 1024
_EXPANDED_IN_THREAD: Final = 64 * 1024 * 1024


class Packing(ABC):
    """Compresses and expands bodies; whoever inherits says how what takes long is waited for.

    Attributes:
        directory: where large bodies lie; `None` is the system's folder for temporary files.
    """

    __slots__ = ()

    directory: str | None

    @abstractmethod
    async def work(self, work: Callable[[], Body]) -> Body:
        """Give what `work` returns or raises; it holds the processor for a tenth of a second or two."""

    async def expansion(self, work: Callable[[], Body]) -> Body:
        """Do as `work` does, for what may take some hundred megabytes of memory meanwhile."""
        return await self.work(work)

    @abstractmethod
    async def filter(self, command: Command) -> Ended:
        """Run a filter to its end."""

    async def expand_request(self, request: Request, limits: Limits) -> Request:
        """Give `request` with its source expanded, if it is compressed; see `expand`.

        What is in a tree is expanded when the tree is laid out.
        """
        if request.version != COMPRESSED:
            return request
        return replace(request, source=await self.expand(request.source, limits.expanded))

    async def compress_request(self, request: Request) -> Request:
        """Give `request` with its source as its version wants it; see `compress`.

        What is in a tree is compressed already.
        """
        if request.version != COMPRESSED:
            return request
        return replace(request, source=await self.compress(request.source))

    async def expand_reply(self, reply: Reply, version: int, limits: Limits) -> Reply:
        """Give `reply` with its bodies expanded, if `version` compresses; see `expand`."""
        if version == PLAIN:
            return reply
        ceilings = (limits.messages, limits.messages, limits.expanded, limits.messages)
        bodies = zip(reply.bodies, ceilings, strict=True)
        return Reply(reply.status, *await _each(bodies, lambda bounded: self.expand(*bounded)))

    async def compress_reply(self, reply: Reply, version: int) -> Reply:
        """Give `reply` with its bodies as `version` wants them; see `compress`."""
        if version == PLAIN:
            return reply
        return Reply(reply.status, *await _each(reply.bodies, self.compress))

    async def compress(self, body: Body) -> Body:
        """Give the compressed form of `body`, which stays the caller's.

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
        """Give the expanded form of `body`, which stays the caller's.

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

    def _compressed(self, body: Body) -> Body:
        return self._spooled(compress(body.read()))

    def _expanded(self, data: bytes, ceiling: int) -> Body:
        return self._spooled(expand(data, ceiling))

    def _spooled(self, data: bytes) -> Body:
        spool = Spool(self.directory)
        spool.write(data)
        return spool.finish()

    async def _filter(self, direction: str, length: int, path: str, ceiling: int) -> Body:
        descriptor, filtered = new_file(self.directory)
        try:
            with open(descriptor, "wb") as target, open(path, "rb") as source:
                command = Command(
                    filter_argv(direction, ceiling), stdin=source.fileno(), stdout=target.fileno()
                )
                status = (await self.filter(command)).status
            if status:
                raise _no_result(direction, length, ceiling, os.waitstatus_to_exitcode(status))
            return Body.adopt(filtered)
        except BaseException:
            os.unlink(filtered)
            raise


async def _each(bodies: Iterable[T], change: Callable[[T], Awaitable[Body]]) -> list[Body]:
    """Give what `change` makes of each of `bodies`, or of none."""
    changed: list[Body] = []
    try:
        for body in bodies:
            changed.append(await change(body))
    except BaseException:
        for made in changed:
            made.discard()
        raise
    return changed


def _no_result(direction: str, length: int, ceiling: int, code: int) -> OSError | BodyTooLargeError:
    if code == NO_ROOM:
        return OSError(errno.ENOSPC, f"there is no room to {direction} a body of {length} bytes")
    return BodyTooLargeError(
        f"a body of {length} bytes is not LZO1X, or does not {direction} to at most {ceiling}"
    )
