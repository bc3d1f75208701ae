"""Long work of the reactor's own thread, done in slices, between which everybody else is served.

    slices = Slices(reactor)
    await slices.do(steps(), "ada")

`steps` is an iterator that does a little each time, and says how much that was.  Work that fits into one
slice is done at once.  The rest of longer work is done a slice at a time, one in each round of the
reactor for all clients together, and clients take turns.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_distcc.runtime.fair_turns import FairTurns

SLICE: Final = 500
"""What is done at once: as much as so many entries of a tree, each of which takes some microseconds."""


class Slices:
    """The long work of one process.

    Args:
        clock: calls when the reactor has done everything else that is due.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._turns = FairTurns(1)

    async def do(self, steps: Iterable[int], who: str) -> None:
        """Take all `steps`, each of which says what it cost, on behalf of `who`."""
        left = SLICE
        for cost in steps:
            left -= cost
            if left <= 0:
                await self._turn(who)
                left = SLICE

    async def _turn(self, who: str) -> None:
        await self._turns.acquire(who)
        try:
            await deferLater(self._clock, 0)
        finally:
            self._turns.release(who)
