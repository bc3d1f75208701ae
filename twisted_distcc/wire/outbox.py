"""What a session has yet to send, and in which order it goes.

Frames without data go first.  After them the streams take turns: one frame of data each, as large as the
peer's window, its largest frame and the caller allow.  A stream keeps its place in the turns from one
call to the next, so a large body never holds up a small one.

Numbers of streams must begin in order, so a stream that a client opened waits until those that it opened
before have begun.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from twisted_distcc.wire.session_frames import (
    AWAY,
    DATA,
    NUMBER_LENGTH,
    STOP,
    WIND,
    encode_words,
    frame,
    frame_head,
)

Part: TypeAlias = bytes | memoryview

# A frame is cut to what the caller asked for, but to no less: small ones cost more than they carry.
_LEAST_CUT: Final = 4096


class State(Enum):
    """How far a stream has come at this end."""

    OPEN = auto()
    """Either end may send."""
    FINISHED = auto()
    """All of our message was passed to `push`."""
    CLOSED = auto()
    """Both messages are whole; what is left of ours has yet to go."""
    STOPPED = auto()
    """We ended it; the frame that says so has yet to go."""


@dataclass(slots=True, eq=False)
class Stream:
    """One stream, as both directions have it.

    Attributes:
        number: the stream's.
        credit: how many bytes the peer takes now.
        room: how many bytes we take now.
        state: how far it has come.
        held: bytes that came and were not dealt with.
        due: bytes that were dealt with, for which room has yet to be granted.
        control: frames without data that have yet to go.
        queued: bytes that have yet to go.
        gone: bytes that have gone.
    """

    number: int
    credit: int
    room: int
    state: State = State.OPEN
    held: int = 0
    due: int = 0
    control: list[bytes] = field(default_factory=list)
    queued: int = 0
    gone: int = 0
    _pieces: deque[bytes] = field(default_factory=deque)
    _start: int = 0  # how much of the first piece has gone

    @property
    def is_heard(self) -> bool:
        """Whether what comes on it still matters to us."""
        return self.state is State.OPEN or self.state is State.FINISHED

    def push(self, data: bytes) -> None:
        """Queue bytes of our message."""
        if data:
            self._pieces.append(data)
            self.queued += len(data)

    def pull(self, length: int, parts: list[Part]) -> None:
        """Move the next `length` bytes of the queue to `parts`."""
        self.queued -= length
        self.gone += length
        while length:
            piece = self._pieces[0]
            end = min(len(piece), self._start + length)
            length -= end - self._start
            parts.append(memoryview(piece)[self._start : end])
            self._start = end
            if end == len(piece):
                self._pieces.popleft()
                self._start = 0

    def drop(self) -> None:
        """Forget all that has yet to go."""
        self._pieces.clear()
        self.control.clear()
        self.queued = self._start = self.due = 0

    def pull_control(self) -> bytes:
        """Return the frames without data, and make room for what was dealt with.

        There is no room before the frame that says so goes: so a peer that does not read cannot go on.
        """
        if self.due:
            self.control.append(frame(WIND, self.number, self.due))
            self.room += self.due
            self.due = 0
        pulled = b"".join(self.control)
        self.control.clear()
        return pulled


class Outbox:
    """The streams of one session, and the order in which they send.

    Attributes:
        largest: the largest payload that the peer takes.
        streams: all that are not forgotten, by number.
        highest: the largest number that has begun.
        control: frames without data that belong to no stream.
        pongs: answers to the peer's questions.
        reason: what we said when we said that we are going away.
        is_held: whether nothing may go yet.
        has_sent: whether anything has gone.
        gone: bytes of data that have gone, on all streams.
    """

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.streams: dict[int, Stream] = {}
        self.highest = 0
        self.control: deque[bytes] = deque()
        self.pongs: deque[bytes] = deque()
        self.reason: str | None = None
        self.is_held = False
        self.has_sent = False
        self.gone = 0
        self._farewell = b""  # says that we are going away, once all that was opened has begun
        self._urgent: OrderedDict[int, Stream] = OrderedDict()  # have frames without data
        self._ready: OrderedDict[int, Stream] = OrderedDict()  # have data that may go now
        self._unbegun: dict[int, Stream] = {}  # were opened here, and the peer does not know of them
        self._waiting: OrderedDict[int, Stream] = OrderedDict()  # those of them that have no turn yet

        self._tables = (self.streams, self._urgent, self._ready, self._unbegun, self._waiting)

    @property
    def unbegun(self) -> list[Stream]:
        """The streams of which the peer does not know, in order."""
        return [*self._unbegun.values()]

    def begin_with(self, greeting: bytes, *, is_held: bool) -> None:
        """Send this before all else, but nothing while `is_held`."""
        self.control.append(greeting)
        self.is_held = is_held

    def leave(self, reason: str) -> None:
        """Say, once, that there will be no new streams; what was opened here begins before that."""
        if self.reason is None:
            self.reason = reason
            self._farewell = frame(AWAY, rest=encode_words(reason))

    def open(self, stream: Stream) -> None:
        """Take in a stream that begins when its first data goes."""
        for streams in (self.streams, self._unbegun, self._waiting):
            streams[stream.number] = stream

    def begin(self, stream: Stream) -> None:
        """Take in a stream that the peer has begun."""
        self.streams[stream.number] = stream
        self.highest = stream.number

    def has_begun(self, stream: Stream) -> bool:
        """Whether the peer knows of the stream."""
        return stream.number not in self._unbegun

    def stop(self, stream: Stream, code: int, text: str) -> None:
        """End a stream; it is forgotten when the frame that says so has gone."""
        stream.drop()
        stream.state = State.STOPPED
        stream.control.append(frame(STOP, stream.number, code, rest=encode_words(text)))
        self.hasten(stream)

    def forget(self, stream: Stream) -> None:
        """Drop a stream with all that it has yet to send."""
        stream.drop()
        for streams in self._tables:
            streams.pop(stream.number, None)
        self._line_up()

    def clear(self) -> None:
        """Forget everything."""
        for kept in (self.control, self.pongs, *self._tables):
            kept.clear()
        self._farewell = b""

    def progress(self, stream: Stream) -> int:
        """Return a number that changes when a stream does not wait in vain.

        One that has a window waits for its turn, so it moves with all others.
        """
        return -1 - self.gone if stream.credit else stream.gone

    def hasten(self, stream: Stream) -> None:
        """Let the frames without data of a stream go next."""
        self._urgent[stream.number] = stream

    def wake(self, stream: Stream) -> None:
        """Note that a stream may have data to send now."""
        if stream.number in self._waiting:
            self._line_up()
        elif stream.queued and stream.credit:
            self._ready[stream.number] = stream

    def _line_up(self) -> None:
        """Give a turn to the streams that wait, in order, up to the first that has nothing to send."""
        while self._waiting and (stream := next(iter(self._waiting.values()))).queued:
            self._waiting.popitem(last=False)
            self._ready[stream.number] = stream

    def take(self, most: int) -> bytes:
        """Return the next bytes to send, about `most` of them, and none if nothing may go."""
        parts: list[Part] = []
        if self.is_held:
            return b""
        while most > 0 and (taken := self._take_control(parts) or self._take_data(parts, most)):
            most -= taken
        self.has_sent = self.has_sent or bool(parts)
        return b"".join(parts)

    def _take_control(self, parts: list[Part]) -> int:
        """Move the next frames without data to `parts`; return their length."""
        if self.control or self.pongs:
            parts.append(self.control.popleft() if self.control else self.pongs.popleft())
        elif self._farewell and not self._unbegun:
            parts.append(self._farewell)
            self._farewell = b""
        elif self._urgent:
            _, stream = self._urgent.popitem(last=False)
            parts.append(stream.pull_control())
            if stream.state is State.STOPPED:
                self.forget(stream)
        else:
            return 0
        return len(parts[-1])

    def _take_data(self, parts: list[Part], most: int) -> int:
        """Move the frame of data whose turn it is to `parts`; return its length."""
        if not self._ready:
            return 0
        number, stream = self._ready.popitem(last=False)
        length = min(self.largest - NUMBER_LENGTH, stream.credit, stream.queued, max(most, _LEAST_CUT))
        head = frame_head(DATA, number, length=length)
        parts.append(head)
        stream.pull(length, parts)
        stream.credit -= length
        self.gone += length
        self._after_data(stream)
        return len(head) + length

    def _after_data(self, stream: Stream) -> None:
        if self._unbegun.pop(stream.number, None):
            self.highest = stream.number
        if stream.state is State.CLOSED and not stream.queued:
            self.forget(stream)
        else:
            self.wake(stream)
