"""Which units belong to one build.

Nobody says when a build begins and ends.  A unit belongs to a build if it runs in a folder that the
build has been in, or was started from the same command line (their process group is the same), and no
more than `PAUSE` seconds have passed since the build's latest unit ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from twisted_distcc.client.journal.unit_record import UnitRecord

PAUSE: Final = 60.0
"""Seconds without a unit after which a build counts as over."""


@dataclass(slots=True)
class _Build:
    """A build so far."""

    units: list[UnitRecord] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)
    groups: set[int] = field(default_factory=set)
    ended: float = 0.0

    def takes(self, unit: UnitRecord, pause: float) -> bool:
        is_alike = unit.folder in self.folders or unit.build in self.groups
        return is_alike and unit.began <= self.ended + pause

    def add(self, unit: UnitRecord) -> None:
        self.units.append(unit)
        self.folders.add(unit.folder)
        if unit.build:
            self.groups.add(unit.build)
        self.ended = max(self.ended, unit.ended)

    def join(self, other: _Build) -> None:
        for unit in other.units:
            self.add(unit)


def builds_of(units: Iterable[UnitRecord], pause: float = PAUSE) -> list[Sequence[UnitRecord]]:
    """Return the builds that `units` make up, the one that ended last at the end."""
    builds: list[_Build] = []
    for unit in sorted(units, key=lambda unit: unit.began):
        alike = [build for build in builds if build.takes(unit, pause)]
        build = alike[0] if alike else _Build()
        if not alike:
            builds.append(build)
        for other in alike[1:]:  # a unit that belongs to both makes them one
            build.join(other)
            builds.remove(other)
        build.add(unit)
    builds.sort(key=lambda build: build.ended)
    return [sorted(build.units, key=lambda unit: unit.began) for build in builds]


def most_at_once(units: Sequence[UnitRecord]) -> int:
    """Return how many of `units` there were at once, at most."""
    steps = [(unit.began, 1) for unit in units] + [(unit.ended, -1) for unit in units]
    now = most = 0
    for _, step in sorted(steps):
        now += step
        most = max(most, now)
    return most
