"""Which host gets the next job.

In: hosts in the order of preference, those that were tried already, who holds which slot, and who
is avoided.  Out: a host with a slot of it taken, or why there is none.  This module refuses to know
the job, the network and waiting (`client.queue` waits).

The order is distcc's: the first slot of every host before the second of any, so that jobs spread
over the farm, and the hosts that stand first in the list are given work first.
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
    """A host that is to get the job; whoever has the grant releases its slot."""

    host: Host
    slot: Slot


@dataclass(frozen=True, slots=True)
class AllBusy:
    """Each host that could be asked has all its slots taken; waiting will help."""


@dataclass(frozen=True, slots=True)
class NobodyLeft:
    """No host can be asked, and waiting for a slot will not change that."""

    avoided: tuple[Host, ...]
    tried: tuple[Host, ...]


def in_order_of_preference(hosts: HostList, random: Random) -> tuple[Host, ...]:
    """The hosts as one job is to try them: as listed, or shuffled if the list says so."""
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
