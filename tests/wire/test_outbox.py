"""The order in which streams send, and what is kept of what they have yet to send."""

from __future__ import annotations

import sys
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.wire.session_samples import data, number, token
from twisted_distcc.wire.limits import KIB
from twisted_distcc.wire.outbox import Outbox, Part, State, Stream

WINDOW: Final = 100_000


def _begun(*numbers: int, most: int = 4096) -> tuple[Outbox, list[Stream]]:
    """Return an outbox, as a server has it, with some streams."""
    outbox = Outbox(most)
    streams = [Stream(number, WINDOW, WINDOW) for number in numbers]
    for stream in streams:
        outbox.begin(stream)
    return outbox, streams


class StreamTests(SynchronousTestCase):
    """The queue of one stream."""

    def test_pull(self) -> None:
        """Bytes leave the queue as they came, cut anywhere."""
        for size in range(1, 12):
            stream = Stream(1, WINDOW, WINDOW)
            for piece in (b"abc", b"", b"d", b"efghij"):
                stream.push(piece)
            parts: list[Part] = []
            while stream.queued:
                stream.pull(min(size, stream.queued), parts)
            self.assertEqual(b"".join(parts), b"abcdefghij")

    def test_large_pieces_are_not_copied(self) -> None:
        """What leaves the queue is a view of what came."""
        stream = Stream(1, WINDOW, WINDOW)
        stream.push(piece := b"x" * 1_000_000)
        parts: list[Part] = []
        for _ in range(100):
            stream.pull(10_000, parts)
        self.assertTrue(all(isinstance(part, memoryview) and part.obj is piece for part in parts))
        self.assertEqual(len(stream._pieces), 0)

    def test_drop(self) -> None:
        """A queue that was dropped begins anew."""
        stream = Stream(1, WINDOW, WINDOW)
        parts: list[Part] = []
        stream.push(b"abc")
        stream.pull(2, parts)
        stream.drop()
        self.assertEqual(stream.queued, 0)
        stream.push(b"xyz")
        stream.pull(3, parts)
        self.assertEqual(b"".join(parts), b"abxyz")

    def test_control(self) -> None:
        """Room is counted when the frame that grants it goes."""
        stream = Stream(7, WINDOW, room=10)
        stream.due = 5
        self.assertEqual(stream.room, 10)
        self.assertEqual(stream.pull_control(), token(b"WIND", number(7, 5)))
        self.assertEqual((stream.room, stream.due, stream.pull_control()), (15, 0, b""))


class OrderTests(SynchronousTestCase):
    """Who goes next."""

    def test_held(self) -> None:
        """Nothing goes before it may, and then what was to begin with is the first."""
        outbox, (stream,) = _begun(1)
        outbox.begin_with(b"greeting", is_held=True)
        stream.push(b"x")
        outbox.wake(stream)
        outbox.pongs.append(b"pong")
        self.assertEqual((outbox.take(99), outbox.has_sent), (b"", False))
        outbox.is_held = False
        self.assertEqual(outbox.take(99), b"greetingpong" + data(1, b"x"))
        self.assertTrue(outbox.has_sent)

    def test_place_is_kept(self) -> None:
        """A stream that gets more while it waits does not lose its place."""
        outbox, streams = _begun(1, 2, 3)
        for stream in streams:
            stream.push(b"a")
            outbox.wake(stream)
        streams[0].push(b"b")
        outbox.wake(streams[0])
        self.assertEqual(outbox.take(1), data(1, b"ab"))
        self.assertEqual(outbox.take(99), data(2, b"a") + data(3, b"a"))

    def test_frames(self) -> None:
        """A frame is cut at the largest payload, at the window, and at about what was asked for."""
        outbox, (stream,) = _begun(1, most=10_000)
        stream.push(b"x" * 2 * WINDOW)
        outbox.wake(stream)
        self.assertEqual(len(outbox.take(1)), 16 + 4096)
        self.assertEqual(len(outbox.take(6000)), 16 + 6000)
        self.assertEqual(len(outbox.take(9996)), 16 + 9996)
        self.assertEqual(stream.credit, WINDOW - 4096 - 6000 - 9996)
        sent = outbox.take(10 * WINDOW)
        self.assertEqual(sent.count(b"DATA"), 8)
        self.assertEqual((stream.credit, stream.queued, outbox.take(99)), (0, WINDOW, b""))

    def test_closed(self) -> None:
        """A closed stream is forgotten with its last byte, a stopped one when the peer was told."""
        outbox, (closed, stopped) = _begun(1, 2)
        closed.push(b"rest")
        outbox.wake(closed)
        closed.state = State.CLOSED
        stopped.push(b"lost")
        outbox.wake(stopped)
        outbox.stop(stopped, 101, "no")
        self.assertEqual([*outbox.streams], [1, 2])
        self.assertEqual(outbox.take(99), token(b"STOP", number(2, 101) + b"no") + data(1, b"rest"))
        self.assertEqual([len(table) for table in outbox._tables], [0] * 5)

    def test_unbegun(self) -> None:
        """A stream that was opened here has no turn before those that were opened earlier."""
        outbox = Outbox(4096)
        streams = [Stream(number, WINDOW, WINDOW) for number in range(1, 5)]
        for stream in streams:
            outbox.open(stream)
        for stream in streams[1:]:
            stream.push(b"x")
            outbox.wake(stream)
        self.assertEqual((outbox.take(99), outbox.highest, outbox.unbegun), (b"", 0, streams))
        outbox.forget(streams[0])
        outbox.forget(streams[2])
        self.assertEqual(outbox.take(99), data(2, b"x") + data(4, b"x"))
        self.assertEqual((outbox.highest, outbox.unbegun), (4, []))

    def test_clear(self) -> None:
        """After everything was forgotten nothing goes."""
        outbox, (stream,) = _begun(1)
        stream.push(b"x")
        outbox.wake(stream)
        outbox.hasten(stream)
        outbox.leave("bye")
        outbox.begin_with(b"greeting", is_held=False)
        outbox.pongs.append(b"pong")
        outbox.clear()
        self.assertEqual((outbox.take(99), outbox.streams), (b"", {}))

    def test_turns_leave_nothing_behind(self) -> None:
        """The order of many turns takes no more memory than that of one."""
        outbox, streams = _begun(1, 2)
        for stream in streams:
            stream.credit = 1 << 30
        for _ in range(10_000):
            for stream in streams:
                stream.push(b"x")
                outbox.wake(stream)
            outbox.take(1)
            outbox.take(1)
        self.assertLess(sys.getsizeof(outbox._ready) + sys.getsizeof(streams[0]._pieces), 2 * KIB)
