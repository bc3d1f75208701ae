"""Zstandard frames: what goes in comes out, and nothing that a peer sends takes more than it may."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import IN_MEMORY, PIECE, Body
from twisted_distcc.content.zstd import compress, compress_body, expand, expand_body, expansion
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError

MIB = 1024 * 1024
MAGIC = b"\x28\xb5\x2f\xfd"
TEXT = b"int f(int x) { return x + 1; }\n" * 1000


def header(size: int, window: int = 0x50) -> bytes:
    """The header of a frame that says that it holds so many bytes; its window is 1 MiB."""
    return MAGIC + b"\xc0" + bytes((window,)) + size.to_bytes(8, "little")


def repeated(length: int, last: bool = False) -> bytes:
    """A block of so many equal bytes, at most 128 KiB."""
    return (length << 3 | 1 << 1 | last).to_bytes(3, "little") + b"x"


END = b"\x01\x00\x00"  # the last block, of no bytes


class RoundTripTests(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, database=None)
    @given(st.binary(max_size=5000))
    def test_what_goes_in_comes_out(self, data: bytes) -> None:
        """Whatever is compressed expands to itself, with the size of it as the ceiling."""
        self.assertEqual(expand(compress(data), len(data)), data)

    def test_what_is_made(self) -> None:
        """A frame records its content's size, and asks for little memory."""
        for length in (0, 1, 1000, 9 * MIB):
            frame = zstandard.get_frame_parameters(compress(bytes(length)))
            self.assertEqual(frame.content_size, length)
            self.assertLessEqual(frame.window_size, MIB)

    def test_others_frames(self) -> None:
        """Frames of other levels, and with a checksum, are as good."""
        for level in (-5, 3, 19):
            for checksum in (True, False):
                other = zstandard.ZstdCompressor(level=level, write_checksum=checksum)
                self.assertEqual(expand(other.compress(TEXT), MIB), TEXT)

    def test_a_frame_in_pieces(self) -> None:
        """Where a frame is cut makes no difference, but that its header is in the first piece."""
        frame = compress(TEXT)
        for size in (18, 19, 512, 1000, len(frame)):
            pieces = (frame[start : start + size] for start in range(0, len(frame), size))
            self.assertEqual(b"".join(expansion(pieces, MIB)), TEXT)


class BodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)

    def files(self) -> list[str]:
        return os.listdir(self.directory)

    def test_small_bodies(self) -> None:
        """What is small stays in memory."""
        for data in (b"", TEXT):
            packed = compress_body(Body.of(data), self.directory)
            self.assertEqual(expand_body(packed, MIB, self.directory).data, data)
        self.assertEqual(self.files(), [])

    def test_large_bodies(self) -> None:
        """What is large goes from file to file, and records its size all the same."""
        data = os.urandom(PIECE + IN_MEMORY) + bytes(MIB)
        packed = compress_body(Body.of(data), self.directory)
        self.assertEqual(zstandard.frame_content_size(packed.head(18)), len(data))
        expanded = expand_body(packed, 2 * MIB, self.directory)
        self.assertEqual((expanded.data, len(self.files())), (None, 2))
        self.assertEqual(expanded.read(), data)

    def test_nothing_is_left(self) -> None:
        """A frame that breaks off leaves no file, however much was expanded."""
        frame = compress(os.urandom(MIB))
        for body in (Body.of(frame[:-1]), Body.of(frame + b"x")):
            self.assertRaises(RemoteProtocolError, expand_body, body, MIB, self.directory)
        self.assertRaises(BodyTooLargeError, expand_body, Body.of(frame), MIB - 1, self.directory)
        self.assertEqual(self.files(), [])


