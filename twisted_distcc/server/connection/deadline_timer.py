"""A client's deadlines, by the reactor's clock."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class DeadlineTimer:
    """Limits the time for everything that a client sends or takes, and the time between two pieces of
    it.

    Args:
        clock: the reactor.
        idle: seconds between two pieces.
        late: called when the client has taken too long.
    """

    def __init__(self, clock: IReactorTime, idle: float, late: Callable[[], None]) -> None:
        self._clock = clock
        self._idle = idle
        self._late = late
        self._call: IDelayedCall | None = None
        self._by = 0.0

    def start(self, seconds: float) -> None:
        """Start now, allowing `seconds` for the whole."""
        self._by = self._clock.seconds() + seconds
        self._set(min(seconds, self._idle))

    def linger(self, seconds: float) -> None:
        """Allow `seconds` more, whatever arrives."""
        self._set(seconds)

    def piece(self) -> None:
        """Note that a piece has arrived: this gives time for the next one, but no more for the whole."""
        if self._call is not None and self._call.active():
            left = self._by - self._clock.seconds()
            self._call.reset(max(0.0, min(left, self._idle)))

    def stop(self) -> None:
        """Set no deadline any more."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _set(self, seconds: float) -> None:
        self.stop()
        self._call = self._clock.callLater(seconds, self._late)
