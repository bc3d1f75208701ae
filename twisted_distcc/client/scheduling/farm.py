"""The state that one user's compiles share: slots, notes about failed hosts, and the queue.

`Farms.of` returns the `Farm` for given settings; invocations whose settings agree share one.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IReactorTime

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.hosts import Host, HostList, Localhost
from twisted_distcc.client.journal.unit_record import INPUTS, LOCAL_SLOT
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.scheduling.backoff import Backoff
from twisted_distcc.client.scheduling.choice import Grant, NobodyLeft, choose, in_order_of_preference
from twisted_distcc.client.scheduling.loads import Loads
from twisted_distcc.client.scheduling.queue import SlotQueue
from twisted_distcc.client.scheduling.slots import Slot, SlotDirectory
from twisted_distcc.client.settings import Settings
from twisted_distcc.own_folders import make_own_folder

# Lock directories and settings, of which a user has one or two.  A farm that is forgotten lives on while
# it is used, and the lock files count its slots.
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Farm:
    """The slots and the notes about failed hosts, both kept in `directory`, the queue, and the loads."""

    directory: str
    slots: SlotDirectory
    backoff: Backoff
    queue: SlotQueue
    loads: Loads

    async def local_slot(self, place: Localhost) -> Slot:
        """Wait for a slot of this machine, within the limit of `place`; the caller releases it."""
        grant = await self.queue.acquire((place,))
        assert isinstance(grant, Grant)
        return grant.slot

    @asynccontextmanager
    async def local(self, place: Localhost, watch: UnitWatch) -> AsyncIterator[None]:
        """Hold a slot of this machine, within the limit of `place`, inside the `async with` block.

        `watch` is of the unit that waits, for one of its inputs.
        """
        watch.enter(LOCAL_SLOT)
        slot = await self.local_slot(place)
        watch.enter(INPUTS)
        try:
            yield
        finally:
            slot.release()

    def free_host(self, hosts: HostList) -> Grant | None:
        """Take a slot of the best host that is free now; return `None` rather than wait."""
        choice = choose(_ordered(hosts), frozenset(), self.slots, self.backoff, self.loads.line)
        return choice if isinstance(choice, Grant) else None

    async def next_host(self, hosts: HostList, tried: frozenset[Host]) -> Grant | NobodyLeft:
        """Wait for a slot of a host that is not in `tried`; the caller releases it."""
        return await self.queue.acquire(_ordered(hosts), tried)


def _ordered(hosts: HostList) -> tuple[Host, ...]:
    return in_order_of_preference(hosts, random.SystemRandom())


def _network() -> str:
    """Return a name for the network namespace of this process; empty if the kernel does not tell."""
    try:
        return os.readlink("/proc/self/ns/net")
    except OSError:
        return ""


def _is_usable(directory: str) -> bool:
    """Whether files can be created in `directory`, which is created if missing."""
    try:
        make_own_folder(directory)
    except OSError:
        return False
    return os.access(directory, os.W_OK | os.X_OK)


class Farms:
    """The farms of one process, by their settings.

    `spare` returns a private directory for lock files, for users who have no writable one; it raises
    `LockDirectoryError` if there is none.
    """

    def __init__(self, clock: IReactorTime, spare: Callable[[], str]) -> None:
        self._clock = clock
        self._spare = spare
        self._farms = Bounded[tuple[str, float, float], Farm](_MOST)

    def of(self, settings: Settings) -> Farm:
        """Return the farm for `settings`; raises `LockDirectoryError` if it cannot be created."""
        wanted = settings.lock_directory
        directory = os.path.realpath(wanted if wanted and _is_usable(wanted) else self._spare())
        key = (directory, settings.backoff_period, settings.pause)
        if key not in self._farms:
            self._farms[key] = self._make(*key)
        return self._farms[key]

    def _make(self, directory: str, period: float, pause: float) -> Farm:
        backoff = Backoff(directory, period, time.time, _network())
        slots = SlotDirectory(directory)
        loads = Loads(self._clock.seconds)
        return Farm(
            directory, slots, backoff, SlotQueue(self._clock, slots, backoff, loads, pause), loads
        )
