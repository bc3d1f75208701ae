"""Many tokens at a time: what is taken so is what would be taken one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import (
    ANY_REQUEST,
    LOW,
    PROPERTY,
    job,
    merged,
    put,
    request_reader,
    request_writer,
    split,
    take,
)
from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.connection import Reader, Writer
from twisted_distcc.wire.cursor import Cursor, Misplaced
from twisted_distcc.wire.events import BodyData, BodyStart, Event, Number, Run, Text
from twisted_distcc.wire.grammar import DIST, REQUESTS
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.tokens import whole_tokens

FILES: Final = [(b"/a", b"int a;", False), (b"/b", b"a", True), (b"/c", b"", False)]
HEAD: Final = put(request_writer(), job([b"cc"], FILES)[:5])  # up to the count of files
TOKENS: Final = (
    *((b"NAME", b"/a"), (b"FILE", b"int a;")),
    *((b"NAME", b"/b"), (b"LINK", b"a")),
    *((b"NAME", b"/c"), (b"FILE", b"")),
)
WIRE: Final = b"".join(b"%s%08x%s" % (token, len(data), data) for token, data in TOKENS)


def raw(reader: Reader, data: bytes) -> list[Event]:
    """Give the events of `data` as the reader makes them."""
    reader.feed(data)
    return list(reader.events())


class WholeTests(SynchronousTestCase):
    """`whole_tokens`."""

    def test_what_is_whole(self) -> None:
        """Tokens are taken up to the first that lacks a byte, and no more than are wanted."""
        for end in range(len(WIRE) + 1):
            tokens = whole_tokens(WIRE[:end], 99)
            self.assertEqual(tuple(tokens), TOKENS[: len(tokens)])
            self.assertEqual(len(tokens), len([at for at in self._ends() if at <= end]))
        for most in range(7):
            self.assertEqual(tuple(whole_tokens(WIRE, most)), TOKENS[:most])

    def _ends(self) -> list[int]:
        ends = [0]
        for token in split(WIRE):
            ends.append(ends[-1] + len(token))
        return ends[1:]

    def test_what_is_none(self) -> None:
        """What is no token ends them, as does a length that only looks like one."""
        for wrong in (
            b"NAME0000000G",
            b"name00000001",
            b"NAME+0000001",
            b"NAME0000_001",
            b"NAM300000000",
        ):
            self.assertEqual(len(whole_tokens(WIRE + wrong + b"x" * 99, 99)), len(TOKENS))
        self.assertEqual(whole_tokens(b"NAMEffffffff" + bytes(99), 99), [])


class ReadingTests(SynchronousTestCase):
    """What a reader makes of tokens that come together."""

    def test_one_event(self) -> None:
        """All words of a command are one event, and so are all entries of a tree."""
        events = raw(request_reader(), HEAD + WIRE)
        self.assertEqual(events[2:4], [Number(b"ARGC", 1), Run(((b"ARGV", b"cc"),))])
        self.assertEqual(events[4:6], [Number(b"NFIL", 3), Run(TOKENS)])

    def test_what_is_not_whole(self) -> None:
        """A round that is not whole comes as it would come alone; the rounds after it are one again."""
        reader = request_reader()
        begun = raw(reader, HEAD + WIRE[:30])[5:]
        self.assertEqual(begun, [Text(b"NAME", b"/a"), BodyStart(b"FILE", 6), BodyData(b"int ")])
        self.assertEqual(raw(reader, WIRE[30:])[-2], Run(TOKENS[2:]))

    def test_no_more_than_announced(self) -> None:
        """What follows the count is not one of it, even if it looks like one."""
        reader = request_reader()
        events = raw(reader, HEAD.replace(b"NFIL00000003", b"NFIL00000001") + WIRE)
        self.assertEqual(events[5], Run(TOKENS[:2]))
        self.assertEqual(reader.trailing, WIRE[len(b"NAME00000002/aFILE00000006int a;") :])

    @PROPERTY
    @given(ANY_REQUEST, st.integers(0, 300), st.binary(max_size=4))
    @example(job([b"c"], [(b"x" * 12, b"", False)] * 3 + [(b"x" * 12, b"y", False)] * 2)[:-1], 0, b"")
    def test_faults(self, events: list[Event], at: int, new: bytes) -> None:
        """Whole or byte by byte, the same is taken, and the same is said of what is wrong."""
        message = b"".join(map(request_writer(Limits()).send, events))
        message = message[:at] + new + message[at + len(new) :]
        whole, whole_fault = self._read(message, len(message) or 1)
        pieces, fault = self._read(message, 1)
        self.assertEqual((merged(whole), whole_fault), (merged(pieces), fault))

    def _read(self, message: bytes, size: int) -> tuple[list[Event], str]:
        reader, events = request_reader(LOW), []
        try:
            for start in range(0, len(message), size):
                reader.feed(message[start : start + size])
                for event in reader.events():
                    events.append(event)
        except RemoteProtocolError as error:
            return events, str(error)
        return events, ""


class CeilingTests(SynchronousTestCase):
    """Ceilings hold for tokens that come together, and say the same of the first that is over."""

    def assertStops(self, limits: Limits, taken: int, fault: str) -> None:
        """Check that so many tokens are taken together, and what is said of the next."""
        reader = Reader(DIST, REQUESTS, limits)
        events: list[Event] = []
        reader.feed(HEAD + WIRE)
        error = self.assertRaises(RemoteProtocolError, events.extend, reader.events())
        self.assertEqual(str(error), fault)
        runs = [event for event in events if isinstance(event, Run)]
        self.assertEqual([token for run in runs[1:] for token in run.tokens], list(TOKENS[:taken]))

    def test_each_and_together(self) -> None:
        """One token by itself, and all of its name."""
        for change, taken, fault in (
            ({"source": 5}, 0, "FILE of 6 is over 5, the ceiling 'source'"),
            ({"name": 1}, 0, "NAME of 2 is over 1, the ceiling 'name'"),
            ({"names": 3}, 2, "NAME of 4 is over 3, the ceiling 'names'"),
            ({"names": 5}, 4, "NAME of 6 is over 5, the ceiling 'names'"),
        ):
            self.assertStops(replace(Limits(), **change), taken, fault)

    def test_what_was_taken_by_itself_counts(self) -> None:
        """The total is one, however the tokens came."""
        reader = Reader(DIST, REQUESTS, replace(Limits(), names=5))
        take(reader, HEAD + WIRE[:30])
        error = self.assertRaises(RemoteProtocolError, take, reader, WIRE[30:])
        self.assertEqual(str(error), "NAME of 6 is over 5, the ceiling 'names'")

    def test_empty_names(self) -> None:
        """A name has at least a byte, in a run as well."""
        for token, wrong in ((b"NAME", WIRE.replace(b"NAME00000002/c", b"NAME00000000")),
                             (b"LINK", WIRE.replace(b"LINK00000001a", b"LINK00000000"))):  # fmt: skip
            error = self.assertRaises(RemoteProtocolError, take, request_reader(), HEAD + wrong)
            self.assertEqual(str(error), f"{token.decode()} must be at least 1")


class WritingTests(SynchronousTestCase):
    """What a writer makes of a run."""

    def test_bytes(self) -> None:
        """A run is the bytes of its tokens' own events, wherever it begins and ends."""
        for start in range(len(TOKENS)):
            for end in range(start + 1, len(TOKENS) + 1):
                writer = request_writer()
                put(writer, job([b"cc"], FILES)[:5])
                parts = (Run(TOKENS[:start]), Run(TOKENS[start:end]), Run(TOKENS[end:]))
                self.assertEqual(put(writer, parts), WIRE)

    def test_no_tokens(self) -> None:
        """A run of nothing changes nothing."""
        writer = request_writer()
        self.assertEqual(writer.send(Run(())), b"")
        self.assertEqual(writer.send(Number(b"DIST", 3)), b"DIST00000003")

    def test_refused_whole(self) -> None:
        """A run that does not fit is as if it had not been given, and the error names its token."""
        writer = request_writer(replace(Limits(), names=5))
        put(writer, job([b"cc"], FILES)[:5])
        error = self.assertRaises(LocalProtocolError, writer.send, Run(TOKENS))
        self.assertEqual(str(error), "NAME of 6 is over 5, the ceiling 'names'")
        for wrong, fault in (
            ((b"NAME", b"/d"), "expected FILE or LINK, got NAME"),
            ((b"NFIL", b"/d"), "expected FILE or LINK, got NFIL"),
        ):
            error = self.assertRaises(LocalProtocolError, writer.send, Run((*TOKENS[:3], wrong)))
            self.assertEqual(str(error), fault)
        self.assertEqual(writer.send(Run(TOKENS[:4])), WIRE[: WIRE.index(b"NAME00000002/c")])

    def test_too_many(self) -> None:
        """A run has no more tokens than were announced."""
        writer = request_writer()
        put(writer, job([b"cc"], FILES)[:5])
        error = self.assertRaises(LocalProtocolError, writer.send, Run((*TOKENS, *TOKENS[:2])))
        self.assertEqual(str(error), "the message is complete, nothing may follow")

    def test_numbers(self) -> None:
        """A token that is a number is no part of a run."""
        for writer, token in ((request_writer(), b"DIST"), (self._after_words(), b"NFIL")):
            error = self.assertRaises(LocalProtocolError, writer.send, Run(((token, b"x"),)))
            self.assertEqual(str(error), f"{token.decode()} is sent as a NUMBER")

    def _after_words(self) -> Writer:
        writer = request_writer()
        put(writer, job([b"cc"], FILES)[:4])
        return writer

    def test_within_a_body(self) -> None:
        """A run waits for the end of a body."""
        writer = request_writer()
        put(writer, [*job([b"cc"], FILES)[:5], Text(b"NAME", b"/a"), BodyStart(b"FILE", 6)])
        error = self.assertRaises(LocalProtocolError, writer.send, Run(TOKENS[2:]))
        self.assertEqual(str(error), "the body of FILE has not ended")


