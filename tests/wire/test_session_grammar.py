"""The messages of version 4, through the readers and writers of the other versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import POINTS, PROPERTY, body, cut, merged, put, take
from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.connection import Reader, Writer
from twisted_distcc.wire.cursor import Cursor
from twisted_distcc.wire.events import Event, MessageEnd, Number, Run, Text
from twisted_distcc.wire.grammar import (
    DIST,
    DONE,
    REPLIES,
    REQUESTS,
    STAT,
    Either,
    Field,
    Messages,
    Repeat,
    Shape,
    Step,
    WhenZero,
)
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_grammar import (
    BLBQ,
    BUSY,
    CLIENT_GREETINGS,
    COMP,
    FREE,
    JOBQ,
    JOBR,
    JOBS,
    NBLB,
    RESULTS,
    SERVER_GREETINGS,
    TIMC,
    TIMQ,
    TIMR,
    UPLOADS,
)
from twisted_distcc.wire.tokens import LARGEST, encode_header

DIGEST: Final = bytes(range(32))


class Sample(NamedTuple):
    """A message, with its table and its bytes."""

    opening: Field
    messages: Messages
    events: Sequence[Event]
    wire: bytes

    def reader(self, limits: Limits | None = None) -> Reader:
        """Return a reader of such messages."""
        return Reader(self.opening, self.messages, limits or Limits())

    def writer(self, limits: Limits | None = None) -> Writer:
        """Return a writer of such messages."""
        return Writer(self.opening, self.messages, limits or Limits())


CLIENT: Final = Sample(
    DIST,
    CLIENT_GREETINGS,
    (
        *(Number(b"DIST", 4), Number(b"FRAM", 65536), Number(b"WIND", 1 << 20)),
        *(Text(b"SERV", b"tdistcc 1"), MessageEnd()),
    ),
    b"DIST00000004FRAM00010000WIND00100000SERV00000009tdistcc 1",
)
SERVER: Final = Sample(
    DONE,
    SERVER_GREETINGS,
    (
        *(Number(b"DONE", 4), Number(b"STAT", 0), Text(b"SERR", b"")),
        *(Number(b"FRAM", 4096), Number(b"WIND", 4096), Number(b"JOBS", 64)),
        *(Text(b"KNOW", b"0123456789abcdef"), Text(b"SERV", b"s"), MessageEnd()),
    ),
    b"DONE00000004STAT00000000SERR00000000FRAM00001000WIND00001000JOBS00000040"
    b"KNOW000000100123456789abcdefSERV00000001s",
)
REFUSAL: Final = Sample(
    DONE,
    SERVER_GREETINGS,
    (Number(b"DONE", 4), Number(b"STAT", 113 << 8), Text(b"SERR", b"not you"), MessageEnd()),
    b"DONE00000004STAT00007100SERR00000007not you",
)
TREE: Final = Sample(
    JOBQ,
    JOBS,
    (
        *(Number(b"JOBQ", 4), Text(b"CDIR", b"/home"), Number(b"ARGC", 2)),
        *(Text(b"ARGV", b"cc"), Text(b"ARGV", b"-c"), Text(b"COMP", DIGEST)),
        *(Number(b"PACK", 1), Text(b"ROOT", DIGEST), MessageEnd()),
    ),
    b"JOBQ00000004CDIR00000005/homeARGC00000002ARGV00000002ccARGV00000002-cCOMP00000020"
    + DIGEST
    + b"PACK00000001ROOT00000020"
    + DIGEST,
)
BRINGING: Final = Sample(
    JOBQ,
    JOBS,
    tuple(Text(b"TOOL", DIGEST) if event == Text(b"COMP", DIGEST) else event for event in TREE.events),
    TREE.wire.replace(b"COMP", b"TOOL"),
)
SOURCE: Final = Sample(
    JOBQ,
    JOBS,
    (
        *(Number(b"JOBQ", 4), Text(b"CDIR", b"/"), Number(b"ARGC", 1), Text(b"ARGV", b"cc")),
        *(Text(b"COMP", b""), Number(b"PACK", 0), Text(b"TEXT", DIGEST), MessageEnd()),
    ),
    b"JOBQ00000004CDIR00000001/ARGC00000001ARGV00000002ccCOMP00000000PACK00000000TEXT00000020" + DIGEST,
)
RESULT: Final = Sample(
    JOBR,
    RESULTS,
    (
        *(Number(b"JOBR", 4), Number(b"STAT", 0), *body(b"SERR", b"warning"), *body(b"SOUT")),
        *(Number(b"NOUT", 2), Text(b"NAME", b"object"), Number(b"MODE", 0o644)),
        *(*body(b"DOTO", b"\x7fELF"), Text(b"NAME", b"x.su"), Number(b"MODE", 0o600)),
        *(*body(b"ZOTO", b"zstd"), Number(b"TIMQ", 1), Number(b"TIMR", 2), Number(b"TIMC", 3)),
        *(Number(b"FREE", 4), Number(b"BUSY", 5), MessageEnd()),
    ),
    b"JOBR00000004STAT00000000SERR00000007warningSOUT00000000NOUT00000002"
    b"NAME00000006objectMODE000001a4DOTO00000004\x7fELF"
    b"NAME00000004x.suMODE00000180ZOTO00000004zstd"
    b"TIMQ00000001TIMR00000002TIMC00000003FREE00000004BUSY00000005",
)
FAILURE: Final = Sample(
    JOBR,
    RESULTS,
    (
        *(Number(b"JOBR", 4), Number(b"STAT", 256), *body(b"SERR", b"error"), *body(b"SOUT")),
        *(Number(b"NOUT", 0), Number(b"TIMQ", 0), Number(b"TIMR", 0), Number(b"TIMC", LARGEST)),
        *(Number(b"FREE", 0), Number(b"BUSY", 0), MessageEnd()),
    ),
    b"JOBR00000004STAT00000100SERR00000005errorSOUT00000000NOUT00000000"
    b"TIMQ00000000TIMR00000000TIMCffffffffFREE00000000BUSY00000000",
)
UPLOAD: Final = Sample(
    BLBQ,
    UPLOADS,
    (
        *(Number(b"BLBQ", 4), Number(b"NBLB", 3), *body(b"BLOB", b"int x;")),
        *(*body(b"BLOB"), *body(b"ZBLB", b"packed"), MessageEnd()),
    ),
    b"BLBQ00000004NBLB00000003BLOB00000006int x;BLOB00000000ZBLB00000006packed",
)
NOTHING: Final = Sample(
    BLBQ,
    UPLOADS,
    (Number(b"BLBQ", 4), Number(b"NBLB", 0), MessageEnd()),
    b"BLBQ00000004NBLB00000000",
)
SAMPLES: Final = (
    BRINGING,
    *(CLIENT, SERVER, REFUSAL, TREE, SOURCE, RESULT, FAILURE, UPLOAD, NOTHING),
)  # fmt: skip


class SampleTests(SynchronousTestCase):
    """Every kind of message."""

    def test_whole(self) -> None:
        """A message is the events that it says, and they are the message."""
        for sample in SAMPLES:
            reader = sample.reader()
            reader.feed(sample.wire)
            self.assertEqual(merged(reader.events()), [*sample.events])
            self.assertEqual(put(sample.writer(), sample.events), sample.wire)

    def test_byte_by_byte(self) -> None:
        """A message that comes byte by byte is the same, and is complete at its last byte."""
        for sample in SAMPLES:
            reader = sample.reader()
            begun = take(reader, *(bytes([byte]) for byte in sample.wire[:-1]))
            self.assertNotIn(MessageEnd(), begun)
            events = begun + take(reader, sample.wire[-1:])
            self.assertEqual(merged(events), [*sample.events])

    def test_trailing(self) -> None:
        """Bytes after a message are no part of it, and are an error where none are allowed."""
        for sample in SAMPLES:
            reader = sample.reader()
            self.assertIn(MessageEnd(), take(reader, sample.wire + b"DATA"))
            self.assertEqual(reader.trailing, b"DATA")
            strict = sample.reader(replace(Limits(), trailing=0))
            error = self.assertRaises(RemoteProtocolError, take, strict, sample.wire + b"D")
            self.assertEqual(str(error), "more than 0 bytes follow the end of the message")

    @PROPERTY
    @given(st.sampled_from(SAMPLES), POINTS)
    def test_cut(self, sample: Sample, points: list[int]) -> None:
        """However the network cuts a message, it is the same."""
        reader = sample.reader()
        events: list[Event] = []
        for piece in cut(sample.wire, points):
            reader.feed(piece)
            events += reader.events()
        self.assertEqual(merged(events), [*sample.events])
        self.assertEqual(put(sample.writer(), events), sample.wire)

    def test_no_other_version(self) -> None:
        """The tables of version 4 have that alone, and those of the others do not have it."""
        for sample in SAMPLES:
            for version in (0, 1, 3, 5, LARGEST):
                wrong = encode_header(sample.opening.token, version)
                error = self.assertRaises(RemoteProtocolError, take, sample.reader(), wrong)
                self.assertEqual(str(error), f"protocol version {version} is not supported, only 4")
        for opening, messages in ((DIST, REQUESTS), (DONE, REPLIES)):
            self.assertNotIn(4, messages)
            reader = Reader(opening, messages, Limits())
            self.assertRaises(RemoteProtocolError, take, reader, encode_header(opening.token, 4))

    def test_each_its_own(self) -> None:
        """No reader takes another's opening."""
        for sample in SAMPLES:
            for other in SAMPLES:
                if other.opening != sample.opening:
                    self.assertRaises(RemoteProtocolError, take, sample.reader(), other.wire)


