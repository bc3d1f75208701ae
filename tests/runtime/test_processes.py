"""Programs that are really started: how they end, and that nothing of them is left."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from unittest.mock import patch

from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFDSet
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.live import COMPUTES, is_running, until
from twisted_distcc.launcher.command import WATCHED
from twisted_distcc.runtime.processes import (
    CannotStartError,
    Command,
    Ended,
    ReactorSpawner,
    Runner,
    run,
)

SPAWN = ReactorSpawner(IReactorFDSet(reactor))


def shell(script: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", script)


class ProcessTestCase(TestCase):
    timeout = 30

    def running(self, script: str) -> Deferred[Ended]:
        """Run a shell script, with its output in the file `self.output`."""
        self.output = self.mktemp()
        with open(self.output, "wb") as file:
            command = Command(shell(script), stdout=file.fileno(), stderr=file.fileno())
            return Deferred.fromCoroutine(run(SPAWN, command))

    def said(self) -> str:
        with open(self.output) as file:
            return file.read()


class EndTests(ProcessTestCase):
    async def test_status(self) -> None:
        """An end is told as the wait status, with the time that the processor took."""
        ended = await self.running("exit 3")
        self.assertEqual(os.waitstatus_to_exitcode(ended.status), 3)
        self.assertGreaterEqual(min(ended.user, ended.system), 0)

    async def test_killed(self) -> None:
        """A program that was killed is told with its signal."""
        ended = await self.running("kill -SEGV $$")
        self.assertEqual(os.waitstatus_to_exitcode(ended.status), -signal.SIGSEGV)

    async def test_time_of_the_children_counts(self) -> None:
        """What the driver's own children used is part of it."""
        ended = await self.running(f"{sys.executable} -c '{COMPUTES}'; true")
        self.assertGreater(ended.user + ended.system, 0.2)

    async def test_asking_late_and_twice(self) -> None:
        """Whoever asks after the end gets it too."""
        process = SPAWN(Command(shell("true")))
        first = await process.end()
        self.assertEqual(await process.end(), first)
        process.kill()

    async def test_one_who_stops_waiting_hurts_nobody(self) -> None:
        """Of two who wait, one may stop."""
        process = SPAWN(Command(shell("read x < /dev/null; exit 4")))
        one, other = process.end(), process.end()
        one.cancel()
        self.failureResultOf(one, CancelledError)
        self.assertEqual(os.waitstatus_to_exitcode((await other).status), 4)

    async def test_many_at_a_time(self) -> None:
        """Ends are not mixed up."""
        running = [(code, self.running(f"exit {code}")) for code in range(10)]
        for code, end in running:
            self.assertEqual(os.waitstatus_to_exitcode((await end).status), code)