class CursorTests(SynchronousTestCase):
    """The walk, many tokens at a time."""

    def test_copy(self) -> None:
        """A copy goes its own way."""
        place = Cursor(DIST, REQUESTS, replace(Limits(), names=5))
        for token, value in ((b"DIST", 3), (b"CDIR", 1), (b"ARGC", 1), (b"ARGV", 0), (b"NFIL", 3)):
            place.enter(token, value)
        for _ in range(2):
            copied = place.copy()
            self.assertEqual((copied.due, copied.enter_rounds(TOKENS)), (6, 4))
            self.assertEqual(copied.due, 2)
            self.assertRaises(Misplaced, copied.enter, b"NAME", 2)
        self.assertEqual(place.due, 6)

    def test_due(self) -> None:
        """Nothing is due in rounds before a count, in the middle of a round, and after the last."""
        place = Cursor(DIST, REQUESTS, Limits())
        due = []
        for token, value in (
            *((b"DIST", 3), (b"CDIR", 1), (b"ARGC", 2), (b"ARGV", 0), (b"ARGV", 0), (b"NFIL", 2)),
            *((b"NAME", 1), (b"FILE", 1), (b"NAME", 1), (b"LINK", 1)),
        ):
            place.enter(token, value)
            due.append(place.due)
        self.assertEqual(due, [0, 0, 2, 1, 0, 4, 0, 2, 0, 0])
