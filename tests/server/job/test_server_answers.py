"""Questions about a server itself, and what everybody else may ask instead."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.content.body import Body
from twisted_distcc.execution.executor import Executor
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.jobs.server_questions import PartsQuestion, StatusQuestion
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import Terms
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.connection.blocking import done
from twisted_distcc.server.job.authorize import Judged
from twisted_distcc.server.job.compiler_facts import CompilerFacts
from twisted_distcc.server.job.compiler_questions import told
from twisted_distcc.server.job.exchange import Run
from twisted_distcc.server.job.server_answers import Inquiries, status_of

T = TypeVar("T")
PEER = Peer("tcp:192.0.2.9")


class FakeRun:
    async def aside(self, work: Callable[[], T]) -> T:
        return work()


class FakeSeats:
    """Gives turns, and writes down whose they are."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def seat(self, peer: Peer, terms: Terms) -> AbstractAsyncContextManager[Callable[[], None]]:
        raise AssertionError("a question is no job")

    @asynccontextmanager
    async def turn(self, peer: Peer) -> AsyncIterator[None]:
        self.given.append(peer.identity)
        yield


class InquiryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.jobs: list[tuple[bytes, ...]] = []
        self.seats = FakeSeats()
        parts = CompilerFacts(
            lambda path: told(parts={path: "77"}), Clock().seconds, lambda _: (0, 0, 0, 0)
        )
        self.inquiries = Inquiries(
            self.judge,
            lambda: status_of(cast(Executor, object()), 6),
            parts,
            cast(Run, FakeRun()),
            self.seats,
            self.serve,
        )

    def judge(self, request: Request, peer: Peer) -> Judged | Refused:
        if request.arguments[0] != b"gcc":
            return Refused(("nobody has this",), 110)
        return Judged("/usr/bin/gcc", cast(Compilation, None))

    async def serve(self, request: Request, peer: Peer) -> Reply:
        self.jobs.append(request.arguments)
        return Reply(110 << 8, stderr=Body.of(b"refused"))

    def ask(self, request: Request) -> Reply:
        return done(self.inquiries(request, PEER))

    def test_status(self) -> None:
        """The status is told without a turn, and says what a client wants to know of a server."""
        answer = json.loads(self.ask(StatusQuestion().request()).stdout.read())
        self.assertEqual(
            (answer["server"], answer["slots"], answer["sandbox"]), ("twisted-distccd", 6, True)
        )
        self.assertGreater(answer["time"], 0)
        self.assertEqual((self.jobs, self.seats.given), ([], []))

    def test_parts(self) -> None:
        """The parts of a compiler are found out in a turn, once, and are no job."""
        for _ in range(2):
            answer = json.loads(self.ask(PartsQuestion(b"gcc").request()).stdout.read())
            self.assertEqual(answer["parts"], {"/usr/bin/gcc": "77"})
        self.assertEqual((self.jobs, self.seats.given), ([], [PEER.identity]))

    def test_refused(self) -> None:
        """Who may not use a compiler learns nothing of its parts, and is recorded like its job."""
        reply = self.ask(PartsQuestion(b"clang").request())
        self.assertEqual(json.loads(reply.stdout.read()), {"server": "twisted-distccd"})
        self.assertEqual((reply.exit_code, self.jobs), (110, [(b"clang", b"-c", b"about.c")]))

    def test_other_requests(self) -> None:
        """Jobs, and questions of other kinds, are passed on."""
        for words in (
            (b"gcc", b"-c", b"a.c"),
            (b"twisted-distccd", b"about", b"gcc"),
            (b"twisted-distccd",),
        ):
            self.ask(Request(words))
            self.assertEqual(self.jobs.pop(), words)