class WatchTests(ProcessTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.looks = 0

    def watched(self, script: str, most: int) -> Deferred[Ended]:
        """Run a shell script that may be looked at so many times."""

        def look() -> None:
            self.looks += 1
            if self.looks > most:
                raise ResourceWarning

        runner = Runner(SPAWN, self.clock)
        return Deferred.fromCoroutine(runner(Command(shell(script), watch=look), 1000))

    async def test_what_the_watch_raises(self) -> None:
        """It ends the program, and is what its caller gets to know."""
        running = self.watched("exec sleep 1000", 2)
        self.clock.pump([WATCHED] * 2)
        self.assertNoResult(running)
        self.clock.advance(WATCHED)
        await self.assertFailure(running, ResourceWarning)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    async def test_an_end_of_its_own(self) -> None:
        """Nobody looks at a program that is over."""
        self.assertEqual((await self.watched("exit 3", 0)).status, 3 << 8)
        self.assertEqual((self.looks, self.clock.getDelayedCalls()), (0, []))

    async def test_one_that_is_cancelled(self) -> None:
        """Nor at one that nobody waits for any more."""
        running = self.watched("exec sleep 1000", 2)
        self.clock.advance(WATCHED)
        running.cancel()
        await self.assertFailure(running, CancelledError)
        self.assertEqual((self.looks, self.clock.getDelayedCalls()), (1, []))


class SurroundingsTests(ProcessTestCase):
    async def test_what_the_command_says(self) -> None:
        """Folder, environment, umask and streams are the command's; no descriptor of ours is."""
        folder, output = os.path.realpath(self.mktemp()), self.mktemp()
        os.mkdir(folder)
        secret = os.open(os.devnull, os.O_RDONLY)
        self.addCleanup(os.close, secret)
        script = 'pwd; echo "$A-$HOME"; umask; read x || echo empty; '
        script += f"test -e /proc/self/fd/{secret} || echo closed"
        with open(output, "wb") as file:
            command = Command(
                shell(script), environ={"A": "b"}, directory=folder, stdout=file.fileno(), umask=0o027
            )
            await run(SPAWN, command)
        with open(output) as file:
            self.assertEqual(file.read().split("\n")[:5], [folder, "b-", "0027", "empty", "closed"])

    async def test_signals_are_as_a_shell_has_them(self) -> None:
        """Python ignores SIGPIPE; a compiler's children must not."""
        await self.running("grep SigIgn /proc/self/status")
        ignored = int(self.said().split()[1], 16)
        self.assertEqual(ignored & 1 << signal.SIGPIPE - 1, 0)

    async def test_a_group_of_its_own(self) -> None:
        """A signal to our own group does not reach it, nor one to its group us."""
        await self.running("echo $$; cut -d ' ' -f 5 /proc/self/stat")
        pid, group = self.said().split()
        self.assertEqual(pid, group)


class KillingTests(ProcessTestCase):
    GRANDCHILD = "sleep 1000 & echo $!; "

    async def grandchild(self) -> int:
        return int(await until(lambda: self.said().strip(), "the script tells of its child"))

    async def test_cancelled(self) -> None:
        """Cancelling kills the program and what it started, and waits for its end."""
        running = self.running(self.GRANDCHILD + "wait")
        pid = await self.grandchild()
        running.cancel()
        with self.assertRaises(CancelledError):
            await running
        await until(lambda: not is_running(pid), "the grandchild is gone")

    async def test_what_a_program_leaves_behind(self) -> None:
        """A program that ends and leaves children in its group leaves none."""
        ended = await self.running(self.GRANDCHILD + "exit 0")
        self.assertEqual(ended.status, 0)
        pid = await self.grandchild()
        await until(lambda: not is_running(pid), "the grandchild is gone")

    async def test_one_that_ignores_signals(self) -> None:
        """A program that would not end on a gentler signal ends as well."""
        running = self.running("trap '' TERM INT HUP; echo $$; while :; do sleep 1000; done")
        pid = await self.grandchild()
        running.cancel()
        with self.assertRaises(CancelledError):
            await running
        self.assertFalse(is_running(pid))


class Threads:
    """A reactor whose one thread works when the test says so."""

    def __init__(self) -> None:
        self.work: Callable[[], None]

    def getThreadPool(self) -> Threads:
        return self

    def callInThreadWithCallback(
        self, tell: Callable[[bool, object], None], work: Callable[[], object]
    ) -> None:
        def run() -> None:
            try:
                result = work()
            except Exception:
                tell(False, Failure())
            else:
                tell(True, result)

        self.work = run

    def callFromThread(self, work: Callable[..., object], *arguments: object) -> None:
        work(*arguments)


class AsideTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.threads = Threads()

    def aside(self, work: Callable[[], str] = lambda: "done") -> Deferred[str]:
        return Deferred.fromCoroutine(Runner(SPAWN, self.threads).aside(work))

    def test_to_the_end(self) -> None:
        """What a thread returns is returned."""
        work = self.aside()
        self.threads.work()
        self.assertEqual(self.successResultOf(work), "done")

    def test_a_fault(self) -> None:
        """What a thread raises is raised, and nobody is told of it twice."""

        def fail() -> str:
            raise ValueError("no")

        work = self.aside(fail)
        self.threads.work()
        self.failureResultOf(work, ValueError)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_cancelled(self) -> None:
        """Cancelled, it is over when the thread is, so that its place goes to nobody else before."""
        work = self.aside()
        work.cancel()
        self.assertNoResult(work)
        self.threads.work()
        self.failureResultOf(work, CancelledError)


class StartTests(ProcessTestCase):
    def test_what_cannot_be_started(self) -> None:
        """The error names the program and the reason, and nobody needs to know of errno."""
        folder = self.mktemp()
        os.mkdir(folder)
        for argv, reason in (
            (("/no/such/compiler",), "/no/such/compiler.*No such file"),
            ((folder,), "Permission denied"),
            (("/bin/sh", "a\0b"), "null byte"),
        ):
            with self.assertRaisesRegex(CannotStartError, reason):
                SPAWN(Command(argv))

    def test_no_descriptor_to_watch_it_by(self) -> None:
        """A program that cannot be watched does not run on unwatched."""
        pids: list[int] = []

        def fail(pid: int) -> int:
            pids.append(pid)
            raise OSError(errno.EMFILE, "Too many open files")

        with patch("os.pidfd_open", fail), self.assertRaisesRegex(CannotStartError, "Too many"):
            SPAWN(Command(shell("sleep 1000")))
        self.assertFalse(is_running(pids[0]))
