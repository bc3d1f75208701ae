"""The uploads of one session: what a server lacks of the inputs of jobs, sent beside them.

    await uploads.send(inputs, digests, packing, traffic)
    uploads.begin()                  # whenever a stream may have become free
    uploads.is_lost(stream)          # when the one on `stream` does not arrive
    uploads.over(stream)             # when there is none on it any more

An upload has no answer.  What is in it counts as sent as soon as it is to be sent, so that no job sends
the same again; if that was wrong, the server asks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import TypeAlias

from twisted_distcc.client.backends.session_inputs import Inputs, SentContent, blobs_of
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.packing import Packing
from twisted_distcc.jobs.session_messages import Blob, upload_pieces
from twisted_distcc.wire.connection import Writer
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session import Session
from twisted_distcc.wire.session_grammar import BLBQ, UPLOADS

Send: TypeAlias = Callable[[int, Generator[bytes, None, None]], None]
"""Sends the pieces of a message on a stream."""


class Uploads:
    """The uploads that wait for a stream, and the streams of those that go.

    Args:
        session: opens streams.
        sent: what the server has of us.
        send: sends a message on a stream.
        limits: the ceilings on what may be sent.
        may_begin: says whether an upload may begin now.
    """

    def __init__(
        self,
        session: Session,
        sent: SentContent,
        send: Send,
        limits: Limits,
        may_begin: Callable[[], bool],
    ) -> None:
        self._session = session
        self._sent = sent
        self._send = send
        self._limits = limits
        self._may_begin = may_begin
        self._waiting: deque[list[Blob]] = deque()
        self._streams: set[int] = set()

    def __contains__(self, stream: int) -> bool:
        return stream in self._streams

    def __bool__(self) -> bool:
        return bool(self._waiting or self._streams)

    async def send(
        self, inputs: Inputs, digests: Sequence[bytes], packing: Packing | None, traffic: Traffic
    ) -> None:
        """Send the blobs of `digests`, which count as sent from now on, and as `traffic`.

        Raises:
            OSError: if they cannot be compressed.
        """
        if digests:
            self._sent.add(digests)
            blobs = await blobs_of(inputs, digests, packing)
            traffic.sent += sum(blob.body.length for blob in blobs)
            self._waiting.append(blobs)
            self.begin()

    async def send_lacking(self, inputs: Inputs, packing: Packing | None, traffic: Traffic) -> None:
        """Send those of `inputs` that do not count as sent.

        Raises:
            OSError: as `send`.
        """
        await self.send(inputs, self._sent.lacking(inputs), packing, traffic)

    def begin(self) -> None:
        """Begin those that wait, as long as any may."""
        while self._waiting and self._may_begin():
            blobs = self._waiting.popleft()
            stream = self._session.open()
            self._streams.add(stream)
            self._send(stream, upload_pieces(Writer(BLBQ, UPLOADS, self._limits), len(blobs), blobs))

    def is_lost(self, stream: int) -> None:
        """Note that the message on a stream does not arrive: nobody knows what the server has."""
        if stream in self._streams:
            self._sent.forget()

    def over(self, stream: int) -> None:
        """Count an upload no more, if there was one on `stream`."""
        self._streams.discard(stream)

    def clear(self) -> None:
        """Forget all uploads: the connection is gone."""
        self._waiting.clear()
        self._streams.clear()
