"""What a monitor shows at one moment, computed from what is in flight and what has ended.

`View.of` is pure; `watching.Watcher` finds what it is computed from.  A host is called by its name here,
as C distcc's state files have it: without limit and options.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from twisted_distcc.client.journal.state_format import COMPILE, State
from twisted_distcc.client.journal.totals import is_compile, kind_of_reason, seconds_saved
from twisted_distcc.client.journal.unit_record import UnitRecord

HERE: Final = "localhost"
_RATE: Final = 60.0
"""The seconds over which rates are counted."""
_PHASES: Final = (
    "starting", "waiting", "connecting", "preparing", "sending", "compiling", "receiving",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class InFlight:
    """A unit in flight: its source, what is being done, and for how many seconds it has been there."""

    file: str
    phase: str
    age: float


@dataclass(frozen=True, slots=True)
class HostView:
    """One host.

    Attributes:
        name: the host.
        slots: what is in each of its slots; `None` is nothing.
        done: how many units of the build it has compiled.
        rate: how many it compiled in the last minute.
    """

    name: str
    slots: tuple[InFlight | None, ...]
    done: int
    rate: int

    @property
    def jobs(self) -> list[InFlight]:
        """What is in its slots."""
        return [job for job in self.slots if job is not None]


@dataclass(frozen=True, slots=True)
class View:
    """One moment.

    Attributes:
        hosts: the hosts, and this machine as the last one.
        waiting: the units that have no host.
        build: the units of the build that have ended, the latest at the end.
        remote: how many of these servers have compiled.
        local: how many of them were compiled here.
        elapsed: seconds since the build began; 0 if there is none.
        saved: seconds that this machine would have needed beyond that, by an estimate.
    """

    hosts: Sequence[HostView]
    waiting: Sequence[InFlight]
    build: Sequence[UnitRecord]
    remote: int
    local: int
    elapsed: float
    saved: float

    @classmethod
    def of(
        cls,
        states: Sequence[State],
        ages: Mapping[int, float],
        build: Sequence[UnitRecord],
        limits: Mapping[str, int],
        now: float,
        cores: int = os.cpu_count() or 1,
    ) -> View:
        """Return what there is to show.

        Args:
            states: what is in flight.
            ages: for how many seconds each process of these has been there.
            build: what the build has done, among which there may be commands that compile none.
            limits: the hosts that the user has listed, and how many units each takes at once.
            now: the time, in seconds since the epoch.
            cores: how many processors this machine has.
        """
        build = list(filter(is_compile, build))
        elapsed = _elapsed(build, now, is_running=bool(states))
        return cls(
            hosts=_hosts(states, ages, build, limits, now),
            waiting=[_in_flight(state, ages) for state in states if not has_host(state)],
            build=sorted(build, key=lambda unit: unit.ended),
            remote=sum(unit.is_remote for unit in build),
            local=sum(unit.became == "local" for unit in build),
            elapsed=elapsed,
            saved=seconds_saved(build, elapsed, cores),
        )

    @property
    def in_flight(self) -> int:
        """How many units are in flight."""
        return len(self.waiting) + sum(len(host.jobs) for host in self.hosts)

    @property
    def failed(self) -> int:
        """How many units nobody has compiled."""
        return len(self.build) - self.remote - self.local

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why units were compiled here, most frequent first."""
        local = (unit for unit in self.build if unit.became == "local")
        return Counter(map(kind_of_reason, local)).most_common()


def host_name(word: str) -> str:
    """Return the name of the host that a user wrote as `word`; of this machine, if it is empty."""
    return word.partition("/")[0] or HERE


def has_host(state: State) -> bool:
    """Whether a unit has a host: what C distcc prepares here, it shows here."""
    return bool(state.host) and not (state.host == HERE and state.phase < COMPILE)


def _elapsed(build: Sequence[UnitRecord], now: float, *, is_running: bool) -> float:
    if not build:
        return 0.0
    ended = now if is_running else max(unit.ended for unit in build)
    return max(0.0, ended - min(unit.began for unit in build))


def _in_flight(state: State, ages: Mapping[int, float]) -> InFlight:
    return InFlight(state.file, _PHASES[state.phase], ages.get(state.process, 0.0))


def _hosts(
    states: Sequence[State],
    ages: Mapping[int, float],
    build: Sequence[UnitRecord],
    limits: Mapping[str, int],
    now: float,
) -> list[HostView]:
    busy: dict[str, dict[int, InFlight]] = defaultdict(dict)
    for state in filter(has_host, states):
        slots = busy[state.host]
        slot = state.slot if state.slot not in slots else max(slots) + 1  # of another client's count
        slots[slot] = _in_flight(state, ages)
    compiled = [unit for unit in build if unit.is_remote or unit.became == "local"]
    done = Counter(host_name(unit.host) for unit in compiled)
    recent = Counter(host_name(unit.host) for unit in compiled if unit.ended > now - _RATE)
    names = dict.fromkeys((*limits, *busy, *done))
    ordered = [*(name for name in names if name != HERE), HERE]
    return [
        HostView(name, _slots(busy[name], limits.get(name, 0)), done[name], recent[name])
        for name in ordered
    ]


def _slots(busy: Mapping[int, InFlight], limit: int) -> tuple[InFlight | None, ...]:
    """Return what is in each slot; those with odd numbers, as of a lying file, follow the others."""
    odd = [slot for slot in busy if not 0 <= slot < max(limit, len(busy))]
    known = [busy.get(slot) for slot in range(max(limit, len(busy) - len(odd)))]
    return (*known, *(busy[slot] for slot in odd))
