"""Which requests are questions, and what is done for their answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar, cast

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.model import Compilation
from twisted_distcc.execution.compilation import Place
from twisted_distcc.messages.body import Body
from twisted_distcc.messages.model import Reply, Request
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.about import Reception
from twisted_distcc.server.exchange import Run
from twisted_distcc.server.held import done
from twisted_distcc.server.judgement import Judged

T = TypeVar("T")


class FakePlace:
    """A place that can make sandboxes, and counts the compilers that it finds out about."""

    def __init__(self) -> None:
        self.learned: list[str] = []

    def knows(self, path: str) -> bool:
        return path in self.learned

    def learn(self, path: str) -> None:
        self.learned.append(path)

    def digest(self, path: str) -> str | None:
        return f"digest of {path}"

    def preprocesses(self, path: str) -> str:
        return "exact"


class FakeRun:
    """Does what waits, and counts it."""

    def __init__(self) -> None:
        self.waits = 0

    async def aside(self, work: Callable[[], T]) -> T:
        self.waits += 1
        return work()


class QuestionTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.judged: list[tuple[bytes, ...]] = []
        self.jobs: list[tuple[bytes, ...]] = []
        self.place, self.run_aside = FakePlace(), FakeRun()
        self.reception = Reception(
            self.judge, cast(Place, self.place), cast(Run, self.run_aside), self.serve
        )

    def judge(self, request: Request, peer: Peer) -> Judged | Refused:
        self.judged.append(request.arguments)
        if request.arguments[0] != b"gcc":
            return Refused(("nobody has this",), 110)
        return Judged("/usr/bin/gcc", cast(Compilation, None))

    async def serve(self, request: Request, peer: Peer) -> Reply:
        self.jobs.append(request.arguments)
        return Reply(0, object_file=Body.of(b"object"))

    def ask(self, *words: bytes) -> Reply:
        return done(self.reception(Request(words), Peer("tcp:192.0.2.9")))

    def test_a_question(self) -> None:
        """It never comes to where seats are given and jobs recorded; what waits is done aside."""
        reply = self.ask(b"twisted-distccd", b"about", b"gcc")
        told = json.loads(reply.stdout.read())
        self.assertEqual((told["preprocesses"], told["compiler"]), ("exact", "digest of /usr/bin/gcc"))
        self.assertEqual((reply.status, reply.object_file.length), (0, 0))
        self.assertEqual((self.jobs, self.run_aside.waits), ([], 1))

    def test_found_out_once(self) -> None:
        """A compiler that is known is not found out about again."""
        for _ in range(3):
            self.ask(b"twisted-distccd", b"about", b"gcc")
        self.assertEqual(self.place.learned, ["/usr/bin/gcc"])

    def test_refused(self) -> None:
        """A compiler that is not this peer's to use is not found out about, and nothing waits."""
        reply = self.ask(b"twisted-distccd", b"about", b"tcc")
        self.assertEqual((reply.exit_code, reply.stdout.length), (110, 0))
        self.assertIn(b"nobody has this", reply.stderr.read())
        self.assertEqual((self.place.learned, self.run_aside.waits, self.jobs), ([], 0, []))

    def test_judged_as_a_compile(self) -> None:
        """Whether somebody may use a compiler is decided as for the simplest of jobs."""
        self.ask(b"twisted-distccd", b"about", b"gcc")
        self.assertEqual(self.judged, [(b"gcc", b"-c", b"about.c")])

    def test_jobs(self) -> None:
        """Whatever is not the whole question, word by word, is a job."""
        jobs = [
            (b"gcc", b"-c", b"x.c"), (b"twisted-distccd", b"about"), (b"about", b"gcc"),
            (b"twisted-distccd", b"about", b"gcc", b"-c"), (b"TWISTED-DISTCCD", b"about", b"gcc"),
        ]  # fmt: skip
        for words in jobs:
            self.assertEqual(self.ask(*words).object_file.read(), b"object")
        self.assertEqual((self.jobs, self.judged), (jobs, []))
