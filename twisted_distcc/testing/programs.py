"""Fake programs: a `Spawner` whose commands do what a test says.

Its processes end when the test ends them, or are replaced by a function.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

from twisted.internet.defer import Deferred

from twisted_distcc.runtime.processes import Command, Ended


class FakeProcess:
    """A program that was not started.

    Attributes:
        command: the command that would have been started.
        is_killed: whether it was killed, rather than left to end.
    """

    def __init__(self, command: Command) -> None:
        self.command = command
        self.is_killed: bool = False
        self._ended: Ended | None = None
        self._waiting: list[Deferred[Ended]] = []

    def end(self) -> Deferred[Ended]:
        """Return a Deferred of how it ended, which fires when it has; it took no processor time."""
        waiting: Deferred[Ended] = Deferred(self._waiting.remove)
        if self._ended is None:
            self._waiting.append(waiting)
        else:
            waiting.callback(self._ended)
        return waiting

    def kill(self) -> None:
        """End it with SIGKILL; no effect if it has ended."""
        if self._ended is None:
            self.is_killed = True
            self.finish(signal.SIGKILL)

    def finish(self, status: int = 0) -> None:
        """End it with the wait status `status`: an exit code times 256, or the number of a signal."""
        self._ended = Ended(status, 0.0, 0.0)
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(self._ended)


class FakeSpawner:
    """A `Spawner` that starts nothing.

    Args:
        program: stands in for every program: it is called with the command, whose descriptors are open
            then, and gives the wait status with which the process has ended at once.  It may raise
            `CannotStartError`.  Without one, each process lasts until it is finished or killed.

    Attributes:
        processes: all processes, the oldest first.
    """

    def __init__(self, program: Callable[[Command], int] | None = None) -> None:
        self.processes: list[FakeProcess] = []
        self._program = program

    def __call__(self, command: Command) -> FakeProcess:
        """Pretend to start `command`."""
        status = None if self._program is None else self._program(command)
        process = FakeProcess(command)
        self.processes.append(process)
        if status is not None:
            process.finish(status)
        return process
