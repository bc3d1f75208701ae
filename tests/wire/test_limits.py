"""Every ceiling, met and exceeded by one, on both ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Final, NamedTuple, get_args

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import put, take
from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.connection import Connection, Reader, Writer
from twisted_distcc.wire.events import BodyData, BodyEnd, BodyStart, Event, Number, Text
from twisted_distcc.wire.grammar import (
    ARGC,
    ARGV,
    CDIR,
    DIST,
    DONE,
    DOTD,
    DOTI,
    DOTO,
    FILE,
    LINK,
    NAME,
    NFIL,
    REPLIES,
    REQUESTS,
    SERR,
    SOUT,
    STAT,
    Ceiling,
    Either,
    Field,
    Repeat,
    Shape,
    Step,
    WhenZero,
)
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.tokens import LARGEST, encode_header

LIMIT: Final = 7


class Case(NamedTuple):
    """A ceiling, the tokens before the one that it binds, that one, and what those before it took."""

    ceiling: Ceiling
    before: tuple[tuple[Field, int], ...]
    field: Field
    taken: int = 0

    @property
    def limits(self) -> Limits:
        """Ceilings that leave `LIMIT` to the field."""
        return replace(Limits(), **{self.ceiling: self.taken + LIMIT})


PLAIN: Final = ((DIST, 1), (ARGC, 1))
FILES: Final = ((DIST, 3), (CDIR, 1), (ARGC, 1), (ARGV, 1))
RESULTS: Final = ((DONE, 3), (STAT, 0), (SERR, 1), (SOUT, 1), (DOTO, 1))
SOURCE: Final = Case("source", (*PLAIN, (ARGV, 1)), DOTI)
CASES: Final = (
    SOURCE,
    Case("arguments", PLAIN[:1], ARGC),
    Case("argument", PLAIN, ARGV),
    Case("command", ((DIST, 1), (ARGC, 2), (ARGV, 0)), ARGV),
    Case("name", FILES[:1], CDIR),
    Case("files", FILES, NFIL),
    Case("name", (*FILES, (NFIL, 1)), NAME),
    Case("source", (*FILES, (NFIL, 1), (NAME, 1)), FILE),
    Case("name", (*FILES, (NFIL, 1), (NAME, 1)), LINK),
    Case("names", (*FILES, (NFIL, 2), (NAME, 1), (FILE, 0)), NAME, 1),
    Case("names", (*FILES, (NFIL, 2), (NAME, 1), (LINK, 2), (NAME, 1)), LINK, 2),
    Case("messages", RESULTS[:2], SERR),
    Case("messages", RESULTS[:3], SOUT),
    Case("object_file", RESULTS[:4], DOTO),
    Case("messages", RESULTS, DOTD),
)


def _reader(case: Case, limits: Limits) -> Reader:
    """Give a reader that stands before the case's token."""
    opening = case.before[0][0]
    reader = Reader(opening, REQUESTS if opening is DIST else REPLIES, limits)
    take(reader, b"".join(encode_header(f.token, v) + _filling(f, v) for f, v in case.before))
    return reader


def _writer(case: Case, limits: Limits) -> Writer:
    """Give a writer that stands before the case's token."""
    opening = case.before[0][0]
    writer = Writer(opening, REQUESTS if opening is DIST else REPLIES, limits)
    for field, value in case.before:
        put(writer, _events(field, value))
    return writer


def _filling(field: Field, value: int) -> bytes:
    return b"" if field.shape is Shape.NUMBER else b"x" * value


def _events(field: Field, value: int) -> list[Event]:
    if field.shape is Shape.BULK:
        return [_first(field, value), BodyData(b"x" * value), BodyEnd(field.token)]
    return [_first(field, value)]


def _first(field: Field, value: int) -> Event:
    if field.shape is Shape.NUMBER:
        return Number(field.token, value)
    if field.shape is Shape.TEXT:
        return Text(field.token, b"x" * value)
    return BodyStart(field.token, value)


def _fields(steps: tuple[Step, ...]) -> Iterator[Field]:
    for step in steps:
        match step:
            case Field():
                yield step
            case Either(either):
                yield from either
            case Repeat(count, each):
                yield from (count, *_fields(each))
            case WhenZero(_, inner):
                yield from _fields(inner)


def _all_fields() -> set[Field]:
    tables: tuple[Mapping[int, tuple[Step, ...]], ...] = (REQUESTS, REPLIES)
    return {field for table in tables for steps in table.values() for field in _fields(steps)}


