"""The story of one job, with a spawner that the test directs: judged, seated, compiled, recorded."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar, TypeVar
from unittest.mock import patch

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.server.talk import COMPILE, SOURCE
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, EXIT_COMPILER_MISSING, EXIT_TIMEOUT
from twisted_distcc.execution.executor import Job
from twisted_distcc.execution.unconfined import Unconfined
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.observe.recorders import Event, Recorders
from twisted_distcc.policy.peer import tcp_peer
from twisted_distcc.runtime.processes import CannotStartError, Command, Ended, Runner
from twisted_distcc.server.job.authorize import Judge
from twisted_distcc.server.job.compiler_facts import CompilerFacts
from twisted_distcc.server.job.exchange import Exchange, LifetimeError
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.toolchain.finding import Compilers

T = TypeVar("T")

PEER = tcp_peer("192.0.2.9", 4000)
FAILED = 1 << 8


class Process:
    """A compiler that runs until the test, or a kill, ends it."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.killed = False
        self.makes = b"object"
        self._ended: Ended | None = None
        self._waiting: Deferred[Ended] = Deferred()

    def end(self) -> Deferred[Ended]:
        if self._ended is not None:
            return succeed(self._ended)
        return self._waiting

    def kill(self) -> None:
        self.killed = True
        self.finish(signal.SIGKILL)

    def lose(self) -> None:
        self._waiting.errback(CannotStartError("cannot start gcc: the launcher has ended"))

    def finish(self, status: int = 0) -> None:
        with open(self.command.argv[-1], "wb") as file:
            file.write(self.makes)
        self._ended = Ended(status, 1.25, 0.25)
        if not self._waiting.called:
            self._waiting.callback(self._ended)


class Kept:
    """Keeps the records of jobs, with or without digests."""

    def __init__(self, *, wants_digests: bool = False) -> None:
        self.wants_digests = wants_digests
        self.records: list[JobRecord] = []

    def record(self, event: Event) -> None:
        assert isinstance(event, JobRecord)
        self.records.append(event)

    def renew(self) -> None:
        raise AssertionError("a job renews nothing")

    def close(self) -> None:
        raise AssertionError("a job closes nothing")


class ExchangeTestCase(SynchronousTestCase):
    """A server of two seats with one compiler, `gcc`."""

    lifetime: float | None = None

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        self.gcc = os.path.join(self.folder, "gcc")
        with open(self.gcc, "w"):
            os.chmod(self.gcc, 0o755)
        parent = self.mktemp()
        os.mkdir(parent)
        self.workspaces = Workspaces(parent)
        self.addCleanup(self.workspaces.close)
        self.processes: list[Process] = []
        self.recorder = Kept()
        self.records = self.recorder.records
        self.clock = Clock()
        self.executor = Unconfined(self.workspaces, {})
        self.exchange = Exchange(
            judge=Judge(Compilers((self.folder,))),
            executor=self.executor,
            run=Runner(self.spawn, self.clock),
            admission=Admission(jobs=2, queue=8),
            clock=self.clock,
            lifetime=self.lifetime,
            recorders=Recorders([self.recorder]),
            digests=CompilerFacts(self.executor.digest, self.clock.seconds),
        )

    def spawn(self, command: Command) -> Process:
        self.processes.append(Process(command))
        return self.processes[-1]

    def ask(self, *words: str | bytes) -> Deferred[Reply]:
        command = tuple(os.fsencode(word) for word in words or COMPILE)
        return Deferred.fromCoroutine(self.exchange(Request(command, Body.of(SOURCE)), PEER))

    def refused(self, *words: str | bytes) -> Reply:
        reply = self.successResultOf(self.ask(*words))
        self.assertEqual(self.processes, [])
        return reply

    def assert_no_file_left(self) -> None:
        files = [name for _, _, names in os.walk(self.workspaces.path) for name in names]
        self.assertEqual(files, ["lock"])


class SpoiledTests(ExchangeTestCase):
    def test_inputs_that_somebody_has_changed(self) -> None:
        """What a compiler made of them is given up, and nothing of it is left."""
        prepare = self.exchange.executor.prepare

        @contextmanager
        def prepared(path: str, compilation: Compilation, source: Body, owner: str) -> Iterator[Job]:
            with prepare(path, compilation, source, owner) as job:
                yield job
            raise OSError(errno.ESTALE, "changed")

        with patch.object(Unconfined, "prepare", side_effect=prepared):
            reply = self.ask()
        [process] = self.processes
        process.makes = bytes(IN_MEMORY + 1)
        process.finish()
        self.assertEqual(self.failureResultOf(reply, OSError).value.errno, errno.ESTALE)
        self.assert_no_file_left()


class Aside:
    """Does what waits at once, and writes down how many seats were taken meanwhile."""

    cancelled: ClassVar[type[Exception]] = CancelledError

    def __init__(self, run: Runner, admission: Admission) -> None:
        self._run = run
        self._admission = admission
        self.seats: list[int] = []

    async def __call__(self, command: Command, seconds: float | None) -> Ended:
        return await self._run(command, seconds)

    async def aside(self, work: Callable[[], T]) -> T:
        self.seats.append(self._admission.running)
        return work()


