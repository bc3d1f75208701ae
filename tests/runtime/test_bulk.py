"""Bodies through LZO1X: the small here, the larger in a thread, what could burst in a process."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFDSet, IReactorThreads
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.content.test_lzo import burst
from tests.live import until
from twisted_distcc.content.body import IN_MEMORY, Body, Spool
from twisted_distcc.content.filter import NO_ROOM
from twisted_distcc.content.lzo import expand
from twisted_distcc.errors import BodyTooLargeError
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.processes import Command, Ended, ReactorSpawner
from twisted_distcc.runtime.threads import ReactorThreads

MIB = 1024 * 1024
NOISE = random.Random(7).randbytes(5 * MIB)


class Threads:
    """Keeps what is to run in a thread, until the test lets it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Callable[[], Body], Deferred[Body]]] = []

    def __call__(self, work: Callable[[], Body]) -> Deferred[Body]:
        done: Deferred[Body] = Deferred()
        self.waiting.append((work, done))
        return done

    def run(self) -> None:
        work, done = self.waiting.pop(0)
        done.callback(work())


class Process:
    """A process that runs until the test ends it."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.stdout = os.dup(command.stdout)
        self.killed = False
        self._ends: list[Deferred[Ended]] = []

    def end(self) -> Deferred[Ended]:
        self._ends.append(Deferred())
        return self._ends[-1]

    def kill(self) -> None:
        self.killed = True

    def finish(self, status: int, output: bytes = b"") -> None:
        os.write(self.stdout, output)
        os.close(self.stdout)
        for end in self._ends:
            if not end.called:
                end.callback(Ended(status, 0.0, 0.0))


class Spawner:
    def __init__(self) -> None:
        self.processes: list[Process] = []

    def __call__(self, command: Command) -> Process:
        self.processes.append(Process(command))
        return self.processes[-1]


class BulkTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)
        self.threads, self.spawn = Threads(), Spawner()
        self.bulk = Bulk(self.spawn, self.threads, self.directory)

    def files(self) -> int:
        return len(os.listdir(self.directory))

    def spooled(self, data: bytes) -> Body:
        spool = Spool(self.directory)
        spool.write(data)
        return spool.finish()

    def expanding(self, body: Body, ceiling: int = 1 << 30) -> Deferred[Body]:
        return Deferred.fromCoroutine(self.bulk.expand(body, ceiling))

    def compressing(self, body: Body) -> Deferred[Body]:
        return Deferred.fromCoroutine(self.bulk.compress(body))


class WhereTests(BulkTestCase):
    def test_small_bodies_are_done_at_once(self) -> None:
        """No thread and no process for what is a matter of microseconds."""
        small = self.successResultOf(self.compressing(Body.of(b"int x;\n" * 1000)))
        self.assertEqual(self.successResultOf(self.expanding(small)).read(), b"int x;\n" * 1000)
        self.assertEqual((self.threads.waiting, self.spawn.processes), ([], []))

    def test_larger_ones_have_a_thread(self) -> None:
        """What would hold other jobs up is done in a thread, in both directions."""
        compressing = self.compressing(self.spooled(NOISE[: IN_MEMORY * 2]))
        self.assertNoResult(compressing)
        self.threads.run()
        body = self.successResultOf(compressing)
        expanding = self.expanding(body)
        self.assertNoResult(expanding)
        self.threads.run()
        self.assertEqual(self.successResultOf(expanding).read(), NOISE[: IN_MEMORY * 2])
        self.assertEqual(self.spawn.processes, [])

    def test_very_large_ones_have_a_process(self) -> None:
        """Above four megabytes the filter reads and writes files, and memory is its own."""
        for direction, start in (("compress", self.compressing), ("expand", self.expanding)):
            body = self.spooled(NOISE)
            working = start(body)
            process = self.spawn.processes[-1]
            self.assertIn(direction, process.command.argv)
            process.finish(0, b"result")
            self.assertEqual(self.successResultOf(working).read(), b"result")
            body.discard()
        self.assertEqual((self.threads.waiting, self.files()), ([], 0))

    def test_what_could_burst_is_not_expanded_here(self) -> None:
        """A body of moderate length that may become hundreds of megabytes goes to a process."""
        working = self.expanding(self.spooled(burst(300_000)))
        (process,) = self.spawn.processes
        self.assertEqual(self.threads.waiting, [])
        process.finish(1)
        self.failureResultOf(working, BodyTooLargeError)

    def test_the_ceiling_goes_with_it(self) -> None:
        """The process is told how much the body may become."""
        working = self.expanding(self.spooled(NOISE), 12345)
        self.assertEqual(self.spawn.processes[0].command.argv[-1], "12345")
        self.spawn.processes[0].finish(0)
        self.successResultOf(working)

    def test_a_large_body_that_is_in_memory_already(self) -> None:
        """A body that somebody made in memory is compressed from there, not from a file."""
        working = self.compressing(Body.of(NOISE))
        self.threads.run()
        self.assertEqual(expand(self.successResultOf(working).read(), 6 * MIB), NOISE)

    def test_few_processes_at_a_time(self) -> None:
        """However many large bodies come, two filters run; the next begins when one ends."""
        working = [self.expanding(self.spooled(NOISE)) for _ in range(4)]
        self.assertEqual(len(self.spawn.processes), 2)
        working[2].cancel()
        self.failureResultOf(working[2], CancelledError)
        self.spawn.processes[0].finish(0)
        self.assertEqual(len(self.spawn.processes), 3)
        for process in self.spawn.processes[1:]:
            process.finish(0)
        for index in (0, 1, 3):
            self.successResultOf(working[index]).discard()


class FailureTests(BulkTestCase):
    def test_a_filter_that_fails(self) -> None:
        """The body is at fault, and what the filter wrote is removed."""
        body = self.spooled(NOISE)
        working = self.expanding(body, 99)
        self.spawn.processes[0].finish(65 << 8, b"half")
        error = self.failureResultOf(working, BodyTooLargeError).value
        self.assertIn("at most 99", str(error))
        self.assertEqual(self.files(), 1)

    def test_a_filter_that_was_killed(self) -> None:
        """Out of memory is as good as too large."""
        working = self.expanding(self.spooled(NOISE))
        self.spawn.processes[0].finish(9)
        self.failureResultOf(working, BodyTooLargeError)

    def test_a_filter_without_room(self) -> None:
        """A full disk is the disk's fault, and is told as one."""
        working = self.expanding(self.spooled(NOISE))
        self.spawn.processes[0].finish(NO_ROOM << 8, b"half")
        error = self.failureResultOf(working, OSError).value
        self.assertIn("no room", error.strerror)
        self.assertEqual(self.files(), 1)

    def test_a_cancelled_filter_is_killed(self) -> None:
        """Cancelling kills the process, waits for its end, and removes what it wrote."""
        working = self.expanding(self.spooled(NOISE))
        (process,) = self.spawn.processes
        working.cancel()
        self.assertTrue(process.killed)
        self.assertNoResult(working)
        process.finish(9)
        self.failureResultOf(working, CancelledError)
        self.assertEqual(self.files(), 1)


