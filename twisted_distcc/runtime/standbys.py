"""Programs that are kept running for commands to come: not many, and not for long without one.

Each holds what it has prepared, such as mounts of the host.  One that was started for a machine that has
changed meanwhile is another one than today's (`Standby.stamp`), so nobody asks for it any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred

from twisted_distcc.launcher.command import Standby

MOST: Final = 32
"""The most that are kept, if they have nothing to do."""
IDLE: Final = 60
"""Seconds after which one that nobody has asked for may end."""


class Running(Protocol):
    """A program that runs as a standby."""

    @property
    def is_busy(self) -> bool:
        """Whether a command that it has started is still running."""
        ...

    @property
    def has_died(self) -> bool:
        """Whether it is gone, and another one may do better."""
        ...

    def close(self) -> Deferred[None]:
        """End it; the Deferred fires when it is gone."""
        ...


T = TypeVar("T", bound=Running)


class Standbys(Generic[T]):
    """The programs that are kept.

    Args:
        reactor: provides `IReactorTime`.
        start: starts one.
    """

    def __init__(self, reactor: Any, start: Callable[[Standby], T]) -> None:
        self._reactor = reactor
        self._start = start
        self._running: dict[Standby, T] = {}  # the one that was asked for last is the last
        self._asked: set[Standby] = set()  # since we looked
        self._look: Any = None

    def get(self, standby: Standby) -> T:
        """Return what runs as `standby`, started now if need be.

        Raises:
            OSError: if it cannot be started.
        """
        running = self._running.pop(standby, None)
        if running is None or running.has_died:
            running = self._start(standby)
            self._end(list(self._running)[: max(0, len(self._running) + 1 - MOST)])
        self._running[standby] = running
        self._asked.add(standby)
        if self._look is None:
            self._look = self._reactor.callLater(IDLE, self._end_idle)
        return running

    def _end_idle(self) -> None:
        self._end([standby for standby in self._running if standby not in self._asked])
        self._asked.clear()
        self._look = self._reactor.callLater(IDLE, self._end_idle) if self._running else None

    def _end(self, standbys: list[Standby]) -> None:
        for standby in standbys:
            if not self._running[standby].is_busy:
                self._running.pop(standby).close()

    def close(self) -> list[Deferred[None]]:
        """End them all; the Deferreds fire when they are gone."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        running, self._running = self._running, {}
        return [one.close() for one in running.values()]
