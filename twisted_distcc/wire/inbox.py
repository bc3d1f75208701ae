"""What the peer sends in a session: greeting and frames become events, and all rules are held to.

Nothing is taken on trust: the form of frames and their size, the order in which streams begin, how many
are open, the windows of both directions.  At the first breach everything is dropped, and the same error
comes again at every later call.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.wire.greeting import CAUTIOUS, Hearing, Refusal, Terms
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.outbox import Outbox, State, Stream
from twisted_distcc.wire.session_events import (
    Away,
    Data,
    Greeted,
    Needed,
    Refused,
    SessionEvent,
    Stopped,
)
from twisted_distcc.wire.session_frames import (
    AWAY,
    DATA,
    FROM_CLIENT,
    FROM_SERVER,
    LARGEST_WINDOW,
    NEED,
    PING,
    PONG,
    STOP,
    WIND,
    Frame,
    FrameReader,
    decode_words,
    frame,
    split_digests,
)
from twisted_distcc.wire.tokens import spell

# The code by which a server stops a stream because it is going away: another server may take the job.
GOING_AWAY: Final = 0
_EXIT_CODES: Final = range(100, 128)

_Taker: TypeAlias = Callable[[Sequence[int], bytes], None]


class Inbox:
    """The receiving half of a session.

    Attributes:
        peer: what the other end takes, and the least that it may take until its greeting has come.
        is_peer_away: whether it said that there will be no new streams.
        is_over: whether the server refused the client.
    """

    def __init__(self, outbox: Outbox, terms: Terms, limits: Limits, *, is_client: bool) -> None:
        self.peer = CAUTIOUS
        self.is_peer_away = False
        self.is_over = False
        self._outbox = outbox
        self._terms = terms
        self._limits = limits
        self._is_client = is_client
        self._hearing: Hearing | None = (
            Hearing.of_server(limits) if is_client else Hearing.of_client(limits)
        )
        self._frames = FrameReader(FROM_SERVER if is_client else FROM_CLIENT, terms.frame, limits)
        self._told: deque[SessionEvent] = deque()
        self._fault: str | None = None  # the peer's first; nothing is read after it
        self._takers = self._by_token()

    def _by_token(self) -> dict[bytes, _Taker]:
        takers: dict[Frame, _Taker] = {
            DATA: self._data_came,
            WIND: self._window_came,
            NEED: self._need_came,
            STOP: self._stop_came,
            PING: self._ping_came,
            PONG: self._pong_came,
            AWAY: self._away_came,
        }
        return {kind.token: taker for kind, taker in takers.items()}

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the peer; after an error or a refusal they are dropped."""
        if self._fault is None and not self.is_over:
            (self._hearing or self._frames).feed(data)

    def events(self) -> Iterator[SessionEvent]:
        """Yield the events in the bytes fed so far.

        Raises:
            RemoteProtocolError: at the first breach of the protocol, and again at every later call.
        """
        while self._told or self._advance():
            if self._told:
                yield self._told.popleft()

    def check(self) -> None:
        """Raise the error that ended the session, if there was one."""
        if self._fault is not None:
            raise RemoteProtocolError(self._fault)

    def end(self) -> None:
        """Forget all streams, all that came, and all that has yet to go; take nothing more."""
        self.is_over = True
        self._frames.clear()
        self._outbox.clear()

    def _advance(self) -> bool:
        """Take the next frame, or the greeting; return whether one had come whole."""
        self.check()
        try:
            return not self.is_over and self._take()
        except RemoteProtocolError as error:
            self._fault = str(error)
            self.end()
            raise

    def _take(self) -> bool:
        if self._hearing is not None:
            return self._meet(self._hearing)
        if (received := self._frames.next()) is None:
            return False
        kind, numbers, rest = received
        self._takers[kind.token](numbers, rest)
        return True

    def _meet(self, hearing: Hearing) -> bool:
        answer = hearing.answer()
        if isinstance(answer, Terms):
            self._hearing = None
            self._frames.feed(hearing.trailing)
            self._greet(answer)
        elif isinstance(answer, Refusal):
            self.end()
            self._told.append(Refused(answer.status, answer.reason))
        return answer is not None

    def _greet(self, terms: Terms) -> None:
        self._told.append(Greeted(terms))
        self.peer = terms
        self._outbox.largest = terms.frame
        self._outbox.is_held = False
        for stream in self._outbox.streams.values():
            stream.credit += terms.window - CAUTIOUS.window
            self._outbox.wake(stream)

    def _data_came(self, numbers: Sequence[int], data: bytes) -> None:
        number = numbers[0]
        stream = self._find(number, DATA) or self._begin(number)
        if stream is None:
            return
        stream.room -= len(data)
        if stream.room < 0:
            raise RemoteProtocolError(f"stream {number} is {-stream.room} bytes over its window")
        if stream.is_heard:
            stream.held += len(data)
            self._told.append(Data(number, data))

    def _find(self, number: int, kind: Frame) -> Stream | None:
        """Return the stream that a frame is for, or none if it is closed, or begins by this frame.

        Raises:
            RemoteProtocolError: if it was never opened, and does not begin by this frame.
        """
        may_begin = kind is DATA and not self._is_client
        if not number or (number > self._outbox.highest and not may_begin):
            raise RemoteProtocolError(f"{spell(kind.token)} for stream {number}, which was never opened")
        return self._outbox.streams.get(number)

    def _begin(self, number: int) -> Stream | None:
        """Return a new stream of the client, or none if one of this number is closed."""
        if number <= self._outbox.highest:
            return None
        if self.is_peer_away:
            raise RemoteProtocolError(
                f"the client said that it opens no more, and opened stream {number}"
            )
        if len(self._outbox.streams) >= self._terms.jobs:
            raise RemoteProtocolError(
                f"stream {number} is one more than {self._terms.jobs}, all that may be open"
            )
        stream = Stream(number, self.peer.window, self._terms.window)
        self._outbox.begin(stream)
        if self._outbox.reason is not None:
            self._outbox.stop(stream, GOING_AWAY, self._outbox.reason)
        return stream

    def _window_came(self, numbers: Sequence[int], rest: bytes) -> None:
        number, count = numbers
        if (stream := self._find(number, WIND)) is None:
            return
        stream.credit += count
        if not count or stream.credit > LARGEST_WINDOW:
            raise RemoteProtocolError(
                f"stream {number} was granted {count} bytes, to a window of {stream.credit}"
            )
        self._outbox.wake(stream)

    def _need_came(self, numbers: Sequence[int], rest: bytes) -> None:
        stream = self._find(numbers[0], NEED)
        if stream is not None and stream.is_heard:
            self._told.append(Needed(stream.number, split_digests(rest)))

    def _stop_came(self, numbers: Sequence[int], rest: bytes) -> None:
        number, code = numbers
        text = decode_words(rest)
        if self._is_client and code != GOING_AWAY and code not in _EXIT_CODES:
            raise RemoteProtocolError(
                f"stream {number} was stopped with {code}, which is no exit code of distcc"
            )
        if (stream := self._find(number, STOP)) is None:
            return
        if stream.state is not State.STOPPED:
            self._told.append(Stopped(number, code, text))
        self._outbox.forget(stream)

    def _ping_came(self, numbers: Sequence[int], rest: bytes) -> None:
        if len(self._outbox.pongs) >= self._limits.pings:
            raise RemoteProtocolError(f"more than {self._limits.pings} pings wait for an answer")
        self._outbox.pongs.append(frame(PONG, rest=rest))

    def _pong_came(self, numbers: Sequence[int], rest: bytes) -> None:
        """Pass it over: that something came is all that the caller wants to know."""

    def _away_came(self, numbers: Sequence[int], rest: bytes) -> None:
        text = decode_words(rest)
        self.is_peer_away = True
        self._told.append(Away(text))
        for stream in self._outbox.unbegun:
            self._outbox.forget(stream)
            self._told.append(Stopped(stream.number, GOING_AWAY, text))
