"""The messages that a client sends on a session, taken apart stream by stream.

    incoming = Incoming(limits, directory, hold)
    match incoming.take(stream, data):
        case SessionJob() as job, hold: ...   # it is whole, and this is what it holds of the quotas
        case list() as blobs, hold: ...       # an upload is
        case None: ...                        # more has to come

A message that is refused, or stopped by the client, is dropped with what it holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from twisted_distcc.content.body import Folder
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.session_messages import Blob, JobAssembly, SessionJob, UploadAssembly
from twisted_distcc.server.quotas.holdings import Hold
from twisted_distcc.server.quotas.reserving import make_room_for
from twisted_distcc.wire.connection import Reader
from twisted_distcc.wire.events import MessageEnd
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_grammar import BLBQ, JOBQ, JOBS, UPLOADS

_TOKEN: Final = 4

Message: TypeAlias = SessionJob | list[Blob]
"""A whole message: a job, or the blobs of an upload."""


@dataclass(slots=True)
class _Stream:
    """A message that is not whole yet."""

    reader: Reader
    assembly: JobAssembly | UploadAssembly
    hold: Hold
    came: int = 0  # bytes


class Incoming:
    """The messages of one session that are not whole yet.

    Args:
        limits: the ceilings on what the client may send.
        directory: where large blobs lie.
        hold: makes the hold of one message on the server's quotas.
    """

    def __init__(self, limits: Limits, directory: Folder, hold: Callable[[], Hold]) -> None:
        self._limits = limits
        self._directory = directory
        self._hold = hold
        self._heads: dict[int, bytes] = {}
        self._streams: dict[int, _Stream] = {}
        self.taken: int = 0
        """How many bytes have come, of all messages."""

    @property
    def is_empty(self) -> bool:
        """Whether no message has begun that is not whole."""
        return not (self._heads or self._streams)

    @property
    def uploads(self) -> int:
        """How many uploads have begun and are not whole."""
        return sum(isinstance(one.assembly, UploadAssembly) for one in self._streams.values())

    def moved(self) -> dict[int, int]:
        """Return how many bytes have come of each message that is not whole."""
        begun = {stream: one.came for stream, one in self._streams.items()}
        return begun | {stream: len(head) for stream, head in self._heads.items()}

    def take(self, stream: int, data: bytes) -> tuple[Message, Hold] | None:
        """Take the next bytes of a stream; return its message once it is whole, with what it holds.

        Raises:
            RemoteProtocolError: if this is not a message of a client.
            CeilingMetError: if there is no room for it.
            OSError: if the disk takes no more.
        """
        self.taken += len(data)
        found = self._streams.get(stream)
        if found is None:
            data = self._heads.pop(stream, b"") + data
            if len(data) < _TOKEN:
                self._heads[stream] = data
                return None
            found = self._streams[stream] = self._begun(data[:_TOKEN])
        found.came += len(data)
        found.reader.feed(data)
        for event in found.reader.events():
            if isinstance(event, MessageEnd):
                del self._streams[stream]
                _check_end(stream, found)
                return _message(found.assembly), found.hold
            make_room_for(event, found.hold)
            found.assembly.take(event)
        return None

    def drop(self, stream: int) -> bool:
        """Give up what has come on a stream; return whether that was an upload."""
        self._heads.pop(stream, None)
        if (found := self._streams.pop(stream, None)) is None:
            return False
        found.hold.end()
        if isinstance(found.assembly, JobAssembly):
            return False
        found.assembly.discard()
        return True

    def clear(self) -> None:
        """Give up everything."""
        for stream in (*self._heads, *self._streams):
            self.drop(stream)

    def _begun(self, token: bytes) -> _Stream:
        hold = self._hold()
        if token == BLBQ.token:
            return _Stream(Reader(BLBQ, UPLOADS, self._limits), UploadAssembly(self._directory), hold)
        return _Stream(Reader(JOBQ, JOBS, self._limits), JobAssembly(), hold)


def _check_end(stream: int, found: _Stream) -> None:
    if found.reader.trailing:
        if isinstance(found.assembly, UploadAssembly):
            found.assembly.discard()
        found.hold.end()
        raise RemoteProtocolError(f"stream {stream} goes on after the end of its message")


def _message(assembly: JobAssembly | UploadAssembly) -> Message:
    return assembly.blobs() if isinstance(assembly, UploadAssembly) else assembly.job()
