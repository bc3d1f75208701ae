"""What would have made a build faster, most of all first.

Each `Advice` says what happened and what to do about it, with the seconds of waiting or compiling that
it is about.  It knows only the units of a build, and how many slots the user's hosts have.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cli.journal_access import counted, duration
from twisted_distcc.client.journal.builds import most_at_once
from twisted_distcc.client.journal.totals import HostTotals, Totals, is_compile, kind_of_reason
from twisted_distcc.client.journal.unit_record import (
    COMPILER,
    HOST,
    INPUTS,
    LOCAL_SLOT,
    QUEUE,
    TRANSFER,
    UnitRecord,
)

_MOST: Final = 4
# A host that has done fewer units may just have had the large ones.
_FEWEST_UNITS: Final = 5
_SLOW: Final = 1.5
# Parts of a build's time that are worth a sentence.
_MUCH: Final = 0.1
_MOSTLY: Final = 0.4


@dataclass(frozen=True, slots=True)
class Advice:
    """A sentence, and the seconds that it is about."""

    text: str
    seconds: float


def advice(units: Sequence[UnitRecord], totals: Totals, slots: int) -> list[Advice]:
    """Return what is worth saying of `units`, whose totals are `totals`; the hosts have `slots`."""
    found = [
        *_local(units),
        *_preprocessed(units),
        *_waits(totals),
        *_slow_hosts(totals),
        *_failures(units, totals),
        *_width(units, totals, slots),
    ]
    return sorted(found, key=lambda one: -one.seconds)[:_MOST]


def _local(units: Sequence[UnitRecord]) -> Iterator[Advice]:
    """Say of each reason how much it kept here."""
    stayed = [unit for unit in units if unit.became == "local" and is_compile(unit)]
    for reason in dict.fromkeys(map(kind_of_reason, stayed)):
        kept = [unit for unit in stayed if kind_of_reason(unit) == reason]
        seconds = sum(unit.seconds(COMPILER, LOCAL_SLOT) for unit in kept)
        yield Advice(
            f"{counted(len(kept), 'unit')} stayed here ({duration(seconds)}): {reason}", seconds
        )


def _preprocessed(units: Sequence[UnitRecord]) -> Iterator[Advice]:
    texts = [unit for unit in units if unit.became == "text"]
    for reason in dict.fromkeys(map(kind_of_reason, texts)):
        kept = [unit for unit in texts if kind_of_reason(unit) == reason]
        seconds = sum(unit.seconds(INPUTS, LOCAL_SLOT) for unit in kept)
        yield Advice(
            f"{counted(len(kept), 'unit')} preprocessed here ({duration(seconds)}): {reason}", seconds
        )


def _waits(totals: Totals) -> Iterator[Advice]:
    spent = sum(totals.parts.values()) or 1.0
    for part, least, text in (
        (HOST, _MUCH, "units waited {} for a host: add hosts, or raise their limits if they have cores"),
        (LOCAL_SLOT, _MUCH, "units waited {} for this machine: it is the bottleneck, not the servers"),
        (QUEUE, _MUCH, "units waited {} on servers, which were full: lower their limits, or add hosts"),
        (TRANSFER, _MOSTLY, "units spent {} on the network: try ,lzo, or a faster link"),
    ):
        seconds = totals.parts[part]
        if seconds >= least * spent:
            yield Advice(text.format(duration(seconds)), seconds)


def _slow_hosts(totals: Totals) -> Iterator[Advice]:
    judged = [host for host in totals.hosts if host.units >= _FEWEST_UNITS]
    fastest = min((host.seconds for host in judged), default=0.0)
    for host in judged:
        if fastest and host.seconds >= _SLOW * fastest:
            lost = (host.seconds - fastest) * host.units
            yield Advice(f"{host.host} takes {_times(host, fastest)} as long: list it last", lost)


def _times(host: HostTotals, fastest: float) -> str:
    factor = host.seconds / fastest
    return "twice" if 1.8 <= factor <= 2.2 else f"{factor:.1f} times"


def _failures(units: Sequence[UnitRecord], totals: Totals) -> Iterator[Advice]:
    for host in totals.hosts:
        if not host.failures:
            continue
        told = next(
            fault for unit in reversed(units) for name, fault in unit.faults if name == host.host
        )
        lost = sum(unit.took for unit in units if any(name == host.host for name, _ in unit.faults))
        times = {1: "once", 2: "twice"}.get(host.failures, f"{host.failures} times")
        yield Advice(f"{host.host} failed {times}: it {told.rstrip('.')}", lost)


def _width(units: Sequence[UnitRecord], totals: Totals, slots: int) -> Iterator[Advice]:
    most = most_at_once(units)
    if totals.remote and len(units) > slots > most:
        idle = totals.elapsed * (1 - most / slots)
        yield Advice(
            f"at most {most} units ran at once, but the hosts take {slots}: use -j{slots}", idle
        )
