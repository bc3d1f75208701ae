"""Which requests are questions, and what is done for their answers."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar, cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.content.body import Body
from twisted_distcc.execution.executor import Executor
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import Terms
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.connection.blocking import done
from twisted_distcc.server.job.authorize import Judged
from twisted_distcc.server.job.compiler_facts import CompilerFacts
from twisted_distcc.server.job.compiler_questions import Reception, tell
from twisted_distcc.server.job.exchange import Run

T = TypeVar("T")

QUESTION = (b"twisted-distccd", b"about", b"gcc")


class FakePlace:
    """A place that can make sandboxes, and counts the compilers that it finds out about."""

    def __init__(self) -> None:
        self.learned: list[str] = []
        self.digests = 0

    def knows(self, path: str) -> bool:
        return path in self.learned

    def learn(self, path: str) -> None:
        self.learned.append(path)

    def digest(self, path: str) -> str | None:
        self.digests += 1
        return f"digest of {path}"

    def preprocesses(self, path: str) -> str:
        return "exact"

    def makes_all_outputs(self, path: str | None) -> bool:
        return True


class FakeRun:
    """Does what waits, and counts it."""

    def __init__(self) -> None:
        self.waits = 0

    async def aside(self, work: Callable[[], T]) -> T:
        self.waits += 1
        return work()


class FakeSeats:
    """Gives seats, and writes down whose they are."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def seat(self, peer: Peer, terms: Terms) -> AbstractAsyncContextManager[Callable[[], None]]:
        raise AssertionError("a question is no job")

    @asynccontextmanager
    async def turn(self, peer: Peer) -> AsyncIterator[None]:
        self.given.append(peer.identity)
        yield


class QuestionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.takes = self.loads = False
        self.judged: list[tuple[bytes, ...]] = []
        self.jobs: list[tuple[bytes, ...]] = []
        self.place, self.run_aside = FakePlace(), FakeRun()
        self.clock, self.stamp = Clock(), 1
        self.seats = FakeSeats()
        answers = CompilerFacts(
            lambda compiler: tell(cast(Executor, self.place), compiler),
            self.clock.seconds,
            lambda _: (0, 0, 0, self.stamp),
        )
        self.reception = Reception(
            self.judge, answers, lambda: True, cast(Run, self.run_aside), self.seats, self.serve
        )

    def judge(self, request: Request, peer: Peer) -> Judged | Refused:
        self.judged.append(request.arguments)
        if request.tools is not None and self.takes:
            if b"-fplugin=/about.so" in request.arguments and not self.loads:
                return Refused(("no rule says so",), 113)
            return Judged("/usr/bin/gcc", cast(Compilation, None))
        if request.arguments[0] != b"gcc":
            return Refused(("nobody has this",), 110)
        return Judged("/usr/bin/gcc", cast(Compilation, None))

    async def serve(self, request: Request, peer: Peer) -> Reply:
        self.jobs.append(request.arguments)
        return Reply(0, object_file=Body.of(b"object"))

    def ask(self, *words: bytes) -> Reply:
        return done(self.reception(Request(words), Peer("tcp:192.0.2.9")))

    def test_a_question(self) -> None:
        """It never comes to where jobs are recorded; what waits is done aside, in a seat."""
        reply = self.ask(b"twisted-distccd", b"about", b"gcc")
        told = json.loads(reply.stdout.read())
        self.assertEqual((told["preprocesses"], told["compiler"]), ("exact", "digest of /usr/bin/gcc"))
        self.assertEqual(told["path"], "/usr/bin/gcc")
        self.assertEqual(told["real_path"], os.path.realpath("/usr/bin/gcc"))
        self.assertEqual((reply.status, reply.object_file.length), (0, 0))
        self.assertEqual((self.jobs, self.run_aside.waits), ([], 1))

    def test_found_out_once(self) -> None:
        """A compiler that is known is not found out about again."""
        for _ in range(3):
            self.ask(b"twisted-distccd", b"about", b"gcc")
        self.assertEqual(self.place.learned, ["/usr/bin/gcc"])

    def test_answered_from_memory(self) -> None:
        """A thousand questions take one seat, one thread and one look at the compiler."""
        answers = {self.ask(*QUESTION).stdout.read() for _ in range(1000)}
        self.assertEqual(len(answers), 1)
        self.assertEqual(
            (self.seats.given, self.run_aside.waits, self.place.digests), (["tcp:192.0.2.9"], 1, 1)
        )

    def test_looked_at_again(self) -> None:
        """A compiler that was replaced is looked at at once, and what it consists of after a second."""
        self.ask(*QUESTION)
        self.stamp += 1
        self.ask(*QUESTION)
        self.assertEqual(self.place.digests, 2)
        self.clock.advance(0.99)
        self.ask(*QUESTION)
        self.assertEqual(self.place.digests, 2)
        self.clock.advance(0.01)
        self.ask(*QUESTION)
        self.assertEqual((self.place.digests, len(self.seats.given)), (3, 3))

    def test_found_out_by_somebody_else(self) -> None:
        """Who waited for a seat while somebody else found out takes that answer."""
        answers = self.reception.answers
        self.assertIs(answers.find_out("/usr/bin/gcc"), answers.find_out("/usr/bin/gcc"))
        self.assertEqual(self.place.digests, 1)

    def test_many_names(self) -> None:
        """However many programs are named, no more than a hundred are remembered."""
        for number in range(300):
            self.reception.answers.find_out(f"/usr/bin/gcc-{number}")
        kept = [n for n in range(300) if self.reception.answers.remembered(f"/usr/bin/gcc-{n}")]
        self.assertEqual(kept, list(range(200, 300)))

    def test_refused(self) -> None:
        """A compiler that is not this peer's to use is not found out about, and the job is refused."""
        reply = self.ask(b"twisted-distccd", b"about", b"tcc")
        told = {"server": "twisted-distccd", "toolchains": "no", "why": "nobody has this"}
        self.assertEqual(json.loads(reply.stdout.read()), told)
        self.assertEqual((self.place.learned, self.run_aside.waits, self.seats.given), ([], 0, []))
        self.assertEqual(self.jobs, [(b"tcc", b"-c", b"about.c")])

    def test_what_can_be_brought(self) -> None:
        """Who may bring a compiler is told so, whether there is one here or not; no job is refused."""
        self.takes = True
        for name, status in ((b"gcc", 0), (b"tcc", 110)):
            reply = self.ask(b"twisted-distccd", b"about", name)
            self.assertEqual(reply.exit_code, status)
            told = json.loads(reply.stdout.read())
            self.assertEqual((told["toolchains"], told["outputs"]), ("taken", "all"))
        self.assertEqual(self.jobs, [])

    def test_what_can_be_loaded(self) -> None:
        """Who may have a compiler along load code of its own is told so, and nobody else is."""
        self.takes = True
        for self.loads in (False, True):
            for name in (b"gcc", b"tcc"):
                told = json.loads(self.ask(b"twisted-distccd", b"about", name).stdout.read())
                self.assertEqual(told.get("programs"), "taken" if self.loads else None)
                self.assertEqual(told["toolchains"], "taken")

    def test_judged_as_a_compile(self) -> None:
        """Whether somebody may use a compiler, or bring it, is decided as for the simplest of jobs."""
        self.ask(b"twisted-distccd", b"about", b"gcc")
        simplest, loading = (b"-c", b"about.c"), (b"-fplugin=/about.so", b"-c", b"about.c")
        self.assertEqual(self.judged, [(b"gcc", *words) for words in (simplest, simplest, loading)])

    def test_jobs(self) -> None:
        """Whatever is not the whole question, word by word, is a job."""
        jobs = [
            (b"gcc", b"-c", b"x.c"), (b"twisted-distccd", b"about"), (b"about", b"gcc"),
            (b"twisted-distccd", b"about", b"gcc", b"-c"), (b"TWISTED-DISTCCD", b"about", b"gcc"),
        ]  # fmt: skip
        for words in jobs:
            self.assertEqual(self.ask(*words).object_file.read(), b"object")
        self.assertEqual((self.jobs, self.judged), (jobs, []))