class TableTests(SynchronousTestCase):
    """The grammar lets nothing grow without a name for its ceiling."""

    def test_all_are_bounded(self) -> None:
        """Every length and every count of the tables has a ceiling; only a status has none."""
        self.assertEqual({field for field in _all_fields() if field.ceiling is None}, {STAT})

    def test_cases_are_complete(self) -> None:
        """The cases of this module are all the ceilings of all the tables."""
        bound = {(field.ceiling, field) for field in _all_fields() - {STAT}}
        together = {(field.together, field) for field in _all_fields() if field.together}
        self.assertEqual({(case.ceiling, case.field) for case in CASES}, bound | together)

    def test_names(self) -> None:
        """The grammar's ceilings are attributes of `Limits`, which has a few more for other things."""
        names = {field.name for field in fields(Limits)}
        self.assertEqual(names - set(get_args(Ceiling)), {"expanded", "pings", "trailing"})
        self.assertEqual(set(get_args(Ceiling)) - names, set())

    def test_headers_can_say_it(self) -> None:
        """No default ceiling is more than a header can say."""
        for field in fields(Limits):
            self.assertTrue(0 < getattr(Limits(), field.name) <= LARGEST, field.name)


class CeilingTests(SynchronousTestCase):
    """A ceiling is the greatest value that passes."""

    def test_reader_met(self) -> None:
        """The reader takes a value at its ceiling."""
        for case in CASES:
            reader = _reader(case, case.limits)
            message = encode_header(case.field.token, LIMIT) + _filling(case.field, LIMIT)
            self.assertEqual(
                take(reader, message)[: len(_events(case.field, LIMIT))], _events(case.field, LIMIT)
            )

    def test_reader_exceeded(self) -> None:
        """One more is the peer's fault, before a byte of it has come."""
        for case in CASES:
            reader = _reader(case, case.limits)
            header = encode_header(case.field.token, LIMIT + 1)
            error = self.assertRaises(RemoteProtocolError, take, reader, header)
            limit = case.taken + LIMIT
            what = f"{case.field.token.decode()} of {limit + 1}"
            self.assertEqual(str(error), f"{what} is over {limit}, the ceiling '{case.ceiling}'")

    def test_writer_met(self) -> None:
        """The writer writes a value at its ceiling."""
        for case in CASES:
            writer = _writer(case, case.limits)
            message = encode_header(case.field.token, LIMIT) + _filling(case.field, LIMIT)
            self.assertEqual(put(writer, _events(case.field, LIMIT)), message)

    def test_writer_exceeded(self) -> None:
        """One more is our own fault."""
        for case in CASES:
            writer = _writer(case, case.limits)
            event = _first(case.field, LIMIT + 1)
            error = self.assertRaises(LocalProtocolError, writer.send, event)
            self.assertIn(f"is over {case.taken + LIMIT}, the ceiling '{case.ceiling}'", str(error))

    def test_largest(self) -> None:
        """By default the largest number of a header is too much for every token that is bounded."""
        for case in CASES:
            header = encode_header(case.field.token, LARGEST)
            self.assertRaises(RemoteProtocolError, take, _reader(case, Limits()), header)

    def test_largest_allowed(self) -> None:
        """Whoever allows it may announce a body of all that a header can say, at no cost."""
        limits = replace(Limits(), source=LARGEST, object_file=LARGEST, messages=LARGEST)
        for case in CASES:
            if case.field.shape is Shape.BULK:
                header = encode_header(case.field.token, LARGEST)
                start = BodyStart(case.field.token, LARGEST)
                self.assertEqual(take(_reader(case, limits), header), [start])
                self.assertEqual(_writer(case, limits).send(start), header)

    def test_beyond_headers(self) -> None:
        """A ceiling beyond what a header can say does not make the writer say it."""
        limits = replace(Limits(), source=LARGEST + 1)
        writer = _writer(SOURCE, limits)
        self.assertRaises(LocalProtocolError, writer.send, BodyStart(b"DOTI", LARGEST + 1))
        self.assertEqual(writer.send(BodyStart(b"DOTI", 0)), b"DOTI00000000")

    def test_connections(self) -> None:
        """All four halves hold to the limits that their connection was given, or to the defaults."""
        asked: list[Event] = [Number(b"DIST", 1), Number(b"ARGC", 2)]
        said: list[Event] = [Number(b"DONE", 1), Number(b"STAT", 0), BodyStart(b"SERR", 2)]
        low = Limits(arguments=1, messages=1)
        for events, writing, reading in (
            (asked, Connection.client, Connection.server),
            (said, Connection.server, Connection.client),
        ):
            message = put(writing().writer, events)
            self.assertEqual(take(reading().reader, message), events)
            self.assertRaises(LocalProtocolError, put, writing(low).writer, events)
            self.assertRaises(RemoteProtocolError, take, reading(low).reader, message)

    def test_words_together(self) -> None:
        """The words of a command are counted together, over all of them."""
        limits = replace(Limits(), command=10)
        words = encode_header(b"ARGV", 4) + b"word"
        head = b"DIST00000001" + encode_header(b"ARGC", 4)
        reader = Reader(DIST, REQUESTS, limits)
        take(reader, head + 2 * words + encode_header(b"ARGV", 2) + b"xx" + encode_header(b"ARGV", 0))
        reader = Reader(DIST, REQUESTS, limits)
        error = self.assertRaises(RemoteProtocolError, take, reader, head + 3 * words)
        self.assertEqual(str(error), "ARGV of 12 is over 10, the ceiling 'command'")
