"""Choose which host gets the next job.

`choose` takes hosts in order of preference, those that were tried already, the slots, and the hosts to
avoid, and returns a host with one of its slots taken, or why there is none.  It never waits
(`client.scheduling.queue` does).

The order is distcc's: the first slot of every host before the second of any, so that jobs spread
over the farm, and the hosts listed first get work first.  But other clients use the farm as well.  So a
host where a job would have to wait, as the host itself has said of late (`loads`), comes after all where
it would not, and one with a long line after one with a short line.  That is an order, which keeps no job
back: if only such hosts have a slot, one of them is chosen.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from collections.abc import Set as AbstractSet
    from random import Random

    from twisted_distcc.client.hosts import Host, HostList
    from twisted_distcc.client.scheduling.backoff import Backoff
    from twisted_distcc.client.scheduling.slots import Slot, SlotDirectory

Line: TypeAlias = "Callable[[str], int]"
"""Returns at which place in line a job would be at the host of this lock name."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The host for a job; the holder of the grant releases its slot."""

    host: Host
    slot: Slot


@dataclass(frozen=True, slots=True)
class AllBusy:
    """All slots of all eligible hosts are taken; waiting will help."""


@dataclass(frozen=True, slots=True)
class NobodyLeft:
    """No host is eligible, and waiting for a slot will not change that."""

    avoided: tuple[Host, ...]
    tried: tuple[Host, ...]


def in_order_of_preference(hosts: HostList, random: Random) -> tuple[Host, ...]:
    """Return the hosts in the order to try for one job: as listed, or shuffled if the list says so."""
    if not hosts.randomize:
        return hosts.hosts
    return tuple(random.sample(hosts.hosts, len(hosts.hosts)))


def choose(
    hosts: Collection[Host],
    exclude: AbstractSet[Host],
    slots: SlotDirectory,
    backoff: Backoff,
    line: Line,
) -> Grant | AllBusy | NobodyLeft:
    """Take a slot of the first host that has one; `line` is that of `Loads`.

    Raises:
        LockDirectoryError: if there are no slots.
    """
    untried = [host for host in hosts if host not in exclude] if exclude else hosts
    usable = backoff.usable(untried)
    if not usable:
        tried = tuple(host for host in hosts if host in exclude)
        return NobodyLeft(avoided=tuple(untried), tried=tried)
    granted = (_first_free(group, slots) for group in _by_line(usable, line))
    return next((grant for grant in granted if grant is not None), AllBusy())


def _by_line(hosts: Collection[Host], line: Line) -> list[list[Host]]:
    """Return the hosts in groups, those with the shortest line first."""
    groups: defaultdict[int, list[Host]] = defaultdict(list)
    for host in hosts:
        groups[line(host.lock_name)].append(host)
    return [groups[length] for length in sorted(groups)]


def _first_free(hosts: Collection[Host], slots: SlotDirectory) -> Grant | None:
    """Take the slot of the lowest index; among equal ones, that of the first host."""
    free = [
        (index, place, host)
        for place, host in enumerate(hosts)
        if (index := slots.next_free(host.lock_name, 0)) < host.limit
    ]
    heapify(free)
    while free:
        index, place, host = free[0]
        slot = slots.try_slot(host.lock_name, index)
        if slot is not None:
            return Grant(host, slot)
        index = slots.next_free(host.lock_name, index + 1)  # another process has this one
        if index < host.limit:
            heapreplace(free, (index, place, host))
        else:
            heappop(free)
    return None
