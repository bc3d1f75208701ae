"""Protocol 4: one end of a session as a state machine, bytes in and events out.

A session carries many streams over one connection.  It greets, takes frames apart, keeps the windows of
both directions, takes turns between streams, and holds the peer to all that the protocol says.  What a
stream carries it does not know: that is a message of `session_grammar`, for a reader and a writer.

A client sends a job and reads its result::

    session = Session.client(Terms(name="tdistcc 1.0"))
    stream = session.open()
    session.send(stream, message)
    session.finish(stream)
    transport.write(session.outgoing(65536))          # again and again, until it is b""

    session.feed(data)                                # whatever came
    for event in session.events():
        match event:
            case Data(number, piece):
                readers[number].feed(piece)           # at the end of the message: session.close(number)
                session.consumed(number, len(piece))
            ...

After any call there may be more to send, so ask `outgoing`.  A server does the same, but does not open
streams: the first `Data` of a number does.  Two rules keep both ends of one mind about what is open:

- send soon after `open`: a stream does not begin before those that were opened earlier have;
- close a stream as soon as both messages are whole: a server closes an upload while it handles the event
  that completes it, and a job when it has sent the result.

Time is the caller's.  It calls `ping` when `heard` has not grown for a while.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.greeting import (
    CAUTIOUS,
    Hearing,
    Refusal,
    Terms,
    client_greeting,
    refusal,
    server_greeting,
)
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
    PING_LENGTH,
    PONG,
    STOP,
    WIND,
    Frame,
    FrameReader,
    decode_words,
    encode_words,
    frame,
    need_frames,
    split_digests,
)
from twisted_distcc.wire.tokens import spell

# The code by which a server stops a stream because it is going away: another server may take the job.
GOING_AWAY: Final = 0
_EXIT_CODES: Final = range(100, 128)

_Taker = Callable[[Sequence[int], bytes], None]


class Session:
    """One end of a session; `client` and `server` make one.

    Attributes:
        peer: what the other end takes, and the least that it may take until its greeting has come.
        heard: how many bytes have come.
    """

    def __init__(self, terms: Terms, limits: Limits, *, is_client: bool) -> None:
        self.peer = CAUTIOUS
        self.heard = 0
        self._terms = terms
        self._limits = limits
        self._is_client = is_client
        self._greeting = client_greeting(terms) if is_client else server_greeting(terms)  # b"": has gone
        self._hearing: Hearing | None = (
            Hearing.of_server(limits) if is_client else Hearing.of_client(limits)
        )
        self._frames = FrameReader(FROM_SERVER if is_client else FROM_CLIENT, terms.frame, limits)
        self._outbox = Outbox(CAUTIOUS.frame)
        self._told: deque[SessionEvent] = deque()
        self._last = 0  # the number that was opened last
        self._farewell: str | None = None  # what we said when we said that we are going away
        self._is_peer_away = False
        self._is_over = False  # the server refused the client
        self._fault: str | None = None  # the peer's first; nothing is read or sent after it
        self._takers = self._by_token()

    @classmethod
    def client(cls, terms: Terms, limits: Limits | None = None) -> Session:
        """Return the end that opens streams.

        Raises:
            LocalProtocolError: if the terms are out of bounds.
        """
        return cls(terms, limits or Limits(), is_client=True)

    @classmethod
    def server(cls, terms: Terms, limits: Limits | None = None) -> Session:
        """Return the end that serves streams; feed it all bytes of the connection, from the first.

        Raises:
            LocalProtocolError: if the terms are out of bounds.
        """
        return cls(terms, limits or Limits(), is_client=False)

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

    # What comes.

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the peer; after an error or a refusal they are dropped."""
        self.heard += len(data)
        if self._fault is None and not self._is_over:
            (self._hearing or self._frames).feed(data)

    def events(self) -> Iterator[SessionEvent]:
        """Yield the events in the bytes fed so far.

        Raises:
            RemoteProtocolError: at the first breach of the protocol, and again at every later call: a
                session does not recover from it.
        """
        while self._told or self._advance():
            if self._told:
                yield self._told.popleft()

    def _advance(self) -> bool:
        """Take the next frame, or the greeting; return whether one had come whole."""
        self._check_fault()
        try:
            return not self._is_over and self._take()
        except RemoteProtocolError as error:
            self._fault = str(error)
            self._hush()
            raise

    def _check_fault(self) -> None:
        if self._fault is not None:
            raise RemoteProtocolError(self._fault)

    def _hush(self) -> None:
        """Forget all streams, all that came, and all that has yet to go."""
        self._told.clear()
        self._frames.clear()
        self._outbox.clear()
        self._greeting = b""

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
            self._hush()
            self._is_over = True
            self._told.append(Refused(answer.status, answer.reason))
        return answer is not None

    def _greet(self, terms: Terms) -> None:
        self._told.append(Greeted(terms))
        self.peer = terms
        self._outbox.largest = terms.frame
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
        if self._is_peer_away:
            raise RemoteProtocolError(
                f"the client said that it opens no more, and opened stream {number}"
            )
        if len(self._outbox.streams) >= self._terms.jobs:
            raise RemoteProtocolError(
                f"stream {number} is one more than {self._terms.jobs}, all that may be open"
            )
        stream = Stream(number, self.peer.window, self._terms.window)
        self._outbox.begin(stream)
        if self._farewell is not None:
            self._stop(stream, GOING_AWAY, self._farewell)
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
        self._is_peer_away = True
        self._told.append(Away(text))
        for number in self._outbox.waiting:
            self._outbox.forget(self._outbox.streams[number])
            self._told.append(Stopped(number, GOING_AWAY, text))

    # What goes.

    @property
    def open_streams(self) -> int:
        """How many streams are open, or have yet to tell the peer that they are not."""
        return len(self._outbox.streams)

    @property
    def may_open(self) -> bool:
        """Whether a client may open a stream now."""
        is_going = self._is_peer_away or self._is_over or self._farewell is not None
        return self._is_client and not is_going and self.open_streams < self.peer.jobs

    def open(self) -> int:
        """Open a stream; return its number.  It begins when its first bytes go.

        Raises:
            LocalProtocolError: if as many are open as the server allows, or no more may be.
        """
        self._check_fault()
        if not self.may_open:
            raise LocalProtocolError(f"no stream may be opened now; {self.open_streams} are open")
        self._last += 1
        self._outbox.open(Stream(self._last, self.peer.window, self._terms.window))
        return self._last

    def send(self, stream: int, data: bytes) -> None:
        """Queue the next bytes of our message; any number, they go as the peer's window allows.

        Raises:
            LocalProtocolError: if the stream is not open, or its message was finished.
        """
        found = self._ours(stream)
        if found.state is not State.OPEN:
            raise LocalProtocolError(f"the message on stream {stream} was finished")
        found.push(data)
        self._outbox.wake(found)

    def finish(self, stream: int) -> None:
        """Note that our message is whole."""
        found = self._ours(stream)
        if found.state is State.OPEN:
            found.state = State.FINISHED

    def close(self, stream: int) -> None:
        """Note that both messages are whole.

        What is queued still goes.  A stream that is gone is no error.
        """
        found = self._outbox.streams.get(stream)
        if found is None or found.state is State.STOPPED:
            return
        found.state = State.CLOSED
        if not found.queued:
            self._outbox.forget(found)

    def stop(self, stream: int, code: int, text: str) -> None:
        """End a stream, and drop what is queued; one that is gone is no error."""
        found = self._outbox.streams.get(stream)
        if found is None or found.state is State.STOPPED:
            return
        if self._outbox.has_begun(found):
            self._stop(found, code, text)
        else:
            self._outbox.forget(found)

    def _stop(self, stream: Stream, code: int, text: str) -> None:
        stream.drop()
        stream.state = State.STOPPED
        stream.control.append(frame(STOP, stream.number, code, rest=encode_words(text)))
        self._outbox.wake(stream)

    def need(self, stream: int, digests: Iterable[bytes]) -> None:
        """Ask the client for blobs that the job on a stream waits for, in as few frames as it takes.

        Raises:
            LocalProtocolError: if the stream is not open, or this is the client's end.
        """
        if self._is_client:
            raise LocalProtocolError("a client asks for no blobs")
        found = self._ours(stream)
        found.control += need_frames(stream, digests, self.peer.frame)
        self._outbox.wake(found)

    def _ours(self, stream: int) -> Stream:
        self._check_fault()
        found = self._outbox.streams.get(stream)
        if found is None:
            raise LocalProtocolError(f"stream {stream} is not open")
        return found

    def consumed(self, stream: int, count: int) -> None:
        """Note that so many bytes of `Data` were dealt with; for a stream that is gone nothing happens.

        Raises:
            LocalProtocolError: if fewer have come.
        """
        found = self._outbox.streams.get(stream)
        if found is None or not found.is_heard:
            return
        if count > found.held:
            raise LocalProtocolError(
                f"{count} bytes of stream {stream} were dealt with, {found.held} came"
            )
        found.held -= count
        found.due += count
        if 2 * found.due >= self._terms.window:
            found.grant()
            self._outbox.wake(found)

    def ping(self, data: bytes) -> None:
        """Ask the peer to answer with the same eight bytes."""
        if len(data) != PING_LENGTH:
            raise LocalProtocolError(f"a ping carries {PING_LENGTH} bytes, not {len(data)}")
        self._check_fault()
        self._outbox.control.append(frame(PING, rest=data))

    def away(self, text: str) -> None:
        """Say that there will be no new streams.

        A server refuses those that the client opens before it knows.  A client sends first what it has
        opened.
        """
        self._check_fault()
        if self._farewell is None:
            self._farewell = text
            self._outbox.farewell = frame(AWAY, rest=encode_words(text))

    def refuse(self, status: int, reason: str) -> None:
        """Send the client away, in place of a greeting; whoever calls this closes when that has gone.

        Raises:
            LocalProtocolError: if the greeting has gone, or this is the client's end.
        """
        if self._is_client or not self._greeting:
            raise LocalProtocolError("only a server refuses, and only before it greets")
        answer = refusal(status, reason)
        self._hush()
        self._is_over = True
        self._outbox.control.append(answer)

    def queued(self, stream: int) -> int:
        """Return how many bytes of a stream have yet to go; 0 if the stream is gone."""
        found = self._outbox.streams.get(stream)
        return found.queued if found else 0

    def outgoing(self, most: int) -> bytes:
        """Return the next bytes to send, about `most` of them, and none if nothing may go now.

        A server's greeting goes only after the client's has come, so there is time to refuse.
        """
        if self._greeting and (self._is_client or self._hearing is None):
            self._outbox.control.appendleft(self._greeting)
            self._greeting = b""
        return self._outbox.take(most)
