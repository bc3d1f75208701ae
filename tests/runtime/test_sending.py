"""Pieces on their way into a transport: large writes, no faster than it takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from twisted.internet.defer import CancelledError
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.runtime.sending import send

KIB = 1024


class Writes(StringTransport):
    """Remembers how the bytes came."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []

    def write(self, data: bytes) -> None:
        self.sizes.append(len(data))
        super().write(data)


class SendingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.transport = Writes()

    def pull(self) -> None:
        assert self.transport.producer is not None
        self.transport.producer.resumeProducing()

    def test_small_pieces_travel_together(self) -> None:
        """A small message is one write, and done at once."""
        done = send(self.transport, iter((b"head", b"body", b"head", b"body")))
        self.successResultOf(done)
        self.assertEqual((self.transport.sizes, self.transport.value()), ([16], b"headbody" * 2))
        self.assertIsNone(self.transport.producer)

    def test_in_turn(self) -> None:
        """A write that the transport has room for is made in its turn, once, however often it asks."""
        due: list[Callable[[], None]] = []
        done = send(self.transport, iter([bytes(128 * KIB)] * 2), due.append)
        for _ in range(3):
            self.pull()
        self.assertEqual((len(self.transport.sizes), len(due)), (1, 1))
        due.pop()()
        self.assertEqual(len(self.transport.sizes), 2)
        self.successResultOf(done)

    def test_gone_before_its_turn(self) -> None:
        """Of a connection that is gone nothing is written, and nobody is told that all was sent."""
        due: list[Callable[[], None]] = []
        done = send(self.transport, iter([bytes(128 * KIB)] * 2), due.append)
        self.pull()
        assert self.transport.producer is not None
        self.transport.producer.stopProducing()
        due.pop()()
        self.assertEqual(len(self.transport.sizes), 1)
        self.assertNoResult(done)

    def test_nothing_to_send(self) -> None:
        """No piece is no write."""
        self.successResultOf(send(self.transport, iter(())))
        self.assertEqual(self.transport.sizes, [])

    def test_no_faster_than_the_transport(self) -> None:
        """A long message is drawn piece by piece, each when the transport asks."""
        drawn: list[int] = []

        def pieces() -> Iterator[bytes]:
            for number in range(4):
                drawn.append(number)
                yield bytes(128 * KIB)

        done = send(self.transport, pieces())
        self.assertEqual((len(self.transport.sizes), drawn), (1, [0, 1]))
        for expected in (2, 3):
            self.assertNoResult(done)
            self.pull()
            self.assertEqual(len(self.transport.sizes), expected)
        self.pull()
        self.successResultOf(done)
        self.assertEqual(self.transport.sizes, [128 * KIB] * 4)
        self.assertIsNone(self.transport.producer)

    def test_pieces_that_fail(self) -> None:
        """What the iterator raises, at once or later, is what the Deferred fails with."""

        def pieces(good: int) -> Iterator[bytes]:
            yield from [bytes(128 * KIB)] * good
            raise OSError("the file is gone")

        self.failureResultOf(send(self.transport, pieces(0)), OSError)
        later = send(self.transport, pieces(2))
        self.pull()
        self.failureResultOf(later, OSError)
        self.assertIsNone(self.transport.producer)

    def test_cancelled(self) -> None:
        """Nothing more is drawn or written, and the transport is free."""
        done = send(self.transport, iter([bytes(128 * KIB)] * 5))
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual((len(self.transport.sizes), self.transport.producer), (1, None))

    def test_the_connection_goes(self) -> None:
        """A transport that stops asks for no more, and whoever waits is told by the connection."""
        done = send(self.transport, iter([bytes(128 * KIB)] * 5))
        producer = self.transport.producer
        assert producer is not None
        producer.stopProducing()
        self.assertNoResult(done)
        done.cancel()
        self.failureResultOf(done, CancelledError)
