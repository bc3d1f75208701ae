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

from collections.abc import Iterable, Iterator

from twisted_distcc.errors import LocalProtocolError
from twisted_distcc.wire.greeting import CAUTIOUS, Terms, client_greeting, refusal, server_greeting
from twisted_distcc.wire.inbox import Inbox
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.outbox import Outbox, State, Stream
from twisted_distcc.wire.session_events import SessionEvent
from twisted_distcc.wire.session_frames import PING, PING_LENGTH, frame, need_frames
from twisted_distcc.wire.tokens import LARGEST


class Session:
    """One end of a session; `client` and `server` make one.

    Attributes:
        heard: how many bytes have come.
    """

    def __init__(self, terms: Terms, limits: Limits, *, is_client: bool) -> None:
        self.heard = 0
        self._terms = terms
        self._is_client = is_client
        self._last = 0  # the number that was opened last
        self._outbox = Outbox(CAUTIOUS.frame)
        greeting = client_greeting(terms) if is_client else server_greeting(terms)
        self._outbox.begin_with(greeting, is_held=not is_client)
        self._inbox = Inbox(self._outbox, terms, limits, is_client=is_client)

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

    @property
    def peer(self) -> Terms:
        """What the other end takes, and the least that it may take until its greeting has come."""
        return self._inbox.peer

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the peer; after an error or a refusal they are dropped."""
        self.heard += len(data)
        self._inbox.feed(data)

    def events(self) -> Iterator[SessionEvent]:
        """Yield the events in the bytes fed so far.

        Raises:
            RemoteProtocolError: at the first breach of the protocol, and again at every later call: a
                session does not recover from it.
        """
        return self._inbox.events()

    @property
    def open_streams(self) -> int:
        """How many streams are open, or have yet to tell the peer that they are not."""
        return len(self._outbox.streams)

    @property
    def may_open(self) -> bool:
        """Whether a client may open a stream now."""
        is_going = self._inbox.is_peer_away or self._inbox.is_over or self._outbox.reason is not None
        has_room = self.open_streams < self._inbox.peer.jobs and self._last < LARGEST
        return self._is_client and has_room and not is_going

    def open(self) -> int:
        """Open a stream; return its number.  It begins when its first bytes go.

        Raises:
            LocalProtocolError: if as many are open as the server allows, or no more may be.
        """
        self._inbox.check()
        if not self.may_open:
            raise LocalProtocolError(f"no stream may be opened now; {self.open_streams} are open")
        self._last += 1
        self._outbox.open(Stream(self._last, self._inbox.peer.window, self._terms.window))
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
            self._outbox.stop(found, code, text)
        else:
            self._outbox.forget(found)

    def need(self, stream: int, digests: Iterable[bytes]) -> None:
        """Ask the client for blobs that the job on a stream waits for, in as few frames as it takes.

        Raises:
            LocalProtocolError: if the stream is not open, or this is the client's end.
        """
        if self._is_client:
            raise LocalProtocolError("a client asks for no blobs")
        found = self._ours(stream)
        found.control += need_frames(stream, digests, self._inbox.peer.frame)
        self._outbox.hasten(found)

    def _ours(self, stream: int) -> Stream:
        self._inbox.check()
        found = self._outbox.streams.get(stream)
        if found is None or found.state is State.STOPPED:
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
            self._outbox.hasten(found)

    def ping(self, data: bytes) -> None:
        """Ask the peer to answer with the same eight bytes."""
        if len(data) != PING_LENGTH:
            raise LocalProtocolError(f"a ping carries {PING_LENGTH} bytes, not {len(data)}")
        self._inbox.check()
        if not self._inbox.is_over:
            self._outbox.control.append(frame(PING, rest=data))

    def away(self, text: str) -> None:
        """Say that there will be no new streams.

        A server refuses those that the client opens before it knows.  A client sends first what it has
        opened.
        """
        self._inbox.check()
        if not self._inbox.is_over:
            self._outbox.leave(text)

    def refuse(self, status: int, reason: str) -> None:
        """Send the client away, in place of a greeting; the caller closes when that has gone.

        Raises:
            LocalProtocolError: if the greeting has gone, or this is the client's end.
        """
        self._inbox.check()
        if self._is_client or self._outbox.has_sent:
            raise LocalProtocolError("only a server refuses, and only before it greets")
        answer = refusal(status, reason)
        self._inbox.end()
        self._outbox.begin_with(answer, is_held=False)

    def queued(self, stream: int) -> int:
        """Return how many bytes of a stream have yet to go; 0 if the stream is gone."""
        found = self._outbox.streams.get(stream)
        return found.queued if found else 0

    @property
    def gone(self) -> int:
        """How many bytes of data have gone, on all streams."""
        return self._outbox.gone

    def progress(self, stream: int) -> int:
        """Return a number that changes when a stream comes on, in its turn and within its window."""
        found = self._outbox.streams.get(stream)
        return self._outbox.progress(found) if found else 0

    @property
    def sending(self) -> list[int]:
        """The streams that have bytes to send."""
        return [stream.number for stream in self._outbox.streams.values() if stream.queued]

    def outgoing(self, most: int) -> bytes:
        """Return the next bytes to send, about `most` of them, and none if nothing may go now.

        A server's greeting goes only after the client's has come, so there is time to refuse.
        """
        return self._outbox.take(most)