class RealTests(TestCase):
    """With the reactor's own threads and processes."""

    timeout = 30

    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)
        threads = ReactorThreads(IReactorThreads(reactor))
        self.bulk = Bulk(ReactorSpawner(IReactorFDSet(reactor)), threads, self.directory)

    async def test_there_and_back(self) -> None:
        """In a thread and in a process, what is compressed expands to itself."""
        for data in (NOISE[:MIB], NOISE):
            packed = await self.bulk.compress(Body.of(data))
            unpacked = await self.bulk.expand(packed, len(data))
            self.assertEqual(unpacked.read(), data)
            packed.discard()
            unpacked.discard()
        self.assertEqual(os.listdir(self.directory), [])

    async def test_a_burst(self) -> None:
        """A body made to burst is refused, and nothing of it is left."""
        spool = Spool(self.directory)
        spool.write(burst(5 * MIB))
        body = spool.finish()
        with self.assertRaises(BodyTooLargeError):
            await self.bulk.expand(body, 1 << 20)
        self.assertEqual(len(os.listdir(self.directory)), 1)

    async def test_a_cancelled_expansion(self) -> None:
        """A thread that expands for nobody keeps its turn to its end: going away gains nobody more."""
        released = threading.Event()
        self.addCleanup(released.set)

        def work() -> Body:
            released.wait()
            return Body.of(b"late")

        going = [Deferred.fromCoroutine(self.bulk.expansion(work)) for _ in range(2)]
        for expansion in going:
            expansion.cancel()
            with self.assertRaises(CancelledError):
                await expansion
        staying = Deferred.fromCoroutine(self.bulk.expansion(lambda: Body.of(b"next")))
        self.assertEqual(self.bulk.turns.expansions.free, 0)
        self.assertNoResult(staying)
        released.set()
        self.assertEqual((await staying).data, b"next")
        await until(lambda: self.bulk.turns.expansions.free == 2, "the last thread gives its turn")

    async def test_a_cancelled_thread(self) -> None:
        """A thread cannot be stopped; what it makes after all is given up."""
        released, written = threading.Event(), threading.Event()
        path = os.path.join(self.directory, "late")

        def work() -> Body:
            released.wait()
            with open(path, "wb"):
                written.set()
            return Body(1, path=path)

        wanted = Deferred.fromCoroutine(self.bulk.work(work))
        wanted.cancel()
        with self.assertRaises(CancelledError):
            await wanted
        released.set()
        await until(written.is_set, "the thread has written its file")
        await until(lambda: not os.path.exists(path), "the file is given up")
