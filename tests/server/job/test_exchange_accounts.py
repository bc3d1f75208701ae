"""What a job's record tells an administrator, and what a policy's terms do to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred

from tests.server.job.test_exchange import PEER, ExchangeTestCase, Kept
from tests.server.talk import SOURCE
from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.errors import EXIT_ACCESS_DENIED
from twisted_distcc.jobs.model import InputFile, Request, Tree
from twisted_distcc.launcher.command import Command, Ended
from twisted_distcc.observe.content_digests import content_of, content_of_tree
from twisted_distcc.observe.job_records import Content
from twisted_distcc.observe.recorders import Recorders
from twisted_distcc.policy.rules import Policy, Rule, Terms
from twisted_distcc.runtime.processes import Runner
from twisted_distcc.server.job import exchange
from twisted_distcc.server.job.authorize import Judge
from twisted_distcc.server.job.compiler_facts import CompilerFacts
from twisted_distcc.server.job.exchange import LifetimeError
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.toolchain.finding import Compilers

T = TypeVar("T")


class Aside:
    """Runs programs as `runner` does; digests that are made aside are done when `digests` fire."""

    cancelled = Runner.cancelled

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self.digests: list[Deferred[None]] = []

    async def __call__(self, command: Command, seconds: float | None) -> Ended:
        return await self._runner(command, seconds)

    async def aside(self, work: Callable[[], T]) -> T:
        result = work()
        if isinstance(result, Content):
            self.digests.append(Deferred())
            await self.digests[-1]
        return result


class DigestTests(ExchangeTestCase):
    def setUp(self) -> None:
        super().setUp()
        run = Aside(Runner(self.spawn, self.clock))
        self.digests = run.digests
        self.recorder = Kept(wants_digests=True)
        self.records = self.recorder.records
        self.exchange = replace(self.exchange, run=run, recorders=Recorders([self.recorder]))

    def all_aside(self) -> None:
        """Let nothing be so small that it is digested at once."""
        self.patch(exchange, "_DIGESTED_AT_ONCE", -1)

    def test_at_once(self) -> None:
        """What is small is digested at once, up to a megabyte, and what is larger is not."""
        asked = self.ask()
        self.processes[0].finish()
        self.successResultOf(asked)
        self.assertEqual(self.records[0].source_content, content_of(Body.of(SOURCE)))
        for length, expected in ((1 << 20, 0), ((1 << 20) + 1, 1)):
            body = Body.of(bytes(length))
            job = self.exchange(Request((b"gcc", b"-c", b"x.c"), body), PEER)
            asked = Deferred.fromCoroutine(job)
            self.assertEqual(len(self.digests), expected)
            asked.cancel()
            self.failureResultOf(asked, CancelledError)

    def test_nobody_wants_to_know(self) -> None:
        """Where no recorder wants digests, nothing is digested."""
        kept = Kept()
        self.exchange = replace(self.exchange, recorders=Recorders([kept]))
        asked = self.ask()
        self.processes[0].finish()
        self.successResultOf(asked)
        (record,) = kept.records
        self.assertEqual((record.source_content, record.object_content), (None, None))

    def test_source_and_object(self) -> None:
        """Both are recorded; a seat is held for the source's digest, and none for the object's."""
        self.all_aside()
        asked = self.ask()
        self.assertEqual(self.processes, [])
        admission = self.exchange.admission
        assert isinstance(admission, Admission)
        self.assertEqual(admission.running, 1)
        self.digests[0].callback(None)
        self.processes[0].finish()
        self.assertEqual(admission.running, 0)
        self.assertEqual(self.records, [])
        self.digests[1].callback(None)
        self.successResultOf(asked)
        (record,) = self.records
        self.assertEqual(record.source_content, content_of(Body.of(SOURCE)))
        self.assertEqual(record.object_content, content_of(Body.of(b"object")))

    def test_sources_in_turn(self) -> None:
        """No more sources are digested at a time than there are seats."""
        self.all_aside()
        asked = [self.ask() for _ in range(9)]
        self.assertEqual(len(self.digests), 2)
        for one in reversed(asked):  # those that wait for a seat first
            one.cancel()
            self.failureResultOf(one, CancelledError)

    def test_a_client_that_is_revoked_meanwhile(self) -> None:
        """A job has begun, and is to be finished, from its turn until all accounts of it are done."""
        self.all_aside()
        admission = self.exchange.admission
        assert isinstance(admission, Admission)
        asked = self.ask()
        self.assertTrue(admission.has_begun(PEER))
        self.digests[0].callback(None)
        self.assertTrue(admission.has_begun(PEER))
        self.processes[0].finish()
        self.assertTrue(admission.has_begun(PEER))
        self.digests[1].callback(None)
        self.successResultOf(asked)
        self.assertFalse(admission.has_begun(PEER))

    def test_a_client_that_goes_meanwhile(self) -> None:
        """It is recorded as such, at either digest, and what was made is given up."""
        self.all_aside()
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        asked = self.ask()
        self.digests[1].callback(None)
        self.processes[0].makes = bytes(2 * IN_MEMORY)
        self.processes[0].finish()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual([record.verdict for record in self.records], ["cancelled", "cancelled"])
        self.assert_no_file_left()

    def test_compilers(self) -> None:
        """What a compiler consists of is looked at once in a second, however many jobs it does."""
        looked: list[str] = []

        def look(path: str) -> str:
            looked.append(path)
            return "its digest"

        digests = CompilerFacts(look, self.clock.seconds)
        self.exchange = replace(self.exchange, digests=digests)
        for wait in (0, 0.5, 0.5):
            self.clock.advance(wait)
            asked = self.ask()
            self.processes[-1].finish()
            self.successResultOf(asked)
        self.assertEqual(looked, [self.gcc] * 2)
        self.assertEqual({record.compiler_sha256 for record in self.records}, {"its digest"})

    def test_trees(self) -> None:
        """The tree of a session is digested once for each folder that it is at; others each time."""
        entries = (InputFile(b"/w/hello.c", LocalContent(SOURCE)),)
        trees = [Tree(b"/w", entries, digest=b"one"), Tree(b"/", entries, digest=b"one")]
        unknown = Tree(b"/w", entries)
        found = []
        for tree in (*trees, *trees, unknown, unknown):
            asked = Deferred.fromCoroutine(self.exchange._input(Request((b"gcc",), tree=tree)))
            if not asked.called:
                self.digests[-1].callback(None)
            found.append(self.successResultOf(asked))
        self.assertEqual(len(self.digests), 4)
        self.assertEqual(found, [content_of_tree(tree) for tree in (*trees, *trees, unknown, unknown)])

    def test_a_compiler_that_is_gone(self) -> None:
        """A compiler that is removed while it runs has no digest, and its job a result."""
        asked = self.ask()
        os.unlink(self.gcc)
        self.processes[0].finish()
        self.successResultOf(asked)
        self.assertEqual((self.records[0].verdict, self.records[0].compiler_sha256), ("done", None))

    def test_a_refused_job(self) -> None:
        """Nothing is digested for a client who is refused."""
        self.refused("rm", "-c", "x.c")
        self.assertEqual((self.records[0].source_content, self.digests), (None, []))

    def test_what_cannot_be_read(self) -> None:
        """A job whose digest fails has failed, and says why."""
        self.all_aside()
        asked = self.ask()
        self.digests[0].errback(OSError(5, "Input/output error"))
        self.failureResultOf(asked, OSError)
        self.assertIn("Input/output error", self.records[0].reason or "")


class PolicyTests(ExchangeTestCase):
    def rule(self, *rules: Rule) -> None:
        judge = Judge(Compilers((self.folder,)), Policy(rules).decide)
        self.exchange = replace(self.exchange, judge=judge)

    def test_allowed(self) -> None:
        """The record tells of each rule that was tried."""
        self.rule(Rule("users", ("tls:*",), True), Rule("all", ("*",), True))
        asked = self.ask()
        self.processes[0].finish()
        self.successResultOf(asked)
        self.assertEqual(
            self.records[0].trace,
            ("rule 'users' does not match: tcp:192.0.2.9 is not tls:*", "rule 'all' allows it"),
        )

    def test_refused(self) -> None:
        """The client reads one sentence without others' rules; the record has all of them."""
        self.rule(Rule("bob's", ("tls:bob",), True), Rule("none", ("*",), False, reason="closed"))
        reply = self.refused()
        said = "this server's rule 'none' refuses it: closed"
        self.assertEqual(reply.stderr.read().decode(), f"the server refuses this job: {said}\n")
        self.assertEqual(reply.exit_code, EXIT_ACCESS_DENIED)
        (record,) = self.records
        self.assertEqual((record.verdict, record.reason, len(record.trace)), ("refused", said, 2))

    def test_slots(self) -> None:
        """A rule's slots are how many jobs of one identity run, though more seats are free."""
        self.rule(Rule("all", ("*",), True, terms=Terms(slots=1)))
        asked = [self.ask(), self.ask()]
        self.assertEqual(len(self.processes), 1)
        self.processes[0].finish()
        self.processes[1].finish()
        for job in asked:
            self.successResultOf(job)


class LimitTests(ExchangeTestCase):
    lifetime = 10

    def test_the_limit_is_named(self) -> None:
        """A job that met a limit says which."""
        asked = self.ask()
        self.clock.advance(10)
        self.failureResultOf(asked, LifetimeError)
        (record,) = self.records
        self.assertEqual((record.limits, record.duration), (("job-lifetime",), 10.0))
        self.assertEqual(record.peer, PEER)
