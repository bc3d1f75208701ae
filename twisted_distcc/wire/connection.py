"""Both ends of a connection as state machines: bytes in, events out; events in, bytes out.

A `Reader` takes whatever the peer sends, in pieces of any size, and yields events; a `Writer` takes the
events of our own message and returns bytes to send.  Neither knows of sockets, clocks or files.  If
events are taken after each piece, memory holds at most one incomplete token, or a few bytes that
follow the end of the message.

A server reads one request and writes one reply, a client the reverse::

    server = Connection.server()
    server.reader.feed(data)
    for event in server.reader.events():
        ...
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.batch import Token
from twisted_distcc.wire.cursor import Agreement, Cursor, Misplaced
from twisted_distcc.wire.events import (
    BodyData,
    BodyEnd,
    BodyStart,
    Event,
    MessageEnd,
    Number,
    Run,
    Text,
)
from twisted_distcc.wire.grammar import (
    DIST,
    DONE,
    REPLIES,
    REQUESTS,
    Field,
    Messages,
    Shape,
)
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.tokens import HEADER_LENGTH, decode_header, encode_header, spell, whole_tokens


class Reader:
    """The receiving half: `feed` it bytes, then iterate over its `events`."""

    def __init__(
        self, opening: Field, messages: Messages, limits: Limits, agreed: Agreement | None = None
    ) -> None:
        self._cursor = Cursor(opening, messages, limits, agreed)
        self._most_trailing = limits.trailing
        self._buffer = bytearray()
        self._piece = b""  # what was fed last, while all of it belongs to the body that is being read
        self._field: Field | None = None  # the token whose bytes are being read
        self._left = 0  # how many of its bytes are still to come
        self._ended = False
        self._fault: str | None = None  # the peer's first; nothing is read after it

    @property
    def trailing(self) -> bytes:
        """Bytes that came after the end of the message."""
        return bytes(self._buffer) if self._ended else b""

    @property
    def body_left(self) -> int:
        """How many bytes of the current body have yet to arrive."""
        return self._left if self._field is not None and self._field.shape is Shape.BULK else 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the peer; after an error they are dropped."""
        if self._fault is not None:
            return
        if self._is_all_body(data):
            self._piece = data
        else:
            self._buffer += self._piece + data
            self._piece = b""

    def _is_all_body(self, data: bytes) -> bool:
        """Whether all of `data` belongs to the current body and can be passed on as is."""
        is_bulk = self._field is not None and self._field.shape is Shape.BULK
        return is_bulk and len(data) <= self._left and not self._buffer and not self._piece

    def close(self) -> None:
        """Note that the peer will send nothing more; call this after the last events were taken.

        Raises:
            RemoteProtocolError: if the message is incomplete, and again at every later call.
        """
        if self._fault is not None or not self._ended:
            raise self._fail("the connection was closed in the middle of a message")

    def events(self) -> Iterator[Event]:
        """Yield the events in the bytes fed so far.

        Raises:
            RemoteProtocolError: at the first byte that the grammar or a ceiling forbids, and again
                at every later call: a connection does not recover from it.
        """
        while (event := self._next()) is not None:
            yield event

    def _next(self) -> Event | None:
        if self._fault is not None:
            raise RemoteProtocolError(self._fault)
        try:
            return self._advance()
        except (Misplaced, RemoteProtocolError) as error:
            raise self._fail(str(error)) from None

    def _fail(self, fault: str) -> RemoteProtocolError:
        """Remember the first fault, drop everything else, and return the error to raise."""
        self._fault = self._fault or fault
        self._buffer.clear()
        self._piece = b""
        return RemoteProtocolError(self._fault)

    def _advance(self) -> Event | None:
        if self._field is None:
            if self._cursor.is_end:
                return self._end()
            return self._run() or self._header()
        if self._field.shape is Shape.TEXT:
            return self._text(self._field)
        return self._body(self._field)

    def _end(self) -> MessageEnd | None:
        if not self._ended:
            self._ended = True
            return MessageEnd()
        if len(self._buffer) > self._most_trailing:
            raise RemoteProtocolError(
                f"more than {self._most_trailing} bytes follow the end of the message"
            )
        return None

    def _run(self) -> Run | None:
        """Take all complete tokens of those that a count announced."""
        if not (due := self._cursor.due):
            return None
        tokens = whole_tokens(bytes(self._buffer), due)
        if not (taken := self._cursor.enter_rounds(tokens)):
            return None
        run = Run(tuple(tokens[:taken]))
        del self._buffer[: HEADER_LENGTH * taken + sum(len(data) for _, data in run.tokens)]
        return run

    def _header(self) -> Event | None:
        if len(self._buffer) < HEADER_LENGTH:
            return None
        name, value = decode_header(self._take(HEADER_LENGTH))
        field = self._cursor.enter(name, value)
        if field.shape is Shape.NUMBER:
            return Number(name, value)
        self._field, self._left = field, value
        if field.shape is Shape.BULK:
            return BodyStart(name, value)
        return self._text(field)

    def _text(self, field: Field) -> Text | None:
        if len(self._buffer) < self._left:
            return None
        self._field = None
        return Text(field.token, self._take(self._left))

    def _body(self, field: Field) -> BodyData | BodyEnd | None:
        if not self._left:
            self._field = None
            return BodyEnd(field.token)
        data = self._piece or self._take(min(self._left, len(self._buffer)))
        self._piece = b""
        if not data:
            return None
        self._left -= len(data)
        return BodyData(data)

    def _take(self, length: int) -> bytes:
        with memoryview(self._buffer) as view:
            data = bytes(view[:length])
        del self._buffer[:length]
        return data