class LongCommandTests(ExchangeTestCase):
    def setUp(self) -> None:
        super().setUp()
        admission = Admission(jobs=1, queue=8)
        self.aside = Aside(Runner(self.spawn, self.clock), admission)
        self.exchange = replace(self.exchange, run=self.aside, admission=admission)

    def test_judged_aside(self) -> None:
        """A command of thousands of words is judged aside, without a seat, and has its turn then."""
        for words in (["-Wall"] * 9000, ["-DX=" + "x" * 70_000]):
            self.aside.seats.clear()
            running = self.ask()
            asked = self.ask(*COMPILE, *words)
            self.assertEqual((self.aside.seats, len(self.processes)), ([1], 1))  # that of the other job
            self.processes.pop().finish()
            self.successResultOf(running)
            self.processes.pop().finish()
            self.assertEqual(self.successResultOf(asked).status, 0)
            self.assertEqual(self.aside.seats, [1, 1, 1])  # to judge it, to prepare it, and to clean up

    def test_short_ones(self) -> None:
        """What is as long as the commands of builds is judged at once."""
        self.ask(*COMPILE, *["-Wall"] * 400)
        self.assertEqual((self.aside.seats, len(self.processes)), ([], 1))


class CompilingTests(ExchangeTestCase):
    def test_a_job(self) -> None:
        """The compiler of the server runs, its object is the reply, and its folder is gone."""
        asked = self.ask()
        self.assertEqual(self.processes[0].command.argv[0], self.gcc)
        self.processes[0].finish()
        self.assertEqual(self.successResultOf(asked).object_file.read(), b"object")
        self.assert_no_file_left()

    def test_the_record(self) -> None:
        """One record tells who asked for what, how it ended, and how long each part took."""
        held = [self.ask(), self.ask()]
        asked = self.ask()
        self.clock.advance(2)
        self.processes[0].finish()
        self.clock.advance(3)
        self.processes[2].finish()
        self.successResultOf(asked)
        self.assertEqual(
            self.records[-1],
            JobRecord(
                peer=PEER, verdict="done", version=1, inputs="text", compiler=self.gcc,
                source="hello.c", status=0, received=len(SOURCE), sent=6, waited=2.0, ran=3.0, cpu=1.5,
                duration=5.0,
                prepared=0.0,
            ),
        )  # fmt: skip
        self.processes[1].finish()
        for job in held:
            self.successResultOf(job)
        self.assertEqual(len(self.records), 3)

    def test_a_compile_error_is_a_job_that_was_done(self) -> None:
        """That a source is wrong is no fault of the server's; the client gets status and messages."""
        asked = self.ask()
        self.processes[0].finish(FAILED)
        self.assertEqual(self.successResultOf(asked).exit_code, 1)
        self.assertEqual((self.records[0].verdict, self.records[0].status), ("done", 1))

    def test_never_more_compilers_than_seats(self) -> None:
        """Jobs beyond the seats wait, and run in the order in which they came."""
        asked = [self.ask("gcc", "-c", f"{number}.c") for number in range(5)]
        for finished in range(5):
            self.assertEqual(len(self.processes), min(5, finished + 2))
            self.processes[finished].finish()
        for job in asked:
            self.successResultOf(job)
        self.assertEqual([record.source for record in self.records], [f"{n}.c" for n in range(5)])


class RefusingTests(ExchangeTestCase):
    def assert_refusal(self, reply: Reply, exit_code: int, part: str) -> None:
        said = reply.stderr.read().decode(errors="surrogateescape")
        self.assertEqual(reply.exit_code, exit_code)
        self.assertTrue(said.startswith("the server refuses this job: "), said)
        self.assertIn(part, said)
        (record,) = self.records
        self.assertEqual(record.verdict, "refused")
        self.assertIn(part, record.reason or "")
        self.assertNotIn("\n", record.line())

    def test_an_unknown_compiler(self) -> None:
        """A program that is no compiler is refused by its name."""
        self.assert_refusal(
            self.refused("rm", "-c", "x.c"), EXIT_COMPILER_MISSING, "rm is not a compiler"
        )

    def test_a_compiler_that_is_missing(self) -> None:
        """A compiler that is not installed is said to be missing."""
        reply = self.refused("clang-99", "-c", "x.c")
        self.assert_refusal(reply, EXIT_COMPILER_MISSING, "this server has no clang-99")

    def test_a_command_that_must_stay_local(self) -> None:
        """What only the client can do is refused with the words that a client would use."""
        self.assert_refusal(self.refused("gcc", "-E", "x.c"), EXIT_BAD_ARGUMENTS, "-E")

    def test_words_that_start_other_programs(self) -> None:
        """Options by which gcc runs what a client names never reach it."""
        for word in (
            "-wrapper",
            "-B/tmp",
            "-fplugin=x.so",
            "-specs=x",
            "@/etc/passwd",
            "-no-such-option",
        ):
            self.records.clear()
            reply = self.refused("gcc", word, "sh,-c,id", "-c", "x.c")
            self.assert_refusal(reply, EXIT_BAD_ARGUMENTS, word.partition("=")[0])

    def test_a_nul_in_a_word(self) -> None:
        """A word that no command line can hold is refused before anything looks at it."""
        for words in (("gcc\0", "-c", "x.c"), ("gcc", "-c", "x\0.c")):
            self.records.clear()
            self.assert_refusal(self.refused(*words), EXIT_BAD_ARGUMENTS, "NUL")

    def test_words_that_are_not_text(self) -> None:
        """Names with bytes of no encoding are served like others."""
        asked = self.ask("gcc", "-c", b"\xff\xfe.c")
        self.processes[0].finish()
        self.assertEqual(self.successResultOf(asked).status, 0)
        self.assertTrue(self.records[0].line().isascii())

    def test_nothing_was_made_for_it(self) -> None:
        """A refused job takes neither seat nor folder."""
        self.refused("rm")
        self.assertEqual(self.exchange.admission.running, 0)
        self.assert_no_file_left()


