"""More processes for an agent that is busy.

One process carries out some hundreds of compiles a second, which is less than many processors and a
large farm can do.  An agent that has little time left starts a helper (`agent.helper`), and another one
if that is not enough.  All of them accept connections from the same socket, so whoever is free takes
the next command, and tdistcc need not know of them.  Slots and notes about failed hosts are files that
all processes of a user share.  What was read of files, and the sessions with servers, each process has
for itself, so a helper that has little to do ends.

If a helper dies, tdistcc asks again, and another process answers.  If the agent ends, so do its helpers,
as soon as their commands have ended.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from twisted_distcc.agent.spawning import LISTENER
from twisted_distcc.client.invocation import Invocation, Outcome, Report
from twisted_distcc.client.recorded_dispatch import Runs
from twisted_distcc.python import python_argv

OUTDATED: Final = 3
"""The exit code of a helper that was called by a tdistcc of another installation."""

# Seconds over which the use of the processor is measured.
_LOOK: Final = 1.0
# The share of a processor from which on an agent needs help.
_BUSY: Final = 0.8
# So many processes feed some 2,000 slots whose compiles take a second.
_MOST: Final = 4

Ended = Callable[[int], None]
"""Called with the exit code of a helper; -1 if a signal has ended it."""


def most_processes() -> int:
    """Return how many processes an agent may be.

    They leave half of the processors to others, but for the second process: an agent is only ever as
    busy as it takes to have one where nothing else wants the processors.
    """
    cores = len(os.sched_getaffinity(0))
    return max(min(cores, 2), min(_MOST, cores // 2))


class Helper(Protocol):
    """A helper that runs."""

    def let_go(self) -> None:
        """Have it end when its commands have ended."""
        ...


class Helpers:
    """The helpers of one agent.

    Args:
        clock: tells the time.
        start: starts a helper.
        most: how many processes there may be, with the agent's own.
        outdated: called when a helper has found that the installation is another one.
        cpu: returns the seconds of processor time that this process has used.
    """

    def __init__(
        self,
        clock: IReactorTime,
        start: Callable[[Ended], Helper],
        most: int,
        outdated: Callable[[], None],
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self._clock = clock
        self._start = start
        self._most = most
        self._outdated = outdated
        self._cpu = cpu
        self._running: set[Helper] = set()
        self._at = clock.seconds()
        self._used = cpu()

    def look(self) -> None:
        """Start a helper if this process has been busy of late; to be called for each command."""
        now = self._clock.seconds()
        passed = now - self._at
        if passed < _LOOK:
            return
        used = self._cpu()
        share = (used - self._used) / passed
        self._at, self._used = now, used
        if share >= _BUSY and len(self._running) + 1 < self._most:
            self._start_one()

    def let_go(self) -> None:
        """Have all of them end when their commands have ended."""
        self._most = 0
        for helper in tuple(self._running):
            helper.let_go()

    def _start_one(self) -> None:
        def ended(status: int) -> None:
            self._running.discard(helper)
            if status == OUTDATED:
                self._outdated()

        helper = self._start(ended)
        self._running.add(helper)


@dataclass(frozen=True, slots=True)
class Helped:
    """Carries out invocations as `dispatcher` does, and looks after `helpers` with each."""

    dispatcher: Runs
    helpers: Helpers

    async def run(self, invocation: Invocation, report: Report) -> Outcome:
        """Carry out `invocation`."""
        self.helpers.look()
        return await self.dispatcher.run(invocation, report)

    def snapshot(self) -> AbstractContextManager[None]:
        """Look at no file twice inside the `with` block, where invocations begin that are all there."""
        return self.dispatcher.snapshot()


class HelperProcess(ProcessProtocol):
    """A helper as a process: it reads the context from its standard input, and ends with that.

    Args:
        context: the context of the agent.
        ended: called when it has ended.
    """

    def __init__(self, context: bytes, ended: Ended) -> None:
        self._context = context
        self._ended = ended

    @classmethod
    def start(cls, reactor: Any, listener: int, context: bytes, ended: Ended) -> HelperProcess:
        """Start a helper that accepts connections from the socket `listener`, and logs where we do."""
        helper = cls(context, ended)
        argv = python_argv("twisted_distcc.agent.helper")
        descriptors = {0: "w", 1: 2, 2: 2, LISTENER: listener}
        reactor.spawnProcess(helper, argv[0], argv, env={}, path="/", childFDs=descriptors)
        return helper

    def connectionMade(self) -> None:
        """Tell it the context, which it cannot see: by now we have raised a limit that is part of it."""
        assert self.transport is not None
        self.transport.write(len(self._context).to_bytes(4, "big") + self._context)

    def let_go(self) -> None:
        """Have it end when its commands have ended."""
        assert self.transport is not None
        self.transport.closeStdin()

    def processEnded(self, reason: Failure) -> None:
        """Say that it has ended."""
        assert isinstance(reason.value, (ProcessDone, ProcessTerminated))
        status = reason.value.exitCode
        self._ended(-1 if status is None else status)
