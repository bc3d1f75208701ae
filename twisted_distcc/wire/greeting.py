"""The greetings of protocol 4: what each end tells the other before the first frame.

`Terms` is what an end says of itself.  Its greeting is a message of `session_grammar`, which the usual
reader and writer walk::

    sent = client_greeting(Terms(name="tdistcc 1.0"))
    hearing = Hearing.of_client(Limits())
    hearing.feed(sent + b"DATA...")
    hearing.answer()          # Terms(frame=65536, ..., name="tdistcc 1.0")
    hearing.trailing          # b"DATA..."
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.connection import Reader, Writer
from twisted_distcc.wire.events import Event, MessageEnd, Number, Text
from twisted_distcc.wire.grammar import DIST, DONE, Field, Messages
from twisted_distcc.wire.limits import KIB, MIB, Limits
from twisted_distcc.wire.session_frames import decode_words, encode_words
from twisted_distcc.wire.session_grammar import (
    CLIENT_GREETINGS,
    LEAST_FRAME,
    LEAST_WINDOW,
    SERVER_GREETINGS,
    SESSIONS,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What one end of a session says of itself.

    Attributes:
        frame: the largest payload of a frame that it takes.
        window: the bytes of each stream that it takes before it grants more.
        jobs: how many streams a client may have open at once; said by servers alone.
        know: 16 bytes that name a server's memory of content; said by servers alone.
        name: the program and its version, for people.
    """

    frame: int = 64 * KIB
    window: int = 1 * MIB
    jobs: int = 1
    know: bytes = b""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a server says in place of its terms: a wait status of failure, and why."""

    status: int
    reason: str


# What an end may rely on before the other's greeting has come.
CAUTIOUS: Final = Terms(LEAST_FRAME, LEAST_WINDOW)

Answer: TypeAlias = Terms | Refusal


def client_greeting(terms: Terms) -> bytes:
    """Return the greeting of a client.

    Raises:
        LocalProtocolError: if the terms are out of bounds.
    """
    return _encode(DIST, CLIENT_GREETINGS, *_sizes(terms), _name(terms))


def server_greeting(terms: Terms) -> bytes:
    """Return the greeting of a server.

    Raises:
        LocalProtocolError: if the terms are out of bounds.
    """
    status, reason = Number(b"STAT", 0), Text(b"SERR", b"")
    own = Number(b"JOBS", terms.jobs), Text(b"KNOW", terms.know)
    return _encode(DONE, SERVER_GREETINGS, status, reason, *_sizes(terms), *own, _name(terms))


def refusal(status: int, reason: str) -> bytes:
    """Return what a server says to a client that may not connect.

    Raises:
        LocalProtocolError: if the status is that of success.
    """
    if not status:
        raise LocalProtocolError("a refusal needs the status of a failure")
    return _encode(DONE, SERVER_GREETINGS, Number(b"STAT", status), Text(b"SERR", encode_words(reason)))


def _encode(opening: Field, messages: Messages, *events: Event) -> bytes:
    writer = Writer(opening, messages, Limits())
    return b"".join(map(writer.send, (Number(opening.token, SESSIONS), *events, MessageEnd())))


def _sizes(terms: Terms) -> tuple[Event, Event]:
    return Number(b"FRAM", terms.frame), Number(b"WIND", terms.window)


def _name(terms: Terms) -> Event:
    return Text(b"SERV", encode_words(terms.name))


class Hearing:
    """Read the greeting of the peer: `feed` it bytes until there is an `answer`."""

    def __init__(self, opening: Field, messages: Messages, limits: Limits) -> None:
        self._reader = Reader(opening, messages, limits)
        self._numbers: dict[bytes, int] = {b"STAT": 0, b"JOBS": CAUTIOUS.jobs}
        self._texts: dict[bytes, bytes] = {b"SERR": b"", b"KNOW": b""}

    @classmethod
    def of_client(cls, limits: Limits) -> Hearing:
        """Return what reads a client's greeting."""
        return cls(DIST, CLIENT_GREETINGS, limits)

    @classmethod
    def of_server(cls, limits: Limits) -> Hearing:
        """Return what reads a server's greeting."""
        return cls(DONE, SERVER_GREETINGS, limits)

    @property
    def trailing(self) -> bytes:
        """The bytes that came after the greeting."""
        return self._reader.trailing

    def feed(self, data: bytes) -> None:
        """Take the next bytes from the peer."""
        self._reader.feed(data)

    def answer(self) -> Answer | None:
        """Return what the peer says, once its greeting is whole.

        Raises:
            RemoteProtocolError: if the bytes are no such greeting.
        """
        for event in self._reader.events():
            if isinstance(event, MessageEnd):
                return self._answer()
            self._note(event)
        return None

    def _note(self, event: Event) -> None:
        if isinstance(event, Number):
            self._numbers[event.token] = event.value
        elif isinstance(event, Text):
            self._texts[event.token] = event.data

    def _answer(self) -> Answer:
        numbers, texts = self._numbers, self._texts
        reason = decode_words(texts[b"SERR"])
        if status := numbers[b"STAT"]:
            return Refusal(status, reason)
        if reason:
            raise RemoteProtocolError(f"a greeting gave a reason and no failure: {reason}")
        sizes = numbers[b"FRAM"], numbers[b"WIND"], numbers[b"JOBS"]
        return Terms(*sizes, texts[b"KNOW"], decode_words(texts[b"SERV"]))
