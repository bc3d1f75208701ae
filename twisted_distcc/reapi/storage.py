"""The storage of blobs at an engine: which are missing, sending them, and fetching others.

    storage = Storage(connection, instance="main")
    missing = await storage.missing(names)
    await storage.send({name: body for name in missing})
    body = await storage.fetch(name, folder)

What is fetched is what its digest says, or a fault.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, Final, TypeAlias

from twisted.internet.defer import Deferred, DeferredSemaphore, FirstError, gatherResults

from twisted_distcc.content.body import Body, Folder, Spool
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.reapi.blob import BlobName, checked_digest
from twisted_distcc.reapi.grpc_connection import GrpcConnection
from twisted_distcc.reapi.grpc_status import Code, GrpcError
from twisted_distcc.reapi.schema import (
    SHA256,
    BatchUpdateBlobsRequest,
    BatchUpdateBlobsResponse,
    BlobUpdate,
    FindMissingBlobsRequest,
    FindMissingBlobsResponse,
    ReadRequest,
    ReadResponse,
    WriteRequest,
    WriteResponse,
)

_SERVICE: Final = "/build.bazel.remote.execution.v2.ContentAddressableStorage"
_STREAM: Final = "/google.bytestream.ByteStream"
# Engines take messages of 4 MiB, and count what they have around the blobs in different ways.
BATCH: Final = 3_000_000
"""The most bytes of blobs that are sent together."""
_AROUND: Final = 200
_PIECE: Final = 1024 * 1024
# Transfers at a time, each of which has its own deadline; and bytes a second that even a slow one makes.
_AT_ONCE: Final = 8
_SLOWEST: Final = 100_000
# Bytes of a blob that come together at least, but for a few messages.
_LEAST: Final = 1000
_FEW: Final = 100
# So many names fit into a message with room to spare.
_NAMES: Final = 20_000

Blobs: TypeAlias = Mapping[BlobName, bytes | Body]
"""Blobs with their contents; bodies stay the caller's."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The storage behind one connection.

    Attributes:
        connection: leads there.
        instance: the name of the part of the engine that we use.
        timeout: seconds for one question, or one transfer.
        batch: the bytes of blobs that are sent together.
    """

    connection: GrpcConnection
    instance: str
    timeout: float
    batch: int = BATCH

    async def missing(self, names: Collection[BlobName]) -> set[BlobName]:
        """Return those of `names` that are not there.

        Raises:
            GrpcError: if the engine does not tell.
        """
        listed = list(names)
        parts = (listed[start : start + _NAMES] for start in range(0, len(listed), _NAMES))
        found = [await self._missing(part) for part in parts]
        return set().union(*found)

    async def _missing(self, names: list[BlobName]) -> set[BlobName]:
        request = FindMissingBlobsRequest(
            instance_name=self.instance,
            blob_digests=[name.message() for name in names],
            digest_function=SHA256,
        )
        answer = await self._ask(f"{_SERVICE}/FindMissingBlobs", request)
        response = parsed(FindMissingBlobsResponse, answer)
        wanted = {checked_digest(one) for one in response.missing_blob_digests}
        return {name for name in names if name.digest in wanted}

    async def send(self, blobs: Blobs) -> None:
        """Send `blobs`.

        Raises:
            GrpcError: if the engine does not take them.
        """
        batches = [partial(self._send_batch, blobs, one) for one in batched(blobs, self.batch)]
        large = [partial(self._send_large, one, blobs[one]) for one in _large(blobs, self.batch)]
        await _all([*batches, *large])

    async def _send_batch(self, blobs: Blobs, batch: list[BlobName]) -> None:
        def request() -> Iterator[bytes]:
            updates = [BlobUpdate(digest=one.message(), data=_bytes(blobs[one])) for one in batch]
            yield BatchUpdateBlobsRequest(
                instance_name=self.instance, requests=updates, digest_function=SHA256
            ).SerializeToString()

        path = f"{_SERVICE}/BatchUpdateBlobs"
        answer = await self.connection.unary(path, request(), self.timeout)
        for one in parsed(BatchUpdateBlobsResponse, answer).responses:
            if one.status.code:
                raise GrpcError(Code.of(one.status.code), one.status.message)

    async def _send_large(self, name: BlobName, content: bytes | Body) -> None:
        """Send one blob in pieces; the engine ends that early if it has it by now."""
        resource = f"{_prefix(self.instance)}uploads/{uuid.uuid4()}/{name.resource}"
        pieces = _written(resource, name.size, content)
        answer = await self.connection.unary(f"{_STREAM}/Write", pieces, self._time_for(name))
        if parsed(WriteResponse, answer).committed_size not in (name.size, -1):
            raise GrpcError(Code.INTERNAL, "a blob was stored in part")

    async def fetch(self, name: BlobName, folder: Folder) -> Body:
        """Return the blob `name`; a large one is a file in `folder`.

        Raises:
            GrpcError: if the engine does not send it.
            RemoteProtocolError: if it sends another one.
            OSError: if the disk takes no more.
        """
        if not name.size:
            return Body.of(b"")
        resource = f"{_prefix(self.instance)}{name.resource}"
        request = ReadRequest(resource_name=resource).SerializeToString()
        spool, hashed, left = Spool(folder), sha256(), name.size
        messages = _FEW + name.size // _LEAST
        try:
            with self.connection.timed(f"{_STREAM}/Read", [request], self._time_for(name)) as call:
                while (message := await call.message()) is not None:
                    data = parsed(ReadResponse, message).data
                    left -= len(data)
                    messages -= 1
                    if left < 0 or messages < 0:
                        break
                    hashed.update(data)
                    spool.write(data)
            if left or messages < 0 or hashed.digest() != name.digest:
                raise RemoteProtocolError("a blob is not what its digest says")
            return spool.finish()
        except BaseException:
            spool.discard()
            raise

    def _time_for(self, name: BlobName) -> float:
        """Return the seconds that the transfer of a large blob may take."""
        return self.timeout + name.size / _SLOWEST

    async def _ask(self, path: str, request: Any) -> bytes:
        return await self.connection.unary(path, [request.SerializeToString()], self.timeout)


def parsed(kind: Any, message: bytes) -> Any:
    """Return a message that a peer sent.

    Raises:
        RemoteProtocolError: if it is not of this `kind`.
    """
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(message)
    except DecodeError:
        raise RemoteProtocolError("a message cannot be read") from None


def batched(blobs: Blobs, most: int) -> Iterator[list[BlobName]]:
    """Yield the blobs that are small enough to be sent together, in batches of at most so many bytes."""
    batch: list[BlobName] = []
    size = 0
    for name in blobs:
        if name.size + _AROUND > most:
            continue
        if size + name.size + _AROUND > most:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += name.size + _AROUND
    if batch:
        yield batch


def _large(blobs: Blobs, most: int) -> Iterator[BlobName]:
    return (name for name in blobs if name.size + _AROUND > most)


def _written(resource: str, size: int, content: bytes | Body) -> Iterator[bytes]:
    """Yield the messages that write a blob."""
    offset = 0
    for piece in _pieces(content):
        end = offset + len(piece)
        yield WriteRequest(
            resource_name="" if offset else resource,
            write_offset=offset,
            finish_write=end == size,
            data=piece,
        ).SerializeToString()
        offset = end


def _pieces(content: bytes | Body) -> Iterator[bytes]:
    if isinstance(content, Body):
        yield from content.pieces()
    else:
        yield from (content[start : start + _PIECE] for start in range(0, len(content), _PIECE))


def _bytes(content: bytes | Body) -> bytes:
    return content.read() if isinstance(content, Body) else content


def _prefix(instance: str) -> str:
    return f"{instance}/" if instance else ""


async def _all(works: Iterable[Callable[[], Coroutine[Deferred[Any], Any, None]]]) -> None:
    """Do all of it, some at a time; if one fails, the others are cancelled."""
    turns = DeferredSemaphore(_AT_ONCE)
    running = [turns.run(work) for work in works]
    try:
        await gatherResults(running, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
    finally:
        for one in running:
            one.cancel()
