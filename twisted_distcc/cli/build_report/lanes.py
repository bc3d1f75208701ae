"""Lay out the units of a build for a picture: in as few rows as units were on their way at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush

from twisted_distcc.client.journal.unit_record import (
    COMPILER,
    DELIVERY,
    HOST,
    INPUTS,
    LOCAL_SLOT,
    START,
    UnitRecord,
)

_NOT_THERE = (START, INPUTS, LOCAL_SLOT, HOST, DELIVERY)


def in_lanes(units: Iterable[UnitRecord]) -> Iterator[tuple[int, UnitRecord]]:
    """Yield each of `units` with the number of its row, in which no two overlap."""
    free: list[int] = []
    busy: list[tuple[float, int]] = []
    for unit in sorted(units, key=lambda unit: unit.began):
        while busy and busy[0][0] <= unit.began:
            heappush(free, heappop(busy)[1])
        lane = heappop(free) if free else len(busy)
        heappush(busy, (unit.ended, lane))
        yield lane, unit


def parts_in_time(unit: UnitRecord) -> Iterator[tuple[str, int, int]]:
    """Yield the parts of `unit`, each with its beginning and its length in microseconds."""
    at = 0
    for name, length in unit.parts:
        yield name, at, length
        at += length


def on_host(unit: UnitRecord) -> tuple[int, int]:
    """Return when `unit` was first at a host, or compiled here, and for how long, in microseconds."""
    wanted = (COMPILER,) if unit.became == "local" else ()
    there = [
        (at, at + length)
        for name, at, length in parts_in_time(unit)
        if name in wanted or (not wanted and name not in _NOT_THERE)
    ]
    return (there[0][0], there[-1][1] - there[0][0]) if there else (0, 0)


def first_begun(units: Sequence[UnitRecord]) -> float:
    """Return when the first of `units` began."""
    return min(unit.began for unit in units)
