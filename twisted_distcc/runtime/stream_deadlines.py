"""Hold the other end of a session to deadlines, stream by stream.

That an end answers pings does not mean that it takes what it has asked for, or sends what it has begun.
So each end looks, now and then, at how far its streams have come::

    deadlines = StreamDeadlines(clock, 60, [Transfers(output.moved, 600)], late)
    ...
    deadlines.stop()

`late` is told of each stream on which nothing has moved for 60 seconds, or that takes longer than 600 in
all, as with the one request and reply of a connection of protocols 1 to 3.  Jobs and frames cost nothing
here: the numbers are counted anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

IDLE: Final = 60.0
"""Seconds without progress, unless somebody says otherwise."""
WHOLE: Final = 600.0
"""Seconds for a whole message, likewise."""
CONNECTION: Final = 0
"""Stands for the connection among its streams, which have numbers from 1 on."""

# Looks in the time that a stream may be idle: one that is late is noticed a quarter of it later.
_LOOKS: Final = 4


@dataclass(frozen=True, slots=True)
class Transfers:
    """Streams that are waited for.

    Attributes:
        moved: returns those of this moment, each with a number that changes when something moves.
        whole: seconds that each may take in all.
    """

    moved: Callable[[], Mapping[int, int]]
    whole: float = inf


@dataclass(frozen=True, slots=True)
class _Seen:
    """A stream as it was seen: how far it had come, since when, and when it began."""

    moved: int
    since: float
    began: float


class Progress:
    """Tells which of some streams are late.

    Args:
        idle: seconds that one may go without moving.
        whole: seconds that one may take in all.
    """

    def __init__(self, idle: float, whole: float) -> None:
        self._idle = idle
        self._whole = whole
        self._seen: dict[int, _Seen] = {}

    def late(self, now: float, moved: Mapping[int, int]) -> list[int]:
        """Return the streams that are late; those that are not named any more are forgotten."""
        before, self._seen = self._seen, {}
        for stream, number in moved.items():
            seen = before.get(stream) or _Seen(number, now, now)
            since = seen.since if seen.moved == number else now
            self._seen[stream] = _Seen(number, since, seen.began)
        return [stream for stream, seen in self._seen.items() if self._is_late(now, seen)]

    def _is_late(self, now: float, seen: _Seen) -> bool:
        return now - seen.since >= self._idle or now - seen.began >= self._whole


class StreamDeadlines:
    """Watches the streams of one session.

    Args:
        clock: tells the time.
        idle: seconds that a stream may go without moving.
        transfers: the streams.
        late: is called with each that is late, at each look until it is not named any more.
    """

    def __init__(
        self,
        clock: IReactorTime,
        idle: float,
        transfers: Iterable[Transfers],
        late: Callable[[int], None],
    ) -> None:
        self._clock = clock
        self._late = late
        self._watched = [(each.moved, Progress(idle, each.whole)) for each in transfers]
        self._looking = LoopingCall(self._look)
        self._looking.clock = clock
        self._looking.start(idle / _LOOKS, now=False)

    def stop(self) -> None:
        """Watch no more."""
        if self._looking.running:
            self._looking.stop()

    def _look(self) -> None:
        for moved, progress in self._watched:
            for stream in progress.late(self._clock.seconds(), moved()):
                self._late(stream)
