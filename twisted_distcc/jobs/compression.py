"""What each version of the protocol compresses.

| Version | Request | Reply |
|---|---|---|
| 1 | nothing | nothing |
| 2 | the source | everything |
| 3 | each file by itself | everything |

A `Request` or a `Reply` of the model is expanded.  These functions turn it into what is sent, and back;
a server and a client use the same ones, and whatever is compressed with `packing` is bounded by it::

    ready = await compress_request(bulk, request)       # the client sends this
    request = await expand_request(bulk, ready, limits)  # the server serves that

The files of version 3 are packed when they are sent (`packed_content.packed_form`), if they are not yet.
What was made is the caller's, and so is what it was made of; a message that its version leaves alone is
returned as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Final, TypeVar

from twisted_distcc.content.body import Body
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.content.packing import Packing
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.wire.grammar import COMPRESSED, PLAIN
from twisted_distcc.wire.limits import Limits

T = TypeVar("T")

# Bodies of a reply that protocols 1 to 3 have tokens for.
_CARRIED: Final = 4


def packed_source(request: Request) -> Body | None:
    """Return the source of a request as it was sent, if it is compressed."""
    return request.source if request.version == COMPRESSED else None


def largest_in_memory(request: Request) -> int:
    """Return how many bytes a compressed source may become, if it lies in memory."""
    source = packed_source(request)
    return 0 if source is None or source.data is None else PackedContent.packed(source.data).largest()


async def expand_request(packing: Packing, request: Request, limits: Limits) -> Request:
    """Return a request as it came with its source expanded; see `Packing.expand`."""
    if packed_source(request) is None:
        return request
    return replace(request, source=await packing.expand(request.source, limits.expanded))


async def compress_request(packing: Packing, request: Request) -> Request:
    """Return `request` as it is sent; see `Packing.compress`."""
    if request.version != COMPRESSED:
        return request
    return replace(request, source=await packing.compress(request.source))


async def expand_reply(packing: Packing, reply: Reply, version: int, limits: Limits) -> Reply:
    """Return a reply as it came with its bodies expanded; see `Packing.expand`."""
    if version == PLAIN:
        return reply
    ceilings = (limits.messages, limits.messages, limits.expanded, limits.messages)
    bodies = zip(reply.bodies, ceilings, strict=True)
    return Reply(reply.status, *await _each(bodies, lambda bounded: packing.expand(*bounded)))


async def compress_reply(packing: Packing, reply: Reply, version: int) -> Reply:
    """Return `reply` as it is sent with `version`; see `Packing.compress`."""
    if version == PLAIN:
        return reply
    return Reply(reply.status, *await _each(reply.bodies[:_CARRIED], packing.compress))


async def _each(bodies: Iterable[T], change: Callable[[T], Awaitable[Body]]) -> list[Body]:
    """Return what `change` makes of each of `bodies`, or of none."""
    changed: list[Body] = []
    try:
        for body in bodies:
            changed.append(await change(body))
    except BaseException:
        for made in changed:
            made.discard()
        raise
    return changed