class FaultTests(ExchangeTestCase):
    def assert_fault(self, asked: Deferred[Reply], kind: type[Exception], part: str) -> None:
        self.failureResultOf(asked, kind)
        (record,) = self.records
        self.assertEqual(record.verdict, "failed")
        self.assertIn(part, record.reason or "")
        self.assertEqual(self.exchange.admission.running, 0)
        self.assert_no_file_left()

    def test_a_full_disk(self) -> None:
        """A job that finds no room fails, and gives seat and folder back."""
        full = OSError(errno.ENOSPC, "No space left on device")
        with patch.object(Body, "save", side_effect=full):
            self.assert_fault(self.ask(), OSError, "No space left on device")

    def test_a_compiler_that_does_not_start(self) -> None:
        """So does one whose compiler cannot be started."""

        def spawn(command: Command) -> Process:
            raise CannotStartError("cannot start gcc: Exec format error")

        self.exchange = replace(self.exchange, run=Runner(spawn, self.clock))
        self.assert_fault(self.ask(), CannotStartError, "Exec format error")

    def test_a_compiler_that_nobody_watches_any_more(self) -> None:
        """What it may still write goes into no other job's folder."""
        lost = self.ask()
        folder = self.processes[0].command.directory or ""
        self.processes[0].lose()
        self.failureResultOf(lost, CannotStartError)
        self.assertFalse(os.path.exists(folder))
        again = self.ask()
        self.assertNotEqual(self.processes[1].command.directory, folder)
        self.processes[1].finish()
        self.successResultOf(again)


class CancellingTests(ExchangeTestCase):
    def test_a_job_that_runs(self) -> None:
        """Its compiler is killed at once, and its seat is the next one's."""
        first, _, third = self.ask(), self.ask(), self.ask()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertTrue(self.processes[0].killed)
        self.assertEqual((len(self.processes), self.records[0].verdict), (3, "cancelled"))
        for process in self.processes[1:]:
            process.finish()
        self.successResultOf(third)
        self.assert_no_file_left()

    def test_a_job_that_waits(self) -> None:
        """It is never started."""
        held, waiting = [self.ask(), self.ask()], self.ask()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        for process in self.processes:
            process.finish()
        for job in held:
            self.successResultOf(job)
        self.assertEqual(len(self.processes), 2)
        self.assertEqual([record.verdict for record in self.records], ["cancelled", "done", "done"])


class LifetimeTests(ExchangeTestCase):
    lifetime = 10

    def test_a_compiler_that_runs_too_long(self) -> None:
        """It is killed when its time is over, and the reason names the time."""
        asked = self.ask()
        self.clock.advance(9.9)
        self.assertNoResult(asked)
        self.clock.advance(0.1)
        error = self.failureResultOf(asked, LifetimeError).value
        self.assertEqual(error.exit_code, EXIT_TIMEOUT)
        self.assertIn("10 seconds", str(error))
        self.assertTrue(self.processes[0].killed)
        self.assertEqual(self.records[0].verdict, "failed")
        self.assert_no_file_left()

    def test_waiting_does_not_count(self) -> None:
        """Time in line is not the compiler's."""
        held, waiting = [self.ask(), self.ask()], self.ask()
        self.clock.advance(9)
        for process in self.processes[:2]:
            process.finish()
        self.clock.advance(9)
        self.assertNoResult(waiting)
        self.processes[2].finish()
        for job in (*held, waiting):
            self.successResultOf(job)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_client_that_goes_is_no_time_out(self) -> None:
        """A job that was cancelled in time is recorded as that."""
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(self.records[0].verdict, "cancelled")
        self.assertEqual(self.clock.getDelayedCalls(), [])