class BatchTests(SynchronousTestCase):
    """Many tokens at a time."""

    def test_blobs(self) -> None:
        """Blobs that came whole are one event."""
        reader = UPLOAD.reader()
        reader.feed(UPLOAD.wire)
        blobs = ((b"BLOB", b"int x;"), (b"BLOB", b""), (b"ZBLB", b"packed"))
        self.assertEqual([*reader.events()][2:], [Run(blobs), MessageEnd()])

    def test_outputs(self) -> None:
        """Outputs come one by one, as a mode is a number; so its digits are no length."""
        reader = RESULT.reader()
        reader.feed(RESULT.wire)
        self.assertFalse([event for event in reader.events() if isinstance(event, Run)])

    def test_outputs_are_not_due_together(self) -> None:
        """A round with a number in it is never taken as many tokens at once."""
        place = Cursor(JOBR, RESULTS, Limits())
        for name, value in ((b"JOBR", 4), (b"STAT", 0), (b"SERR", 0), (b"SOUT", 0), (b"NOUT", 2)):
            place.enter(name, value)
        self.assertEqual(place.due, 0)

    def test_or_zero(self) -> None:
        """A token that is whole or empty is so in a round, too."""
        messages: Messages = {4: (Repeat(NBLB, (COMP,)),)}
        for last, fault in ((b"", ""), (b"x", "COMP must be at least 32")):
            reader = Reader(BLBQ, messages, Limits())
            pieces = (DIGEST, b"", last)
            wire = b"".join(encode_header(b"COMP", len(piece)) + piece for piece in pieces)
            reader.feed(b"BLBQ00000004NBLB00000003" + wire)
            events: list[Event] = []
            if fault:
                error = self.assertRaises(RemoteProtocolError, events.extend, reader.events())
                self.assertEqual(str(error), fault)
            else:
                events.extend(reader.events())
            whole = [event for event in merged(events) if isinstance(event, Text)]
            taken = pieces[: 2 if fault else 3]
            self.assertEqual(whole, [Text(b"COMP", piece) for piece in taken])

    def test_written(self) -> None:
        """A run of blobs is written as its tokens are."""
        blobs = ((b"BLOB", b"int x;"), (b"BLOB", b""), (b"ZBLB", b"packed"))
        events = (Number(b"BLBQ", 4), Number(b"NBLB", 3), Run(blobs), MessageEnd())
        self.assertEqual(put(UPLOAD.writer(), events), UPLOAD.wire)


