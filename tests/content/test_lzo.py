"""LZO1X bodies: what goes in comes out, and never more than was foreseen."""

from __future__ import annotations

import random

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.wire.samples import recorded_reply, recorded_request
from twisted_distcc.content.lzo import compress, expand, largest_expansion
from twisted_distcc.errors import BodyTooLargeError, RemoteProtocolError

END = b"\x11\x00\x00"
MIB = 1024 * 1024


def burst(zeros: int) -> bytes:
    """Make the body that expands furthest: one byte, and a match that repeats it for ever."""
    literal = b"\x12\xaa"  # one literal
    match = b"\x20" + bytes(zeros) + b"\x01" + b"\x00\x00"  # 31 + 255 for each zero + 1 + 2 bytes
    return literal + match + END


class RoundTripTests(SynchronousTestCase):
    @settings(derandomize=True, deadline=None, database=None)
    @given(st.binary(max_size=5000))
    def test_what_goes_in_comes_out(self, data: bytes) -> None:
        """Whatever is compressed expands to itself."""
        self.assertEqual(expand(compress(data), len(data)), data)

    def test_empty_bodies_stay_empty(self) -> None:
        """Nothing is sent as nothing, in both directions."""
        self.assertEqual((compress(b""), expand(b"", 0)), (b"", b""))

    def test_distcc_s_own_bodies(self) -> None:
        """What C distcc and C distccd compressed expands to a source and to an object."""
        request, reply = recorded_request("lzo-success"), recorded_reply("lzo-success")
        source = request[request.index(b"DOTI") + 12 :]
        object_file = reply[reply.index(b"DOTO") + 12 :]
        self.assertIn(b"# 1 ", expand(source, MIB))
        self.assertEqual(expand(object_file, MIB)[:4], b"\x7fELF")


class BoundTests(SynchronousTestCase):
    def test_a_burst_is_foreseen(self) -> None:
        """The body that expands furthest stays under its bound, which is not far above."""
        body = burst(4000)
        expanded = len(expand(body, 2 * MIB))
        self.assertGreater(expanded, 4000 * 255)
        self.assertLessEqual(expanded, largest_expansion(body))
        self.assertLess(largest_expansion(body), expanded * 1.01)

    @settings(derandomize=True, deadline=None, database=None, max_examples=500)
    @given(st.binary(max_size=300))
    @example(b"\x12\xaa" + b"\x20\xff\x00\x00" * 20 + END)  # a match that one byte lengthens
    @example(b"\x12\xaa" + b"\x3f\x00\x00" * 20 + END)  # the longest without
    @example(b"\x12\xaa" + b"\x40\x00" * 20 + END)  # short matches
    def test_no_body_goes_beyond_its_bound(self, body: bytes) -> None:
        """Any bytes either are no LZO1X, or expand to no more than was foreseen."""
        try:
            expanded = expand(body, 1 << 30)
        except RemoteProtocolError:
            return
        self.assertLessEqual(len(expanded), largest_expansion(body))

    def test_sources_are_far_below_their_bound(self) -> None:
        """The bound is no obstacle to an honest body: it allows more than the body needs."""
        source = b"int f(int x) { return x + 1; }\n" * 1000
        self.assertGreater(largest_expansion(compress(source)), len(source))

    def test_over_the_ceiling(self) -> None:
        """A body that is larger than its ceiling says so; one byte less is right."""
        body = compress(bytes(1000))
        self.assertEqual(len(expand(body, 1000)), 1000)
        with self.assertRaisesRegex(BodyTooLargeError, "1000 bytes, over 999"):
            expand(body, 999)

    def test_not_lzo(self) -> None:
        """Bytes that are no LZO1X are the peer's fault, whatever they are."""
        randomness = random.Random(7)
        body = compress(bytes(randomness.randbytes(1000)))
        for broken in (body[:-5], body[:500], b"\xff" * 40, b"\x00" * 40):
            with self.assertRaises(RemoteProtocolError):
                expand(broken, MIB)
