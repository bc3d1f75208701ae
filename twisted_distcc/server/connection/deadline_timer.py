"""How long a client may still take, by the reactor's clock."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime


class DeadlineTimer:
    """Gives a client so long for all that it sends or takes, and less for each piece of it.

    Args:
        clock: the reactor.
        idle: seconds between two pieces.
        late: is called when the client has taken too long.
    """

    def __init__(self, clock: IReactorTime, idle: float, late: Callable[[], None]) -> None:
        self._clock = clock
        self._idle = idle
        self._late = late
        self._call: IDelayedCall | None = None
        self._by = 0.0

    def start(self, seconds: float) -> None:
        """Wait so many seconds for the whole, beginning now."""
        self._by = self._clock.seconds() + seconds
        self._set(min(seconds, self._idle))

    def linger(self, seconds: float) -> None:
        """Wait so many seconds, whatever comes."""
        self._set(seconds)

    def piece(self) -> None:
        """Take note of a piece: there is time for the next one, but no more for the whole."""
        if self._call is not None and self._call.active():
            left = self._by - self._clock.seconds()
            self._call.reset(max(0.0, min(left, self._idle)))

    def stop(self) -> None:
        """Wait for ever."""
        if self._call is not None and self._call.active():
            self._call.cancel()
        self._call = None

    def _set(self, seconds: float) -> None:
        self.stop()
        self._call = self._clock.callLater(seconds, self._late)