# A sample, a token in it, the largest number or length that passes, and what is said of one more.
CEILINGS: Final = (
    (CLIENT, b"FRAM", 1 << 20, "FRAM of 1048577 is over 1048576, the ceiling 'frame'"),
    (CLIENT, b"WIND", 1 << 24, "WIND of 16777217 is over 16777216, the ceiling 'window'"),
    (CLIENT, b"SERV", 1024, "SERV of 1025 is over 1024, the ceiling 'words'"),
    (SERVER, b"SERR", 1024, "SERR of 1025 is over 1024, the ceiling 'words'"),
    (SERVER, b"FRAM", 1 << 20, "FRAM of 1048577 is over 1048576, the ceiling 'frame'"),
    (SERVER, b"WIND", 1 << 24, "WIND of 16777217 is over 16777216, the ceiling 'window'"),
    (SERVER, b"JOBS", 65536, "JOBS of 65537 is over 65536, the ceiling 'streams'"),
    (SERVER, b"KNOW", 16, "KNOW of 17 is over 16, the ceiling 'memory'"),
    (SERVER, b"SERV", 1024, "SERV of 1025 is over 1024, the ceiling 'words'"),
    (TREE, b"CDIR", 4096, "CDIR of 4097 is over 4096, the ceiling 'name'"),
    (TREE, b"ARGC", 10_000, "ARGC of 10001 is over 10000, the ceiling 'arguments'"),
    (TREE, b"ARGV", 128 << 10, "ARGV of 131073 is over 131072, the ceiling 'argument'"),
    (TREE, b"COMP", 32, "COMP of 33 is over 32, the ceiling 'digest'"),
    (BRINGING, b"TOOL", 32, "TOOL of 33 is over 32, the ceiling 'digest'"),
    (TREE, b"PACK", 1, "PACK of 2 is over 1, the ceiling 'flag'"),
    (TREE, b"ROOT", 32, "ROOT of 33 is over 32, the ceiling 'digest'"),
    (SOURCE, b"TEXT", 32, "TEXT of 33 is over 32, the ceiling 'digest'"),
    (RESULT, b"SERR", 32 << 20, "SERR of 33554433 is over 33554432, the ceiling 'messages'"),
    (RESULT, b"SOUT", 32 << 20, "SOUT of 33554433 is over 33554432, the ceiling 'messages'"),
    (RESULT, b"NOUT", 1000, "NOUT of 1001 is over 1000, the ceiling 'outputs'"),
    (RESULT, b"NAME", 4096, "NAME of 4097 is over 4096, the ceiling 'name'"),
    (RESULT, b"MODE", 0o777, "MODE of 512 is over 511, the ceiling 'mode'"),
    (RESULT, b"DOTO", 1 << 30, "DOTO of 1073741825 is over 1073741824, the ceiling 'object_file'"),
    (RESULT, b"ZOTO", 1 << 30, "ZOTO of 1073741825 is over 1073741824, the ceiling 'object_file'"),
    (UPLOAD, b"NBLB", 100_000, "NBLB of 100001 is over 100000, the ceiling 'files'"),
    (UPLOAD, b"BLOB", 512 << 20, "BLOB of 536870913 is over 536870912, the ceiling 'source'"),
    (UPLOAD, b"ZBLB", 512 << 20, "ZBLB of 536870913 is over 536870912, the ceiling 'source'"),
)
LEAST: Final = (
    *((CLIENT, b"FRAM", 4096), (CLIENT, b"WIND", 4096), (SERVER, b"FRAM", 4096)),
    *((SERVER, b"WIND", 4096), (SERVER, b"JOBS", 1), (SERVER, b"KNOW", 16), (TREE, b"CDIR", 1)),
    *((TREE, b"ARGC", 1), (TREE, b"COMP", 32), (TREE, b"ROOT", 32), (SOURCE, b"TEXT", 32)),
    (BRINGING, b"TOOL", 32),
    (RESULT, b"NAME", 1),
)
FREE_NUMBERS: Final = {STAT, TIMQ, TIMR, TIMC, FREE, BUSY}


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


