"""Begin what arrives in one turn of the reactor together, at the end of it.

While an agent is busy, commands wait for it; it then reads all of them in one turn.  `Batches.add` takes
what begins each, and all that were added in a turn begin within one `together()`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from twisted.internet.interfaces import IReactorTime


class Batches:
    """Begins what is added, a batch at a time.

    Args:
        clock: begins the turns.
        together: what holds while those of one batch begin.
    """

    def __init__(
        self, clock: IReactorTime, together: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._clock = clock
        self._together = together
        self._waiting: list[Callable[[], None]] = []

    def add(self, begin: Callable[[], None]) -> None:
        """Call `begin` once all is read that is there now."""
        self._waiting.append(begin)
        if len(self._waiting) == 1:
            self._clock.callLater(0, self._begin)

    def _begin(self) -> None:
        waiting, self._waiting = self._waiting, []
        with self._together():
            for begin in waiting:
                begin()
