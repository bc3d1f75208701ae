"""Run programs, each in a process group of its own, with its output in files.

A `Spawner` starts a `Command`; `run` and `Runner` wait for its end, and return how it ended and what
processor time it used.

Twisted's `spawnProcess` would fork this process to set a working directory; `launcher.starting` need
not, and a pidfd in the reactor reports the end.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.launcher.command import (
    WATCHED,
    CannotStartError,
    Command,
    Ended,
    Watch,
    start_command,
)
from twisted_distcc.launcher.starting import kill, reap
from twisted_distcc.runtime.threads import ReactorThreads

__all__ = [
    "CannotStartError",
    "Child",
    "Command",
    "Ended",
    "ReactorSpawner",
    "Runner",
    "RunningProcess",
    "Spawner",
    "run",
]


T = TypeVar("T")


class Spawner(Protocol):
    """Starts commands.  This is the seam to the operating system, which tests replace."""

    def __call__(self, command: Command) -> RunningProcess:
        """Start `command`, or raise `CannotStartError`."""
        ...


class RunningProcess(Protocol):
    """A program that was started."""

    def end(self) -> Deferred[Ended]:
        """Return a Deferred of how it ended, which fires once its whole process group is gone."""
        ...

    def kill(self) -> None:
        """Kill its whole process group at once; no effect if it has ended."""
        ...


async def run(spawn: Spawner, command: Command) -> Ended:
    """Run `command` to its end; cancelling kills its process group, and waits until it is gone.

    Raises:
        CannotStartError: if it could not be started.
    """
    process = spawn(command)
    try:
        return await process.end()
    except CancelledError:
        process.kill()
        await _gone(process)
        raise


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs commands with `spawn`, using the clock and the threads of `reactor`."""

    cancelled: ClassVar[type[Exception]] = CancelledError

    spawn: Spawner
    reactor: Any

    async def __call__(self, command: Command, seconds: float | None) -> Ended:
        """Run `command` to its end; kill it after `seconds`, or when cancelled.

        Raises:
            CannotStartError: if it could not be started.
            TimeoutError: if it ran too long.
        """
        running = Deferred.fromCoroutine(run(self.spawn, command))
        if seconds is not None:
            running.addTimeout(seconds, self.reactor)
        try:
            with self._watched(command.watch, running):
                return await running
        except DeferredTimeoutError:
            raise TimeoutError from None

    @contextmanager
    def _watched(self, watch: Watch | None, running: Deferred[Ended]) -> Iterator[None]:
        """Call `watch` periodically; an exception from it ends `running`, and is raised in its place."""
        if watch is None:
            yield
            return
        raised: list[Failure] = []
        looking = LoopingCall(watch)
        looking.clock = self.reactor
        looking.start(WATCHED, now=False).addErrback(raised.append).addCallback(
            lambda _: running.cancel() if raised else None
        )
        try:
            yield
        except CancelledError:
            if raised:
                raised[0].raiseException()
            raise
        finally:
            if looking.running:
                looking.stop()

    async def aside(self, work: Callable[[], T]) -> T:
        """Run `work` in a reactor thread; if cancelled, still wait for it to end.

        A place that is held for the work is thus not returned sooner, so clients that hang up keep no
        more threads busy than those that wait.
        """
        return await _finished(ReactorThreads(self.reactor)(work))


async def _finished(thread: Deferred[T]) -> T:
    """Return the result of `thread`; if cancelled, however often, raise only when it has ended."""
    results: list[T | Failure] = []
    waiting: Deferred[None] = Deferred()
    is_cancelled = False

    def keep(result: T | Failure) -> None:
        results.append(result)
        waiting.callback(None)

    thread.addBoth(keep)
    while not results:
        try:
            await waiting
        except CancelledError:
            is_cancelled = True
            waiting = Deferred()
    if is_cancelled:
        raise CancelledError
    [result] = results
    if isinstance(result, Failure):
        result.raiseException()
    return result


async def _gone(process: RunningProcess) -> None:
    """Wait until a killed `process` has ended, however often this is cancelled."""
    while True:
        try:
            await process.end()
        except CancelledError:
            continue
        except CannotStartError:
            pass
        return


@implementer(IReadDescriptor)
class Child:
    """A running child of this process, watched by a reactor through its pidfd.

    Raises:
        OSError: if there is no free descriptor to watch it with.
    """

    def __init__(self, reactor: IReactorFDSet, pid: int) -> None:
        self._reactor = reactor
        self._pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._ended: Ended | None = None
        self._waiting: list[Deferred[Ended]] = []
        reactor.addReader(self)

    def end(self) -> Deferred[Ended]:
        waiting: Deferred[Ended] = Deferred(self._forget)
        if self._ended is not None:
            waiting.callback(self._ended)
        else:
            self._waiting.append(waiting)
        return waiting

    def kill(self) -> None:
        if self._ended is None:
            kill(self._pid)

    def fileno(self) -> int:
        return self._pidfd

    def logPrefix(self) -> str:
        return "process"

    def connectionLost(self, reason: Failure) -> None:
        """Kill the program: the reactor itself is shutting down."""
        self.kill()

    def doRead(self) -> None:
        """Reap the program; while it is a zombie, its group's ID is not reused.

        A reactor can mistake an event of a descriptor that was closed a moment ago for one of ours.
        """
        if os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return
        self._reactor.removeReader(self)
        self.kill()
        self._ended = Ended(*reap(self._pid))
        os.close(self._pidfd)
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(self._ended)

    def _forget(self, waiting: Deferred[Ended]) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)


@dataclass(frozen=True, slots=True)
class ReactorSpawner:
    """Starts commands as children of this process, watched by `reactor`."""

    reactor: IReactorFDSet

    def __call__(self, command: Command) -> RunningProcess:
        """Start `command`, or raise `CannotStartError`."""
        pid = start_command(command)
        try:
            return Child(self.reactor, pid)
        except OSError as error:
            kill(pid)
            reap(pid)
            raise CannotStartError(f"cannot watch {command.argv[0]}: {error}") from error
