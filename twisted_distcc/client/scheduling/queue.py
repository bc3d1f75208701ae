"""The queue of jobs that wait for a slot, first come, first served.

`SlotQueue.acquire` takes the hosts that a job may go to, and returns a `Grant`, or `NobodyLeft`.
`client.scheduling.choice` decides which host is preferred.

Waiting jobs are reconsidered when a slot of ours is released, and also periodically, as other processes
share the slots without telling us.  A job overtakes another one only for a host that the other may not
use, so no slot is idle while a job is waiting that could use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from twisted_distcc.client.scheduling.choice import AllBusy, Grant, NobodyLeft, choose
from twisted_distcc.errors import DistccError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from twisted.internet.interfaces import IDelayedCall, IReactorTime

    from twisted_distcc.client.hosts import Host
    from twisted_distcc.client.scheduling.backoff import Backoff
    from twisted_distcc.client.scheduling.loads import Loads
    from twisted_distcc.client.scheduling.slots import SlotDirectory


_Answer = Grant | NobodyLeft


@dataclass(frozen=True, slots=True)
class _Wish:
    """The hosts that a job may go to, in order of preference, and as a set."""

    hosts: tuple[Host, ...]
    exclude: frozenset[Host]
    candidates: frozenset[Host]  # kept, as each look at the queue compares those of all who wait


class SlotQueue:
    """The queue of one process for the slots that all processes share.

    `pause` is the number of seconds between two looks at the waiting jobs.  Nothing is scheduled on the
    clock while no job waits.
    """

    def __init__(
        self,
        clock: IReactorTime,
        slots: SlotDirectory,
        backoff: Backoff,
        loads: Loads,
        pause: float = 0.1,
    ) -> None:
        self._clock = clock
        self._slots = slots
        self._backoff = backoff
        self._loads = loads
        self._pause = pause
        self._waiting: dict[Deferred[_Answer], _Wish] = {}
        self._next_look: IDelayedCall | None = None
        slots.watch(self._slot_released)

    async def acquire(
        self, hosts: Iterable[Host], exclude: AbstractSet[Host] = frozenset()
    ) -> Grant | NobodyLeft:
        """Wait for a slot of one of the hosts; raises `LockDirectoryError`.

        The caller releases the slot of the grant.  Cancelling leaves the queue, and takes no slot.
        """
        hosts = tuple(hosts)
        if not self._waiting:
            choice = choose(hosts, exclude, self._slots, self._backoff, self._loads.line)
            if not isinstance(choice, AllBusy):
                return choice
        waiter: Deferred[_Answer] = Deferred(self._leave)
        self._waiting[waiter] = _wish(hosts, frozenset(exclude))
        self._serve()
        return await waiter

    def _slot_released(self) -> None:
        # In a turn of its own: one look serves all slots that are released in this one, and no job
        # starts in the middle of another one's clean-up.
        if self._waiting:
            self._look_in(0)

    def _look_in(self, seconds: float) -> None:
        self._look_no_more()
        self._next_look = self._clock.callLater(seconds, self._serve)

    def _look_no_more(self) -> None:
        if self._next_look is not None and self._next_look.active():
            self._next_look.cancel()
        self._next_look = None

    def _serve(self) -> None:
        # First, so that a slot released by what happens below has the last word.
        self._look_in(self._pause)
        # Nearly all jobs may go to the same hosts: who hears that those are busy speaks for all.
        busy: set[frozenset[Host]] = set()
        for waiter, wish in list(self._waiting.items()):
            # What an earlier waiter did with its answer may have answered this one, or sent it off.
            if waiter in self._waiting and wish.candidates not in busy:
                self._answer(waiter, wish, busy)
        self._stop_if_nobody_waits()

    def _answer(self, waiter: Deferred[_Answer], wish: _Wish, busy: set[frozenset[Host]]) -> None:
        try:
            choice = choose(wish.hosts, wish.exclude, self._slots, self._backoff, self._loads.line)
        except DistccError as error:
            del self._waiting[waiter]
            waiter.errback(error)
            return
        if isinstance(choice, AllBusy):
            busy.add(wish.candidates)
        else:
            del self._waiting[waiter]
            waiter.callback(choice)

    def _leave(self, waiter: Deferred[_Answer]) -> None:
        del self._waiting[waiter]
        self._stop_if_nobody_waits()

    def _stop_if_nobody_waits(self) -> None:
        if not self._waiting:
            self._look_no_more()


def _wish(hosts: tuple[Host, ...], exclude: frozenset[Host]) -> _Wish:
    return _Wish(hosts, exclude, candidates=frozenset(hosts) - exclude)
