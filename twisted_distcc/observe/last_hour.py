"""The last hour of a server: what it did in each of its quarters of a minute.

A clock calls `look` once a second, which adds a few numbers; the rest is computed when somebody asks.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

STEP: Final = 15
"""Seconds of one point."""
_POINTS: Final = 3600 // STEP


@dataclass(frozen=True, slots=True)
class Point:
    """What was in one step.

    Attributes:
        finished: how many compiles came to their end.
        failed: how many jobs were refused, or failed.
        running: how many jobs ran, on average.
        waiting: how many waited, on average.
        received, sent: bytes.
    """

    finished: int = 0
    failed: int = 0
    running: float = 0.0
    waiting: float = 0.0
    received: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Counters from which points are made: what was finished, failed, received and sent so far."""

    finished: int = 0
    failed: int = 0
    received: int = 0
    sent: int = 0


class LastHour:
    """Points of the last hour."""

    def __init__(self) -> None:
        self.points: deque[Point] = deque(maxlen=_POINTS)
        self._looks = 0
        self._running = 0
        self._waiting = 0
        self.counted = Totals()
        """What the points so far have counted."""

    def look(self, running: int, waiting: int, totals: Totals) -> None:
        """Take what is so now; to be called once a second."""
        self._looks += 1
        self._running += running
        self._waiting += waiting
        if self._looks == STEP:
            self._close(totals)

    def _close(self, totals: Totals) -> None:
        before, self.counted = self.counted, totals
        self.points.append(
            Point(
                totals.finished - before.finished,
                totals.failed - before.failed,
                self._running / STEP,
                self._waiting / STEP,
                totals.received - before.received,
                totals.sent - before.sent,
            )
        )
        self._looks = self._running = self._waiting = 0

    def latest(self, seconds: int) -> list[Point]:
        """Return the points of the last `seconds`, as far as there are such."""
        return list(islice(reversed(self.points), seconds // STEP))