class HostileTests(SynchronousTestCase):
    def refuses(self, frame: bytes, says: str, ceiling: int = MIB) -> None:
        with self.assertRaisesRegex(RemoteProtocolError, says):
            expand(frame, ceiling)

    def test_written_by_hand(self) -> None:
        """What the other tests change is right before that."""
        self.assertEqual(expand(header(1000) + repeated(1000, last=True), 1000), b"x" * 1000)
        self.assertEqual(expand(header(0) + END, 0), b"")

    def test_over_the_ceiling(self) -> None:
        """A content that is too large is refused by what it says of itself, and nothing is expanded."""
        with self.assertRaisesRegex(BodyTooLargeError, "1001 bytes, over 1000"):
            expand(header(1001), 1000)
        with self.assertRaises(BodyTooLargeError):
            expand(header(2**63), MIB)

    def test_other_sizes_than_recorded(self) -> None:
        """A content that is more or less than its frame says is refused."""
        for size in (0, 999, 1001):
            self.refuses(header(size) + repeated(1000, last=True), "")
            self.refuses(header(size) + repeated(1000) + END, "")

    def test_a_burst(self) -> None:
        """A small frame that becomes gigabytes is left as soon as it is more than it says."""
        burst = repeated(128 * 1024) * 100_000 + END
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.refuses(header(1000) + burst, "")
        self.refuses(header(2 * MIB) + burst, "does not expand to 2097152 bytes", 2 * MIB)
        self.assertLess(tracemalloc.get_traced_memory()[1], 40 * MIB)

    def test_a_large_content_in_bounded_memory(self) -> None:
        """An honest burst comes piece by piece, not all at once."""
        burst = header(2**30) + repeated(128 * 1024) * 8192 + END
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        self.assertEqual(sum(map(len, expansion((burst,), 2**30))), 2**30)
        self.assertLess(tracemalloc.get_traced_memory()[1], 80 * MIB)

    def test_size_not_recorded(self) -> None:
        """A frame that does not say how large its content is is refused."""
        silent = zstandard.ZstdCompressor(write_content_size=False)
        self.refuses(silent.compress(TEXT), "does not record")

    def test_windows(self) -> None:
        """A frame may ask for 8 MiB to be expanded, and for no more."""
        self.assertEqual(expand(header(1000, window=0x68) + repeated(1000, last=True), MIB), b"x" * 1000)
        self.refuses(header(1000, window=0x69) + repeated(1000, last=True), "window")
        wide = zstandard.ZstdCompressionParameters(window_log=24)
        frame = zstandard.ZstdCompressor(compression_params=wide).compress(bytes(17 * MIB))
        self.refuses(frame, "window", 32 * MIB)

    def test_what_follows(self) -> None:
        """After the frame there is nothing: no bytes, no other frame, and not after an empty one."""
        for data in (b"", b"x", TEXT, os.urandom(2000)):
            frame = compress(data)
            for after in (b"x", b"x" * 512, frame, compress(b""), b"\x50\x2a\x4d\x18\x00\x00\x00\x00"):
                self.refuses(frame + after, "something after")

    def test_pieces(self) -> None:
        """No part of a frame is one."""
        for data in (b"", b"x", os.urandom(1500)):
            frame = compress(data)
            for length in range(len(frame)):
                self.refuses(frame[:length], "")

    def test_not_zstd(self) -> None:
        """Other bytes are refused, and frames that hold no content, and those that want a dictionary."""
        self.refuses(b"", "not a zstd frame")
        self.refuses(b"\xff" * 1000, "not a zstd frame")
        self.refuses(b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd", "not a zstd frame")
        self.refuses(MAGIC + b"\xe8" * 100, "not a zstd frame")
        dictionary = zstandard.train_dictionary(
            1024, [b"int f%d(int);" % number for number in range(999)]
        )
        self.refuses(zstandard.ZstdCompressor(dict_data=dictionary).compress(TEXT), "ictionary")

    def test_a_wrong_checksum(self) -> None:
        """A frame's own checksum is held against its content."""
        frame = zstandard.ZstdCompressor(write_checksum=True).compress(TEXT)
        self.refuses(frame[:-1] + bytes((frame[-1] ^ 1,)), "not a zstd frame")

    @settings(derandomize=True, deadline=None, database=None, max_examples=300)
    @given(st.binary(max_size=100), st.integers(0, 40), st.binary(max_size=4))
    def test_changed_bytes(self, data: bytes, place: int, change: bytes) -> None:
        """Whatever is changed, either it is refused, or the content has the size that it says."""
        frame = compress(data)
        changed = frame[:place] + change + frame[place + len(change) :]
        try:
            expanded = expand(changed, MIB)
        except RemoteProtocolError:
            return
        self.assertEqual(len(expanded), zstandard.frame_content_size(changed))


class ImportTests(SynchronousTestCase):
    def test_it_costs_nothing_unused(self) -> None:
        """The library is imported by whoever uses it, and not with the module."""
        program = "import sys, twisted_distcc.content.zstd; sys.exit('zstandard' in sys.modules)"
        self.assertEqual(subprocess.run([sys.executable, "-c", program], check=False).returncode, 0)