class CeilingTests(SynchronousTestCase):
    """What a peer may count and measure."""

    def _before(self, sample: Sample, token: bytes) -> bytes:
        return sample.wire[: sample.wire.index(token)]

    def test_met(self) -> None:
        """A value at its ceiling passes."""
        for sample, token, most, _ in CEILINGS:
            reader = sample.reader()
            take(reader, self._before(sample, token) + encode_header(token, most))

    def test_exceeded(self) -> None:
        """One more is the peer's fault, before a byte of it has come."""
        for sample, token, most, fault in CEILINGS:
            reader = sample.reader()
            take(reader, self._before(sample, token))
            error = self.assertRaises(RemoteProtocolError, take, reader, encode_header(token, most + 1))
            self.assertEqual(str(error), fault)

    def test_least(self) -> None:
        """One less than the least is refused too."""
        for sample, token, least in LEAST:
            reader = sample.reader()
            wrong = self._before(sample, token) + encode_header(token, least - 1)
            error = self.assertRaises(RemoteProtocolError, take, reader, wrong)
            self.assertEqual(str(error), f"{token.decode()} must be at least {least}")

    def test_zero(self) -> None:
        """Of what has a least, a compiler's digest alone may be empty."""
        for sample, token, _ in LEAST:
            wire = self._before(sample, token) + encode_header(token, 0)
            if token == b"COMP":
                take(sample.reader(), wire)
            else:
                self.assertRaises(RemoteProtocolError, take, sample.reader(), wire)

    def test_complete(self) -> None:
        """The rows above are all that the tables bound, and nothing but free numbers is unbound."""
        fields = {
            (sample.opening, field)
            for sample in SAMPLES
            for steps in sample.messages.values()
            for field in _fields(steps)
        }
        unbound = {field for _, field in fields if field.ceiling is None}
        self.assertEqual(unbound, FREE_NUMBERS)
        self.assertEqual({field.shape for field in unbound}, {Shape.NUMBER})
        self.assertEqual(
            {(sample.opening.token, token) for sample, token, _, _ in CEILINGS},
            {(opening.token, field.token) for opening, field in fields if field.ceiling},
        )

    def test_together(self) -> None:
        """Names, outputs and blobs are counted over all of a message."""
        for sample, change, fault in (
            (RESULT, {"names": 9}, "NAME of 10 is over 9, the ceiling 'names'"),
            (TREE, {"command": 3}, "ARGV of 4 is over 3, the ceiling 'command'"),
        ):
            limits = replace(Limits(), **change)
            error = self.assertRaises(RemoteProtocolError, take, sample.reader(limits), sample.wire)
            self.assertEqual(str(error), fault)
            self.assertRaises(LocalProtocolError, put, sample.writer(limits), sample.events)
        for sample, change, wire, fault in (
            (
                RESULT,
                {"object_file": 7},
                RESULT.wire.replace(b"ZOTO", b"DOTO"),
                "DOTO of 8 is over 7, the ceiling 'object_file'",
            ),
            (
                UPLOAD,
                {"source": 11},
                UPLOAD.wire.replace(b"ZBLB", b"BLOB"),
                "BLOB of 12 is over 11, the ceiling 'source'",
            ),
        ):
            limits = replace(Limits(), **change)
            error = self.assertRaises(RemoteProtocolError, take, sample.reader(limits), wire)
            self.assertEqual(str(error), fault)
