"""Peers that mean harm, or are broken: an event or a `RemoteProtocolError`, and bounded memory.

The right answer comes from a second reading of the protocol, written here from its description and
without the tables: it takes a whole message, and says where that ends.
"""

from __future__ import annotations

import contextlib
import re
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Final, NoReturn

from hypothesis import example, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import (
    ANY_REPLY,
    ANY_REQUEST,
    LOW,
    POINTS,
    PROPERTY,
    cut,
    merged,
    put,
    reply_reader,
    reply_writer,
    request_reader,
    request_writer,
    split,
)
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.wire.connection import Connection, Reader
from twisted_distcc.wire.events import BodyData, BodyStart, Event, MessageEnd, Number, Text
from twisted_distcc.wire.limits import KIB, MIB, Limits
from twisted_distcc.wire.tokens import HEADER_LENGTH, LARGEST

KEPT: Final = max(HEADER_LENGTH, LOW.argument, LOW.name, LOW.trailing)
PIECE: Final = b"x" * (64 * KIB)


class NotAMessage(Exception):  # noqa: N818  (it is an answer, not an error)
    """The bytes do not begin with a whole message that stays below `LOW`."""


class Second:
    """A second, whole-message reading of the protocol."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def request(self) -> int:
        """Read a request, and give the offset of its end."""
        version = self._number(b"DIST", 3)
        if version == 3:
            self._name(b"CDIR")
        words = [self._bytes(b"ARGV", LOW.argument) for _ in range(self._number(b"ARGC", LOW.arguments))]
        if not (version and words and sum(words) <= LOW.command):
            raise NotAMessage
        if version == 3:
            self._files()
        else:
            self._bytes(b"DOTI", LOW.source)
        return self.at

    def reply(self) -> int:
        """Read a reply, and give the offset of its end."""
        version = self._number(b"DONE", 3)
        status = self._number(b"STAT", LARGEST)
        for name, most in (b"SERR", LOW.messages), (b"SOUT", LOW.messages), (b"DOTO", LOW.object_file):
            self._bytes(name, most)
        if version == 3 and status == 0:
            self._bytes(b"DOTD", LOW.messages)
        if version == 0:
            raise NotAMessage
        return self.at

    def _files(self) -> None:
        names = files = links = 0
        for _ in range(self._number(b"NFIL", LOW.files)):
            names += self._name(b"NAME")
            if self._data.startswith(b"LINK", self.at):
                links += self._name(b"LINK")
            else:
                files += self._bytes(b"FILE", LOW.source)
        if max(names, links) > LOW.names or files > LOW.source:
            raise NotAMessage

    def _name(self, token: bytes) -> int:
        return self._bytes(token, LOW.name) or self._fail()

    def _fail(self) -> NoReturn:
        raise NotAMessage

    def _number(self, name: bytes, most: int) -> int:
        found = re.compile(name + b"([0-9a-f]{8})").match(self._data, self.at)
        if found is None or int(found[1], 16) > most:
            raise NotAMessage
        self.at = found.end()
        return int(found[1], 16)

    def _bytes(self, name: bytes, most: int) -> int:
        length = self._number(name, most)
        self.at += length
        if self.at > len(self._data):
            raise NotAMessage
        return length


Change = Callable[[list[bytes]], list[bytes]]


def _at(tokens: list[bytes], i: int) -> int:
    return i % (len(tokens) or 1)


def _drop(i: int) -> Change:
    return lambda tokens: tokens[: _at(tokens, i)] + tokens[_at(tokens, i) + 1 :]


def _double(i: int) -> Change:
    return lambda tokens: tokens[: _at(tokens, i) + 1] + tokens[_at(tokens, i) :]


def _move(i: int, j: int) -> Change:
    def change(tokens: list[bytes]) -> list[bytes]:
        rest = _drop(i)(tokens)
        return rest[: _at(rest, j)] + tokens[_at(tokens, i) :][:1] + rest[_at(rest, j) :]

    return change


def _overwrite(i: int, offset: int, new: bytes) -> Change:
    def change(tokens: list[bytes]) -> list[bytes]:
        k = _at(tokens, i)
        written = [token[:offset] + new + token[offset + len(new) :] for token in tokens[k : k + 1]]
        return tokens[:k] + written + tokens[k + 1 :]

    return change


def _insert(i: int, new: bytes) -> Change:
    return lambda tokens: [*tokens[: _at(tokens, i)], new, *tokens[_at(tokens, i) :]]


WHERE: Final = st.integers(0, 12)
NUMBERS: Final = st.sampled_from(
    [0, 1, 2, 3, 4, 20, 21, 40, 41, 60, 61, 80, 81, 2**31 - 1, 2**31, LARGEST - 1, LARGEST]
)
NAMES: Final = st.sampled_from([b"DIST", b"ARGC", b"ARGV", b"NFIL", b"LINK", b"FILE", b"DOTD", b"dist"])
CHANGES: Final = st.lists(
    st.builds(_drop, WHERE)
    | st.builds(_double, WHERE)
    | st.builds(_move, WHERE, WHERE)
    | st.builds(_overwrite, WHERE, st.just(4), NUMBERS.map(b"%08x".__mod__))
    | st.builds(_overwrite, WHERE, st.just(4), NUMBERS.map(b"%08X".__mod__))
    | st.builds(_overwrite, WHERE, st.just(4), st.sampled_from([b"+", b"-", b" ", b"0x", b"\n", b"_"]))
    | st.builds(_overwrite, WHERE, st.just(0), NAMES)
    | st.builds(_overwrite, WHERE, st.integers(0, 20), st.binary(min_size=1, max_size=3))
    | st.builds(_insert, WHERE, st.binary(max_size=30)),
    max_size=3,
)


def _changed(message: bytes, changes: list[Change]) -> bytes:
    tokens = split(message)
    for change in changes:
        tokens = change(tokens)
    return b"".join(tokens)


def _kept(reader: Reader) -> int:
    """Give how many bytes `reader` holds back."""
    return len(reader._buffer)


class MutationTests(SynchronousTestCase):
    """Messages with a few changes, cut anywhere."""

    def _read(self, reader: Reader, pieces: list[bytes]) -> tuple[list[Event], str]:
        """Read `pieces`; give the events, and the error or nothing.  Check the memory on the way."""
        events, fault = list[Event](), ""
        for piece in pieces:
            reader.feed(piece)
            self.assertLessEqual(_kept(reader), KEPT + len(piece))
            try:
                events.extend(reader.events())
            except RemoteProtocolError as error:
                fault = fault or str(error)
                self.assertEqual((str(error), _kept(reader)), (fault, 0))
            self.assertLessEqual(_kept(reader), KEPT)
        return events, fault

    def _check(self, reader: Reader, pieces: list[bytes], end: int | None) -> list[Event]:
        """Check that `reader` finds a whole message in `pieces` if it ends at `end`, else none."""
        data = b"".join(pieces)
        events, fault = self._read(reader, pieces)
        self.assertEqual(MessageEnd() in events, end is not None)
        if end is None or fault:
            self.assertRaises(RemoteProtocolError, reader.close)
        if end is not None:
            self.assertEqual(bool(fault), len(data) - end > LOW.trailing)
            self.assertEqual(reader.trailing, b"" if fault else data[end:])
        return events

    @PROPERTY
    @given(ANY_REQUEST, CHANGES, POINTS)
    @example([Number(b"DIST", 1)], [], [])
    def test_request(self, events: list[Event], changes: list[Change], points: list[int]) -> None:
        """A server takes a whole request and nothing else, and what it took can be written again."""
        data = _changed(put(request_writer(LOW), events), changes)
        try:
            end = Second(data).request()
        except NotAMessage:
            end = None
        taken = self._check(request_reader(LOW), cut(data, points), end)
        self.assertTrue(data.startswith(put(request_writer(LOW), taken)))
        self.assertEqual(merged(taken), merged(self._read(request_reader(LOW), [data])[0]))

    @PROPERTY
    @given(ANY_REPLY, CHANGES, POINTS)
    def test_reply(self, events: list[Event], changes: list[Change], points: list[int]) -> None:
        """A client takes a whole reply and nothing else, and what it took can be written again."""
        data = _changed(put(reply_writer(LOW), events), changes)
        try:
            end = Second(data).reply()
        except NotAMessage:
            end = None
        taken = self._check(reply_reader(LOW), cut(data, points), end)
        self.assertTrue(data.startswith(put(reply_writer(LOW), taken)))
        self.assertEqual(merged(taken), merged(self._read(reply_reader(LOW), [data])[0]))

    @PROPERTY
    @given(st.lists(st.binary(max_size=40), max_size=10))
    def test_rubbish(self, pieces: list[bytes]) -> None:
        """Rubbish is never a message, on either end."""
        for reader in (Connection.server(LOW).reader, Connection.client(LOW).reader):
            self._check(reader, pieces, None)


class MemoryTests(SynchronousTestCase):
    """What a peer announces costs nothing until it comes, and then no more than a piece of it."""

    def assertLight(self, work: Callable[[], object], most: int) -> None:
        """Check that `work` never holds more than `most` bytes beyond what there was."""
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            work()
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
        self.assertLess(peak, most)

    def test_announced_body(self) -> None:
        """A body of 4 GiB announced is nothing but an event."""
        reader = request_reader(replace(Limits(), source=LARGEST))
        reader.feed(b"DIST00000001ARGC00000001ARGV00000000DOTIffffffff")
        self.assertLight(lambda: list(reader.events()), 16 * KIB)

    def test_long_body(self) -> None:
        """A body of 64 MiB goes through in 64 KiB pieces, of which no more than a few are held."""
        reader = request_reader()
        reader.feed(b"DIST00000001ARGC00000001ARGV00000000DOTI04000000")
        length = 0

        def work() -> None:
            nonlocal length
            for _ in range(64 * MIB // len(PIECE)):
                reader.feed(PIECE)
                length += sum(len(e.data) for e in reader.events() if isinstance(e, BodyData))

        self.assertLight(work, 5 * len(PIECE))
        self.assertEqual(length, 64 * MIB)
        reader.close()

    def test_long_body_sent(self) -> None:
        """The writer holds nothing of a body."""
        writer = request_writer()
        put(writer, [Number(b"DIST", 1), Number(b"ARGC", 1), Text(b"ARGV", b"")])
        writer.send(BodyStart(b"DOTI", 64 * MIB))
        self.assertLight(lambda: [writer.send(BodyData(PIECE)) is PIECE for _ in range(1024)], 64 * KIB)

    def test_slow_word(self) -> None:
        """A word that comes byte by byte is held once, not once for each byte."""
        reader = request_reader()
        reader.feed(b"DIST00000001ARGC00000001ARGV00010000")
        self.assertEqual(len(list(reader.events())), 2)

        def work() -> None:
            for _ in range(64 * KIB - 1):
                reader.feed(b"x")
                self.assertIs(next(reader.events(), None), None)

        self.assertLight(work, 128 * KIB)
        self.assertEqual(_kept(reader), 64 * KIB - 1)

    def test_endless_trailing(self) -> None:
        """A peer that does not stop after its message is let go, and nothing of it is kept."""
        reader = request_reader()
        reader.feed(b"DIST00000001ARGC00000001ARGV00000000DOTI00000000")
        self.assertIn(MessageEnd(), list(reader.events()))

        def work() -> None:
            for _ in range(100):
                reader.feed(PIECE)
                with contextlib.suppress(RemoteProtocolError):
                    list(reader.events())

        self.assertLight(work, 4 * len(PIECE))
        self.assertEqual(_kept(reader), 0)

    def test_after_an_error(self) -> None:
        """Nothing that comes after an error is kept, even when nobody asks for events."""
        reader = request_reader()
        reader.feed(b"GET / HTTP/1.1\r\n\r\n")
        self.assertRaises(RemoteProtocolError, list, reader.events())

        def work() -> None:
            for _ in range(100):
                reader.feed(PIECE)

        self.assertLight(work, 16 * KIB)
        self.assertEqual(_kept(reader), 0)

    def test_large_piece(self) -> None:
        """A large piece leaves no large buffer behind the few bytes that remain of it."""
        reader = reply_reader()
        reader.feed(b"DONE00000001STAT00000000SERR00100000" + b"x" * MIB + b"SOUT0")
        self.assertEqual(sum(len(e.data) for e in reader.events() if isinstance(e, BodyData)), MIB)
        self.assertEqual(_kept(reader), 5)
        self.assertLess(sys.getsizeof(reader._buffer), KIB)

    def test_many_files(self) -> None:
        """A great count of files costs nothing until they come."""
        reader = request_reader()
        reader.feed(b"DIST00000003CDIR00000001/ARGC00000001ARGV00000000NFIL000186a0")
        self.assertLight(lambda: list(reader.events()), 16 * KIB)