class Writer:
    """The sending half: pass it the events of our message in order, and send the bytes it returns."""

    def __init__(
        self, opening: Field, messages: Messages, limits: Limits, agreed: Agreement | None = None
    ) -> None:
        self._cursor = Cursor(opening, messages, limits, agreed)
        self._body: bytes | None = None  # the token whose body is being written
        self._left = 0  # how many of its bytes are still to come
        self._ended = False

    def send(self, event: Event) -> bytes:
        """Return `event` encoded.

        Raises:
            LocalProtocolError: if the event is not allowed here, or has the wrong length.  The
                state is then unchanged, and another event may be sent instead.
        """
        try:
            return self._encode(event)
        except Misplaced as misplaced:
            raise LocalProtocolError(str(misplaced)) from None

    def _encode(self, event: Event) -> bytes:
        match event:
            case Number(token, value):
                return self._enter(token, value, Shape.NUMBER)
            case Text(token, data):
                return self._enter(token, len(data), Shape.TEXT) + data
            case BodyStart(token, length):
                header = self._enter(token, length, Shape.BULK)
                self._body, self._left = token, length
                return header
            case BodyData(data):
                return self._data(data)
            case BodyEnd(token):
                self._end_body(token)
            case Run(tokens):
                return self._run(tokens)
            case MessageEnd():
                self._end()
            case _:
                assert_never(event)
        return b""

    def _run(self, tokens: Sequence[Token]) -> bytes:
        if self._body is not None:
            raise LocalProtocolError(f"the body of {spell(self._body)} has not ended")
        place = self._cursor.copy()
        for token, data in tokens[place.enter_rounds(tokens) :]:
            place.enter(token, len(data), Shape.TEXT, Shape.BULK)
        self._cursor = place
        return b"".join(
            [part for token, data in tokens for part in (encode_header(token, len(data)), data)]
        )

    def _enter(self, token: bytes, value: int, shape: Shape) -> bytes:
        if self._body is not None:
            raise LocalProtocolError(f"the body of {spell(self._body)} has not ended")
        header = encode_header(token, value)
        self._cursor.enter(token, value, shape)
        return header

    def _data(self, data: bytes) -> bytes:
        if self._body is None:
            raise LocalProtocolError("no body has begun")
        if len(data) > self._left:
            raise LocalProtocolError(
                f"the body of {spell(self._body)} lacks {self._left} bytes, not {len(data)}"
            )
        self._left -= len(data)
        return data

    def _end_body(self, token: bytes) -> None:
        if self._body != token:
            raise LocalProtocolError(f"no body of {spell(token)} has begun")
        if self._left:
            raise LocalProtocolError(f"the body of {spell(token)} lacks {self._left} bytes")
        self._body = None

    def _end(self) -> None:
        if self._body is not None or not self._cursor.is_end:
            raise LocalProtocolError("the message is not complete")
        if self._ended:
            raise LocalProtocolError("the message has ended")
        self._ended = True


@dataclass(frozen=True, slots=True)
class Connection:
    """One exchange, seen from one end; the reply uses the protocol version of the request."""

    reader: Reader
    writer: Writer

    @classmethod
    def server(cls, limits: Limits | None = None) -> Connection:
        """Return a connection that reads a request and writes a reply."""
        bounds, agreed = limits or Limits(), Agreement()
        reader = Reader(DIST, REQUESTS, bounds, agreed)
        return cls(reader, Writer(DONE, REPLIES, bounds, agreed))

    @classmethod
    def client(cls, limits: Limits | None = None) -> Connection:
        """Return a connection that writes a request and reads a reply."""
        bounds, agreed = limits or Limits(), Agreement()
        reader = Reader(DONE, REPLIES, bounds, agreed)
        return cls(reader, Writer(DIST, REQUESTS, bounds, agreed))
