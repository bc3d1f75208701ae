"""Totals of many units: how many were compiled where, why not elsewhere, how fast, how much was sent.

`Totals.of` takes the records of a journal, or of one build; it reads no clock and no file.
"""

from __future__ import annotations

import os.path
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from twisted_distcc.client.journal.unit_record import (
    COMPILER,
    INPUTS,
    PARTS,
    QUEUE,
    TRANSFER,
    UnitRecord,
)
from twisted_distcc.cmdline.compilation import LANGUAGE_OF_SUFFIX

PERCENTS: Final = (50, 90, 99)
# Paths, and numbers that stand alone; not the limit of a host, as in `red/4`, nor an exit status.
_PARTICULAR: Final = re.compile(
    r"(?<!\S)\.{0,2}/\S+|(?<!\S)\S+/(?!\d)\S+|(?<![\w.:/])(?<!status )\d+(?![\w.:/])"
)
# The reasons of commands that compile no unit: nobody would send them.
_LINKS: Final = "neither -c nor -S is given"
_NO_COMPILES: Final = (
    "asks the compiler about itself",
    "and does not compile",
    "shows commands and runs none",
    "no source is named",
)


@dataclass(frozen=True, slots=True)
class HostTotals:
    """What one host did.

    Attributes:
        host: the host, as its user wrote it.
        units: how many it compiled.
        failures: how often it failed.
        seconds: how long it took for one, on average, on the way and in its queue as well.
        compiler: how long its compiler took for one, on average.
    """

    host: str
    units: int
    failures: int
    seconds: float
    compiler: float


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of units.  Times are in seconds.

    Attributes:
        began, ended: the first beginning and the last end, since the epoch.
        units: how many there were.
        others: how many commands compiled none, such as those that link.
        became: how many of them became what.
        reasons: why units were compiled here, most frequent first.
        hosts: what each host did, the busiest first.
        parts: where their time went, all of it added up.
        percentiles: for what they became, within which time so many percent of them were done.
        cpu: processor time on servers, which hosts of earlier protocols do not tell.
        sent, received: bytes.
    """

    began: float
    ended: float
    units: int
    others: int
    became: Mapping[str, int]
    reasons: Sequence[tuple[str, int]]
    hosts: Sequence[HostTotals]
    parts: Mapping[str, float]
    percentiles: Mapping[str, Mapping[int, float]]
    cpu: float
    sent: int
    received: int

    @classmethod
    def of(cls, units: Sequence[UnitRecord]) -> Totals:
        """Return the totals of `units`, among which there may be commands that compile none."""
        told = list(units)
        units = [unit for unit in told if is_compile(unit)]
        became = Counter(unit.became for unit in units)
        reasons = Counter(kind_of_reason(unit) for unit in units if unit.became == "local")
        return cls(
            began=min((unit.began for unit in units), default=0.0),
            ended=max((unit.ended for unit in units), default=0.0),
            units=len(units),
            others=len(told) - len(units),
            became=dict(became.most_common()),
            reasons=reasons.most_common(),
            hosts=_hosts(units),
            parts={name: sum(unit.seconds(name) for unit in units) for name in PARTS},
            percentiles={
                name: percentiles([unit.took for unit in units if unit.became == name])
                for name in ("files", "text", "local")
                if became[name]
            },
            cpu=sum(unit.cpu for unit in units) / 1e6,
            sent=sum(unit.sent for unit in units),
            received=sum(unit.received for unit in units),
        )

    @property
    def remote(self) -> int:
        """How many units servers compiled."""
        return self.became.get("files", 0) + self.became.get("text", 0)

    @property
    def elapsed(self) -> float:
        """The seconds from the first beginning to the last end."""
        return self.ended - self.began


def seconds_saved(units: Iterable[UnitRecord], elapsed: float, cores: int) -> float:
    """Return how much longer a build of `units` would have taken on this machine alone, by an estimate.

    It is what compiling them took, wherever that was, on so many processors that do nothing else, less
    the time that has passed.
    """
    return max(0.0, sum(map(_work, units)) / cores - elapsed)


def _work(unit: UnitRecord) -> float:
    """Return how many seconds of a processor it took to compile `unit`."""
    compiler = unit.cpu / 1e6 or unit.seconds(COMPILER)  # earlier servers do not tell
    return compiler + unit.seconds(INPUTS)


def is_compile(unit: UnitRecord) -> bool:
    """Whether `unit` is one, and not a command that links, preprocesses, or asks something."""
    if unit.became != "local":
        return True
    only_links = _LINKS in unit.reason and os.path.splitext(unit.file)[1] not in LANGUAGE_OF_SUFFIX
    return not (only_links or any(words in unit.reason for words in _NO_COMPILES))


def kind_of_reason(unit: UnitRecord) -> str:
    """Return why `unit` was compiled here, without what is about this unit alone."""
    reason = unit.reason
    for name in {unit.file, unit.file.rpartition("/")[2]} - {""}:
        reason = re.sub(rf"(?<!\S){re.escape(name)}(?!\S)", "…", reason)
    return _PARTICULAR.sub("…", reason) or "unknown"


def percentiles(times: Iterable[float]) -> dict[int, float]:
    """Return the time within which so many percent of `times` lie, for each of `PERCENTS`."""
    ordered = sorted(times)
    last = len(ordered) - 1
    return {percent: ordered[round(last * percent / 100)] for percent in PERCENTS} if ordered else {}


def _hosts(units: Iterable[UnitRecord]) -> list[HostTotals]:
    done: dict[str, list[UnitRecord]] = defaultdict(list)
    failures: Counter[str] = Counter()
    for unit in units:
        if unit.is_remote:
            done[unit.host].append(unit)
        failures.update(host for host, _ in unit.faults)
    hosts = [_host(host, done[host], failures[host]) for host in {*done, *failures}]
    return sorted(hosts, key=lambda host: (-host.units, -host.failures, host.host))


def _host(host: str, units: Sequence[UnitRecord], failures: int) -> HostTotals:
    busy = sum(unit.seconds(TRANSFER, QUEUE, COMPILER) for unit in units)
    compiler = sum(unit.seconds(COMPILER) for unit in units)
    count = len(units) or 1
    return HostTotals(host, len(units), failures, busy / count, compiler / count)
