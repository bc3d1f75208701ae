"""The socket on which C distcc's client asks, without a client."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.agent.context import context_of
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.includes import include_server
from twisted_distcc.includes.include_server import (
    PATIENCE,
    IncludesFactory,
    Question,
    QuestionReader,
    pack_answer,
)
from twisted_distcc.pump.unit import NotForServersError
from twisted_distcc.runtime.peer_credentials import PeerCredentials
from twisted_distcc.wire.limits import Limits

ASKED = Question(("gcc", "-c", "ü\udcff.c"), "/home/é")
SAMPLE = b"CDIR00000008/home/\xc3\xa9ARGC00000003ARGV00000003gccARGV00000002-cARGV00000005\xc3\xbc\xff.c"
ANSWER = b"ARGC00000002ARGV00000002/aARGV00000003/b\xff"


class QuestionTests(SynchronousTestCase):
    def test_whole(self) -> None:
        """A question as the client sends it; what follows it does not matter."""
        self.assertEqual(QuestionReader().feed(SAMPLE), ASKED)
        self.assertEqual(QuestionReader().feed(SAMPLE + b"NFIL00000000"), ASKED)

    @given(st.lists(st.integers(0, len(SAMPLE)), max_size=8))
    def test_in_pieces(self, cuts: list[int]) -> None:
        """It may come in any pieces, and is there with the last one."""
        reader, bounds = QuestionReader(), [0, *sorted(cuts), len(SAMPLE)]
        pieces = [SAMPLE[start:end] for start, end in pairwise(bounds)]
        answers = [reader.feed(piece) for piece in pieces if piece]
        self.assertEqual(answers, [None] * (len(answers) - 1) + [ASKED])

    def test_hostile(self) -> None:
        """What is no question, or larger than any, is refused before it is gathered."""
        limits = Limits()
        many = b"CDIR00000001/ARGC%08x" % (limits.arguments + 1)
        for sample in (
            b"GET / HTTP/1.0\r\n",
            b"DIST00000003",
            b"CDIR00000000",
            b"CDIR%08x" % (limits.name + 1),
            b"CDIR00000001/ARGC00000000",
            many,
            b"CDIR00000001/ARGC00000001ARGV%08x" % (limits.argument + 1),
            b"CDIR00000001xARGC00000001ARGV00000003gcc",
            b"CDIR00000002/\0ARGC00000001ARGV00000003gcc",
            b"CDIR00000001/ARGC00000001ARGV00000003g\0c",
        ):
            with self.assertRaises(RemoteProtocolError, msg=repr(sample)):
                QuestionReader().feed(sample)

    def test_answer(self) -> None:
        """An answer is a count and so many paths, byte for byte."""
        self.assertEqual(pack_answer(["/a", "/b\udcff"]), ANSWER)
        self.assertEqual(pack_answer([]), b"ARGC00000000")


class UnixTransport(StringTransport):
    """The server's end of a connection of our own user's."""

    def __init__(self, handle: socket.socket) -> None:
        super().__init__()
        self.handle = handle

    def getHandle(self) -> socket.socket:
        return self.handle


class ProtocolTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.asked: list[Question] = []
        self.left: list[str] = []
        self.found: Deferred[Sequence[str]] = Deferred()
        self.factory = IncludesFactory(
            self.find, self.clock, lambda _, reason: self.left.append(reason), context_of("self")
        )
        ends = socket.socketpair()
        for end in ends:
            self.addCleanup(end.close)
        self.transport = UnixTransport(ends[0])
        self.protocol = self.factory.buildProtocol(None)

    async def find(self, question: Question) -> Sequence[str]:
        self.asked.append(question)
        return await self.found

    def connect(self, *pieces: bytes) -> None:
        self.protocol.makeConnection(self.transport)
        for piece in pieces:
            self.protocol.dataReceived(piece)

    def test_another_context(self) -> None:
        """Who may mean other files by the same names is left to distcc."""
        self.factory.context = b"another"
        self.connect(SAMPLE)
        self.assertEqual((self.asked, self.transport.value()), ([], pack_answer([])))
        self.assertEqual(self.left, ["it runs in other namespaces, or with other rights or limits"])

    def test_answered(self) -> None:
        """A question gets its answer, and the connection is over."""
        self.connect(SAMPLE[:20], SAMPLE[20:], b"more")
        self.assertEqual(self.asked, [ASKED])
        self.found.callback(["/a", "/b\udcff"])
        self.assertEqual(self.transport.value(), ANSWER)
        self.assertTrue(self.transport.disconnecting)
        self.assertEqual((self.factory.answered, self.left), (1, []))

    def test_left_to_distcc(self) -> None:
        """What distcc is to preprocess gets an empty answer, and the reason is told."""
        self.connect(SAMPLE)
        self.found.errback(NotForServersError("of a date"))
        self.assertEqual(self.transport.value(), b"ARGC00000000")
        self.assertEqual((self.factory.answered, self.left), (0, ["of a date"]))

    def test_fault(self) -> None:
        """A fault of ours is logged, and distcc goes on by itself."""
        self.connect(SAMPLE)
        self.found.errback(ZeroDivisionError())
        self.assertEqual(self.transport.value(), b"ARGC00000000")
        self.assertEqual(self.left, ["a fault of the include server's own"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_rubbish(self) -> None:
        """Who asks nothing that makes sense is hung up on."""
        self.connect(b"GET / HTTP/1.0\r\n", SAMPLE)
        self.assertEqual(self.asked, [])
        self.assertTrue(self.transport.disconnecting or self.transport.disconnected)

    def test_silence(self) -> None:
        """Who begins a question and stops is hung up on; who waits for an answer is not."""
        self.connect(SAMPLE[:-1])
        self.clock.advance(PATIENCE + 1)
        self.assertTrue(self.transport.disconnecting)
        self.protocol, self.transport.disconnecting = self.factory.buildProtocol(None), False
        self.connect(SAMPLE)
        self.clock.advance(10 * PATIENCE)
        self.assertFalse(self.transport.disconnecting)

    def test_gone(self) -> None:
        """Nothing is found any more for a client that has gone."""
        cancelled: list[object] = []
        self.found = Deferred(cancelled.append)
        self.connect(SAMPLE)
        self.protocol.connectionLost()
        self.assertEqual(cancelled, [self.found])
        self.assertEqual((self.left, self.clock.getDelayedCalls()), ([], []))

    def test_another_user(self) -> None:
        """Nobody else is served, whoever could reach the socket."""
        other = PeerCredentials(1, os.getuid() + 1, 0)
        self.patch(include_server, "peer_credentials", lambda _: other)
        self.connect()
        self.assertTrue(self.transport.disconnected)
