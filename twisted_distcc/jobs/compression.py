"""What each version of the protocol compresses.

| Version | Request | Reply |
|---|---|---|
| 1 | nothing | nothing |
| 2 | the source | everything |
| 3 | each file by itself | everything |
| 4 | blobs, if the client wishes so | outputs, if the client wishes so |

The bodies of a `Request` or a `Reply` are expanded.  These functions turn it into what is sent, and
back, for servers and clients alike; `packing` does the work, within its bounds::

    ready = await compress_request(bulk, request)       # the client sends this
    request = await expand_request(bulk, ready, limits)  # the server serves that

The files of version 3 are packed when they are sent (`local_content.packed_form`), if they are not yet.
The caller owns both the result and the message that it was made from; a message that its version does
not compress is returned unchanged.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Set
from dataclasses import replace
from typing import Final, TypeVar

from twisted_distcc.content.body import Body
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.content.packing import Packing
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.wire.grammar import COMPRESSED, PLAIN
from twisted_distcc.wire.limits import Limits

T = TypeVar("T")

PACKED_FROM: Final = 512
"""Bytes; of protocol 4 nothing smaller is compressed, as it would not shrink by more than that costs."""

# Bodies of a reply that protocols 1 to 3 have tokens for.
_CARRIED: Final = 4


def packed_source(request: Request) -> Body | None:
    """Return the source of a request as it was sent; `None` if it is not compressed."""
    return request.source if request.version == COMPRESSED else None


def largest_in_memory(request: Request) -> int:
    """Return how many bytes a compressed source in memory may expand to; 0 if there is none."""
    source = packed_source(request)
    return 0 if source is None or source.data is None else PackedContent.packed(source.data).largest()


async def expand_request(packing: Packing, request: Request, limits: Limits) -> Request:
    """Return a received request with its source expanded; see `Packing.expand`."""
    if packed_source(request) is None:
        return request
    return replace(request, source=await packing.expand(request.source, limits.expanded))


async def compress_request(packing: Packing, request: Request) -> Request:
    """Return `request` compressed for sending; see `Packing.compress`."""
    if request.version != COMPRESSED:
        return request
    return replace(request, source=await packing.compress(request.source))


async def expand_reply(packing: Packing, reply: Reply, version: int, limits: Limits) -> Reply:
    """Return a received reply with its bodies expanded; see `Packing.expand`."""
    if version == PLAIN:
        return reply
    ceilings = (limits.messages, limits.messages, limits.expanded, limits.messages)
    bodies = zip(reply.bodies, ceilings, strict=True)
    return Reply(reply.status, *await _each(bodies, lambda bounded: packing.expand(*bounded)))


async def compress_reply(packing: Packing, reply: Reply, version: int) -> Reply:
    """Return `reply` compressed for sending with `version`; see `Packing.compress`."""
    if version == PLAIN:
        return reply
    return Reply(reply.status, *await _each(reply.bodies[:_CARRIED], packing.compress))


async def _each(bodies: Iterable[T], change: Callable[[T], Awaitable[Body]]) -> list[Body]:
    """Return what `change` makes of each of `bodies`; if one fails, discard what was made."""
    changed: list[Body] = []
    try:
        for body in bodies:
            changed.append(await change(body))
    except BaseException:
        for made in changed:
            made.discard()
        raise
    return changed


async def packed_outputs(reply: Reply, packing: Packing) -> tuple[Reply, frozenset[str]]:
    """Return `reply` with those outputs compressed that are not tiny, and their names.

    It is given up, or returned as it is.

    Raises:
        OSError: if the disk takes no more.
    """
    packed: dict[str, Body] = {}
    try:
        for name, body in reply.outputs.items():
            if body.length >= PACKED_FROM:
                packed[name] = await packing.compress_frame(body)
    except BaseException:
        for body in (*packed.values(), *reply.bodies):
            body.discard()
        raise
    for name in packed:
        reply.outputs[name].discard()
    return reply.with_outputs({**reply.outputs, **packed}), frozenset(packed)


async def expanded_outputs(reply: Reply, packed: Set[str], packing: Packing, ceiling: int) -> Reply:
    """Return `reply` with the outputs named in `packed` expanded; it is given up.

    Raises:
        RemoteProtocolError: if one is no zstd frame, or would have more than `ceiling` bytes.
        OSError: if the disk takes no more.
    """
    expanded: dict[str, Body] = {}
    try:
        for name in packed:
            expanded[name] = await packing.expand_frame(reply.outputs[name], ceiling)
    except BaseException:
        for body in (*expanded.values(), *reply.bodies):
            body.discard()
        raise
    for name in expanded:
        reply.outputs[name].discard()
    return reply.with_outputs({**reply.outputs, **expanded})
