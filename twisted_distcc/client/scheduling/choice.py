"""Choose which host gets the next job.

`choose` takes hosts in order of preference, those that were tried already, the slots, and the hosts to
avoid, and returns a host with one of its slots taken, or why there is none.  It never waits
(`client.scheduling.queue` does).

The order is distcc's: the first slot of every host before the second of any, so that jobs spread
over the farm, and the hosts listed first get work first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Set as AbstractSet
    from random import Random

    from twisted_distcc.client.hosts import Host, HostList
    from twisted_distcc.client.scheduling.backoff import Backoff
    from twisted_distcc.client.scheduling.slots import Slot, SlotDirectory


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
    hosts: Collection[Host], exclude: AbstractSet[Host], slots: SlotDirectory, backoff: Backoff
) -> Grant | AllBusy | NobodyLeft:
    """Take a slot of the first host that has one.  Raises `LockDirectoryError`."""
    untried = [host for host in hosts if host not in exclude]
    usable = [host for host in untried if not backoff.is_avoided(host)]
    if not usable:
        tried = tuple(host for host in hosts if host in exclude)
        return NobodyLeft(avoided=tuple(untried), tried=tried)
    return _first_free(usable, slots) or AllBusy()


def _first_free(hosts: Collection[Host], slots: SlotDirectory) -> Grant | None:
    for index in range(max(host.limit for host in hosts)):
        for host in hosts:
            slot = slots.try_slot(host.lock_name, index) if index < host.limit else None
            if slot is not None:
                return Grant(host, slot)
    return None
