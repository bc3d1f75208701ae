"""Programs that are not started."""

from __future__ import annotations

import signal

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.framework import CannotStartError, Command, Ended
from twisted_distcc.runtime.processes import run
from twisted_distcc.testing import FakeSpawner

COMMAND = Command(("gcc", "-c", "a.c"))


class FakeSpawnerTests(SynchronousTestCase):
    """`FakeSpawner` and its processes."""

    def test_finish(self) -> None:
        """A process lasts until it is finished, and everybody who waits learns how."""
        spawn = FakeSpawner()
        process = spawn(COMMAND)
        first, second = process.end(), process.end()
        self.assertNoResult(first)
        process.finish(256)
        for waiting in (first, second, process.end()):
            self.assertEqual(self.successResultOf(waiting), Ended(256, 0.0, 0.0))
        self.assertEqual([started.command for started in spawn.processes], [COMMAND])
        self.assertFalse(process.is_killed)

    def test_kill(self) -> None:
        """A process that is killed ends by SIGKILL; one that has ended already does not care."""
        spawn = FakeSpawner()
        killed, finished = spawn(COMMAND), spawn(COMMAND)
        finished.finish()
        for process in (killed, finished):
            process.kill()
        self.assertEqual(self.successResultOf(killed.end()).status, signal.SIGKILL)
        self.assertEqual(self.successResultOf(finished.end()).status, 0)
        self.assertEqual((killed.is_killed, finished.is_killed), (True, False))

    def test_cancelled_run(self) -> None:
        """`run` kills a process when it is cancelled, as it would a real one."""
        spawn = FakeSpawner()
        running = Deferred.fromCoroutine(run(spawn, COMMAND))
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertTrue(spawn.processes[0].is_killed)

    def test_program(self) -> None:
        """A function can stand in for the program; its result is the wait status."""
        seen: list[Command] = []

        def program(command: Command) -> int:
            seen.append(command)
            return 512

        process = FakeSpawner(program)(COMMAND)
        self.assertEqual(self.successResultOf(process.end()).status, 512)
        self.assertEqual(seen, [COMMAND])

    def test_cannot_start(self) -> None:
        """The function can say that the program cannot be started; there is no process then."""

        def program(_: Command) -> int:
            raise CannotStartError("cannot start gcc")

        spawn = FakeSpawner(program)
        self.assertRaises(CannotStartError, spawn, COMMAND)
        self.assertEqual(spawn.processes, [])
