"""Frames: every kind as bytes and back, byte by byte, with trailing data, and malformed."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import POINTS, PROPERTY, cut
from twisted_distcc.errors import LocalProtocolError, RemoteProtocolError
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_frames import (
    AWAY,
    DATA,
    FROM_CLIENT,
    FROM_SERVER,
    NEED,
    PING,
    PONG,
    STOP,
    WIND,
    Frame,
    FrameReader,
    Received,
    decode_words,
    encode_words,
    frame,
    frame_head,
    need_frames,
    split_digests,
)

DIGEST: Final = bytes(range(32))
SAMPLES: Final[tuple[tuple[Frame, tuple[int, ...], bytes, bytes], ...]] = (
    (DATA, (1,), b"x", b"DATA00000005\0\0\0\1x"),
    (DATA, (0xFFFFFFFF,), b"DATA", b"DATA00000008\xff\xff\xff\xffDATA"),
    (WIND, (2, 65536), b"", b"WIND00000008\0\0\0\2\0\1\0\0"),
    (NEED, (3,), DIGEST, b"NEED00000024\0\0\0\3" + DIGEST),
    (NEED, (3,), DIGEST * 2, b"NEED00000044\0\0\0\3" + DIGEST * 2),
    (STOP, (4, 110), b"no gcc", b"STOP0000000e\0\0\0\4\0\0\0nno gcc"),
    (STOP, (4, 0), b"", b"STOP00000008\0\0\0\4\0\0\0\0"),
    (PING, (), b"12345678", b"PING0000000812345678"),
    (PONG, (), b"12345678", b"PONG0000000812345678"),
    (AWAY, (), b"restart", b"AWAY00000007restart"),
    (AWAY, (), b"", b"AWAY00000000"),
)
ALL: Final = b"".join(wire for *_, wire in SAMPLES)


def _reader(most: int = 4096) -> FrameReader:
    return FrameReader(FROM_SERVER, most, Limits())


def _taken(reader: FrameReader, *pieces: bytes) -> list[Received]:
    frames: list[Received] = []
    for piece in pieces:
        reader.feed(piece)
        while (received := reader.next()) is not None:
            frames.append(received)
    return frames


class SampleTests(SynchronousTestCase):
    """Every kind of frame."""

    def test_all(self) -> None:
        """There is a sample of every frame in the table, which clients may send but for one."""
        self.assertEqual({kind.token for kind, *_ in SAMPLES}, set(FROM_SERVER))
        self.assertEqual(set(FROM_SERVER) - set(FROM_CLIENT), {b"NEED"})

    def test_encoded(self) -> None:
        """A frame is the token, the numbers and the rest."""
        for kind, numbers, rest, wire in SAMPLES:
            self.assertEqual(frame(kind, *numbers, rest=rest), wire)
            self.assertEqual(frame_head(kind, *numbers, length=len(rest)) + rest, wire)

    def test_whole(self) -> None:
        """A frame that comes in one piece."""
        for kind, numbers, rest, wire in SAMPLES:
            self.assertEqual(_taken(_reader(), wire), [(kind, numbers, rest)])

    def test_byte_by_byte(self) -> None:
        """A frame is taken at its last byte and not before."""
        for kind, numbers, rest, wire in SAMPLES:
            reader = _reader()
            self.assertEqual(_taken(reader, *(bytes([byte]) for byte in wire[:-1])), [])
            self.assertEqual(_taken(reader, wire[-1:]), [(kind, numbers, rest)])

    def test_trailing(self) -> None:
        """What follows a frame is kept for the next."""
        for kind, numbers, rest, wire in SAMPLES:
            reader = _reader()
            self.assertEqual(_taken(reader, wire + b"PING0000000812345"), [(kind, numbers, rest)])
            self.assertEqual(_taken(reader, b"678"), [(PING, (), b"12345678")])

    @PROPERTY
    @given(POINTS)
    def test_cut(self, points: list[int]) -> None:
        """However many come at a time, they are the same."""
        taken = _taken(_reader(), *cut(ALL, points))
        self.assertEqual(taken, [(kind, numbers, rest) for kind, numbers, rest, _ in SAMPLES])

    def test_clear(self) -> None:
        """What was cleared is gone."""
        reader = _reader()
        reader.feed(ALL)
        reader.clear()
        self.assertIs(reader.next(), None)

    def test_largest(self) -> None:
        """A payload as large as this end takes, and by its header alone one that is larger."""
        wire = frame(DATA, 1, rest=bytes(4092))
        self.assertEqual(_taken(_reader(), wire), [(DATA, (1,), bytes(4092))])
        reader = _reader(4095)
        reader.feed(wire[:12])
        error = self.assertRaises(RemoteProtocolError, reader.next)
        self.assertEqual(str(error), "DATA of 4096 is over 4095, the largest frame")

    def test_by_client(self) -> None:
        """A server takes no question."""
        reader = FrameReader(FROM_CLIENT, 4096, Limits())
        reader.feed(frame(NEED, 1, rest=DIGEST))
        error = self.assertRaises(RemoteProtocolError, reader.next)
        self.assertEqual(str(error), "NEED is not a frame that this end takes")


class DigestTests(SynchronousTestCase):
    """Questions for blobs."""

    def test_split(self) -> None:
        """A question is as few frames as go into the largest payload, and keeps its order."""
        digests = [bytes([i]) * 32 for i in range(9)]
        for most, sizes in ((36, [1] * 9), (99, [2, 2, 2, 2, 1]), (100, [3, 3, 3]), (4096, [9])):
            frames = _taken(_reader(), *need_frames(7, digests, most))
            self.assertEqual([taken[:2] for taken in frames], [(NEED, (7,))] * len(sizes))
            asked = [split_digests(rest) for *_, rest in frames]
            self.assertEqual([len(some) for some in asked], sizes)
            self.assertEqual([digest for some in asked for digest in some], digests)

    def test_none(self) -> None:
        """A question for nothing is no frame, and one for what is no digest is our own fault."""
        self.assertEqual(need_frames(7, [], 4096), [])
        self.assertRaises(LocalProtocolError, need_frames, 7, [DIGEST, b"x"], 4096)


class WordsTests(SynchronousTestCase):
    """Texts for people."""

    def test_there_and_back(self) -> None:
        """What can be shown comes through as it is."""
        for text in ("", "no such compiler", "\N{SNOWMAN} \N{GRINNING FACE}"):
            self.assertEqual(decode_words(encode_words(text)), text)

    @PROPERTY
    @given(st.text(max_size=2000) | st.text(alphabet="\N{SNOWMAN}x", min_size=330, max_size=1100))
    def test_any(self, text: str) -> None:
        """Any text is sent within its ceiling, and is shown without what moves a cursor."""
        wire = encode_words(text)
        self.assertLessEqual(len(wire), 1024)
        self.assertTrue(decode_words(wire).isprintable())

    def test_escapes(self) -> None:
        """What a terminal might take for a command is spelt."""
        self.assertEqual(decode_words(b"a\n\x1b[31m\x7f\xc2\x9b"), "a\\n\\x1b[31m\\x7f\\x9b")

    def test_not_utf_8(self) -> None:
        """Other bytes are the peer's fault, and not shown without end."""
        error = self.assertRaises(RemoteProtocolError, decode_words, b"\xff" * 1000)
        self.assertLess(len(str(error)), 300)
