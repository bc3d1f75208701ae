"""The sending half: right events become bytes, wrong ones our own error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import (
    ANY_REPLY,
    ANY_REQUEST,
    LOW,
    PROPERTY,
    answer,
    job,
    put,
    reply,
    reply_writer,
    request,
    request_writer,
)
from twisted_distcc.errors import LocalProtocolError
from twisted_distcc.wire.connection import Connection, Writer
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
from twisted_distcc.wire.tokens import LARGEST

NAMES: Final = (
    *(b"DIST", b"ARGC", b"ARGV", b"CDIR", b"DOTI", b"NFIL", b"NAME", b"FILE", b"LINK"),
    *(b"DONE", b"STAT", b"SERR", b"SOUT", b"DOTO", b"DOTD"),
    *(b"ELSE", b"dist", b"", b"\xff\xfe\xfd\xfc", b"DIST0"),
)
MESSAGES: Final[tuple[tuple[list[Event], Callable[[], Writer]], ...]] = (
    (request(1, [b"gcc", b"-c"], b"int ", b"x;"), request_writer),
    (request(2, [b"gcc"]), request_writer),
    (job([b"gcc"], [(b"/x.c", b"int x;", False), (b"/y.c", b"x.c", True)]), request_writer),
    (reply(1, 0, b"warning", b"", b"object"), reply_writer),
    (answer(0, b"", b"object", b"x.o: x.c"), reply_writer),
    (answer(1, b"error", b"", b""), reply_writer),
)


EVENTS: Final[tuple[Event, ...]] = (
    *(Number(name, 1) for name in NAMES),
    *(Text(name, b"x") for name in NAMES),
    *(BodyStart(name, 1) for name in NAMES),
    *(BodyEnd(name) for name in NAMES),
    *(Run(((name, b"x"),)) for name in NAMES),
    BodyData(b"x"),
    MessageEnd(),
)
# Where one of these may stand, so may the other.
EITHER: Final = frozenset({(BodyStart, b"FILE"), (Text, b"LINK")})


def _kind(event: Event | None) -> tuple[type, bytes]:
    token = event.tokens[0][0] if isinstance(event, Run) else getattr(event, "token", b"")
    return type(event), token


def _wrong(right: Event | None) -> Iterator[Event]:
    """Give one event of each kind, but for those that may stand where `right` stands."""
    kind = _kind(right)
    due = set(EITHER) if kind in EITHER else {kind}
    due |= {(Run, token) for kind, token in due if kind in {Text, BodyStart}}
    return (event for event in EVENTS if _kind(event) not in due)


class WritingTests(SynchronousTestCase):
    """Right events."""

    def test_request(self) -> None:
        """A request is its tokens, one after the other."""
        self.assertEqual(
            put(request_writer(), request(1, [b"gcc", b""], b"int ", b"x;")),
            b"DIST00000001ARGC00000002ARGV00000003gccARGV00000000DOTI00000006int x;",
        )

    def test_reply(self) -> None:
        """A reply is its tokens, one after the other."""
        self.assertEqual(
            put(reply_writer(), reply(2, 256, b"error", b"", b"")),
            b"DONE00000002STAT00000100SERR00000005errorSOUT00000000DOTO00000000",
        )

    def test_at_once(self) -> None:
        """Each event gives its bytes at once; ends give none."""
        writer = request_writer()
        events = request(1, [b"gcc"], b"int x;")
        expected = [b"DIST00000001", b"ARGC00000001", b"ARGV00000003gcc", b"DOTI00000006", b"int x;"]
        self.assertEqual([writer.send(event) for event in events], [*expected, b"", b""])

    def test_no_bytes_of_a_body(self) -> None:
        """An empty piece of a body changes nothing."""
        writer = request_writer()
        put(writer, request(1, [b"gcc"])[:3])
        self.assertEqual(put(writer, [BodyStart(b"DOTI", 1), BodyData(b"")]), b"DOTI00000001")
        self.assertRaises(LocalProtocolError, writer.send, BodyEnd(b"DOTI"))


class RefusalTests(SynchronousTestCase):
    """Wrong events are our own error, and leave the message as it was."""

    def test_out_of_turn(self) -> None:
        """At every place of every message every event that is not due is refused."""
        for events, new_writer in MESSAGES:
            writer, interrupted = new_writer(), b""
            for right in (*events, None):
                for wrong in _wrong(right):
                    self.assertRaises(LocalProtocolError, writer.send, wrong)
                interrupted += writer.send(right) if right else b""
            self.assertEqual(interrupted, put(new_writer(), events))

    def test_second_end(self) -> None:
        """A message ends once."""
        writer = reply_writer()
        put(writer, reply(1, 0, b"", b"", b""))
        error = self.assertRaises(LocalProtocolError, writer.send, MessageEnd())
        self.assertEqual(str(error), "the message has ended")

    def test_body_length(self) -> None:
        """A body has neither more nor fewer bytes than were announced."""
        writer = request_writer()
        put(writer, request(1, [b"gcc"])[:3])
        put(writer, [BodyStart(b"DOTI", 5), BodyData(b"int")])
        error = self.assertRaises(LocalProtocolError, writer.send, BodyData(b" x;"))
        self.assertEqual(str(error), "the body of DOTI lacks 2 bytes, not 3")
        error = self.assertRaises(LocalProtocolError, writer.send, BodyEnd(b"DOTI"))
        self.assertEqual(str(error), "the body of DOTI lacks 2 bytes")
        self.assertEqual(put(writer, [BodyData(b" x"), BodyEnd(b"DOTI"), MessageEnd()]), b" x")

    def test_data_without_a_body(self) -> None:
        """Bytes of no body are refused, even no bytes."""
        for data in (b"", b"x"):
            error = self.assertRaises(LocalProtocolError, request_writer().send, BodyData(data))
            self.assertEqual(str(error), "no body has begun")

    def test_end_of_another_body(self) -> None:
        """A body ends under its own name."""
        writer = reply_writer()
        put(writer, [Number(b"DONE", 1), Number(b"STAT", 0), BodyStart(b"SERR", 0)])
        error = self.assertRaises(LocalProtocolError, writer.send, BodyEnd(b"SOUT"))
        self.assertEqual(str(error), "no body of SOUT has begun")

    def test_token_within_a_body(self) -> None:
        """The next token waits for the end of the body."""
        writer = reply_writer()
        put(writer, [Number(b"DONE", 1), Number(b"STAT", 0), BodyStart(b"SERR", 0)])
        error = self.assertRaises(LocalProtocolError, writer.send, BodyStart(b"SOUT", 0))
        self.assertEqual(str(error), "the body of SERR has not ended")

    def test_wrong_kind(self) -> None:
        """A token is not sent in the form of another."""
        error = self.assertRaises(LocalProtocolError, request_writer().send, Text(b"DIST", b"x"))
        self.assertEqual(str(error), "DIST is sent as a NUMBER")

    def test_numbers_that_do_not_fit(self) -> None:
        """A number without a place in eight digits is refused, even where any number may stand."""
        writer = reply_writer()
        writer.send(Number(b"DONE", 1))
        for status in (-1, LARGEST + 1):
            self.assertRaises(LocalProtocolError, writer.send, Number(b"STAT", status))
        self.assertEqual(writer.send(Number(b"STAT", LARGEST)), b"STATffffffff")

    def test_versions(self) -> None:
        """Versions that are not spoken are refused, on both ends."""
        for version in (-1, 0, 4, LARGEST, LARGEST + 1):
            self.assertRaises(
                LocalProtocolError, Connection.client().writer.send, Number(b"DIST", version)
            )
            self.assertRaises(
                LocalProtocolError, Connection.server().writer.send, Number(b"DONE", version)
            )

    def test_another_version(self) -> None:
        """A server answers in the version that it was asked in."""
        server = Connection.server()
        server.reader.feed(b"DIST00000002")
        self.assertEqual(list(server.reader.events()), [Number(b"DIST", 2)])
        self.assertRaises(LocalProtocolError, server.writer.send, Number(b"DONE", 1))
        self.assertEqual(server.writer.send(Number(b"DONE", 2)), b"DONE00000002")

    def test_word_counts(self) -> None:
        """A command of no words, fewer than none, or too many is refused."""
        writer = request_writer()
        writer.send(Number(b"DIST", 1))
        for count in (-1, 0, 10_001, LARGEST, LARGEST + 1):
            self.assertRaises(LocalProtocolError, writer.send, Number(b"ARGC", count))

    @PROPERTY
    @given(ANY_REQUEST | ANY_REPLY, st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30))))
    def test_any_order(self, right: list[Event], repeats: list[tuple[int, int]]) -> None:
        """Events in any order are bytes or a LocalProtocolError, and refused ones leave no trace."""
        new_writer = request_writer if _kind(right[0]) == (Number, b"DIST") else reply_writer
        events = list(right)
        for source, place in repeats:
            events.insert(place, right[source % len(right)])
        writer, taken, written = new_writer(LOW), list[Event](), b""
        for event in events:
            try:
                written += writer.send(event)
            except LocalProtocolError:
                continue
            taken.append(event)
        self.assertEqual(put(new_writer(LOW), taken), written)
        self.assertEqual(taken[:1], right[:1])
