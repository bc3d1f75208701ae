"""A `View` for the live page, with the last hour of what has ended."""

from __future__ import annotations

import os
import platform
import pwd
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from twisted_distcc import __version__
from twisted_distcc.cli.monitor.build_view import HERE, HostView, InFlight, View
from twisted_distcc.client.journal.totals import Totals
from twisted_distcc.client.journal.unit_record import UnitRecord
from twisted_distcc.web.snapshot import Column, Count, Curve, JobShown, Lane, Snapshot, Table, Unit

STEP: Final = 15
"""Seconds of one point of a curve."""
_POINTS: Final = 3600 // STEP
_PER_MINUTE: Final = 60 / STEP
_ROWS: Final = 12


def build_snapshot(view: View, hour: Sequence[UnitRecord], now: float) -> Snapshot:
    """Return what the page shows of `view` at the time `now`, with the units of the last hour."""
    totals = Totals.of(view.build)
    return Snapshot(
        name=f"Builds of {_user()} on {platform.node()}",
        about=f"twisted_distcc {__version__}",
        moment=now,
        since=totals.began or now,
        counts=tuple(_counts(view, totals)),
        lanes=tuple(map(_lane, view.hosts)),
        waiting=tuple(map(_job, view.waiting)),
        queue=len(view.waiting),
        curves=tuple(_curves(view, hour, now)),
        tables=(_reasons(view), _hosts(totals), _ended(view), _slowest(view), _faults(hour)),
    )


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"user {os.getuid()}"


def _counts(view: View, totals: Totals) -> Iterator[Count]:
    done = len(view.build)
    yield Count(
        "In flight", view.in_flight, note=f"of {sum(len(host.slots) for host in view.hosts)} slots"
    )
    yield Count("Done", done, note="units of this build" if done else "no build in the last minute")
    yield Count(
        "On servers", 100 * view.remote / done if done else None, "percent", f"{view.remote} units"
    )
    yield Count("Here", view.local, note="on this machine")
    yield Count("Failed", view.failed, note="or interrupted", tone="bad" if view.failed else "")
    yield Count("Time", view.elapsed, "seconds", "since it began")
    yield Count(
        "Saved", round(view.saved), "seconds", "about, so far", "good" if view.saved >= 1 else ""
    )
    yield Count("Sent", totals.sent, "bytes", "to servers")


def _lane(host: HostView) -> Lane:
    name = "This machine" if host.name == HERE else host.name
    busy = f"{len(host.jobs)} of {len(host.slots)} busy"
    return Lane(
        name, len(host.slots), tuple(map(_job, host.jobs)), f"{busy}, {host.rate} in the last minute"
    )


def _job(job: InFlight) -> JobShown:
    return JobShown(job.file, "", job.phase, job.age)


def _curves(view: View, hour: Sequence[UnitRecord], now: float) -> Iterator[Curve]:
    ended = now - now % STEP
    began = ended - _POINTS * STEP

    def rate(label: str, unit: Unit, value: Callable[[UnitRecord], float]) -> Curve:
        points = [0.0] * _POINTS
        for one in hour:
            if began <= one.ended < ended:
                points[int((one.ended - began) / STEP)] += _PER_MINUTE * value(one)
        return Curve(label, unit, STEP, tuple(points))

    yield rate("On servers", "per minute", lambda unit: unit.is_remote)
    yield rate("Here", "per minute", lambda unit: unit.became == "local")
    jobs = (*view.waiting, *(job for host in view.hosts for job in host.jobs))
    spans = [*((unit.began, unit.ended) for unit in hour), *((now - job.age, now) for job in jobs)]
    yield Curve("In flight", "", STEP, tuple(at_once(spans, began)))
    yield rate("Sent", "bytes per minute", lambda unit: unit.sent)


def at_once(spans: Iterable[tuple[float, float]], began: float) -> list[float]:
    """Return how many of `spans` there were at once, on average, in each step from `began` on."""
    points = [0.0] * _POINTS
    for start, end in spans:
        first = max(0, int((start - began) // STEP))
        last = min(_POINTS - 1, int((end - began) // STEP))
        for index in range(first, last + 1):
            left = began + index * STEP
            points[index] += max(0.0, min(end, left + STEP) - max(start, left)) / STEP
    return points


def _reasons(view: View) -> Table:
    columns = (Column("Reason", "sentence"), Column("Units", "count"))
    return Table("Compiled here, and why", columns, tuple(view.reasons), "Nothing was compiled here.")


def _hosts(totals: Totals) -> Table:
    columns = (
        Column("Host"), Column("Units", "count"), Column("Share", "percent"),
        Column("Per unit", "seconds"), Column("Compiler", "seconds"), Column("Failures", "count"),
    )  # fmt: skip
    remote = totals.remote or 1
    rows = tuple(
        (host.host, host.units, 100 * host.units / remote, host.seconds, host.compiler, host.failures)
        for host in totals.hosts
    )
    return Table("Hosts", columns, rows, "No host has compiled anything yet.")


def _ended(view: View) -> Table:
    columns = (
        Column("When", "time"), Column("Source", "path"), Column("Where"), Column("Took", "seconds"),
    )  # fmt: skip
    rows = tuple(
        (unit.ended, unit.file, _where(unit), unit.took) for unit in view.build[: -_ROWS - 1 : -1]
    )
    return Table("Just ended", columns, rows, "No unit has ended in the last minute.")


def _slowest(view: View) -> Table:
    columns = (Column("Source", "path"), Column("Where"), Column("Took", "seconds"))
    slowest = sorted(view.build, key=lambda unit: -unit.took)[:_ROWS]
    rows = tuple((unit.file, _where(unit), unit.took) for unit in slowest)
    return Table("Slowest units", columns, rows, "No unit has ended in the last minute.")


def _faults(hour: Sequence[UnitRecord]) -> Table:
    columns = (Column("When", "time"), Column("Host"), Column("What it did", "sentence"))
    failed = sorted((unit for unit in hour if unit.faults), key=lambda unit: -unit.ended)
    rows = tuple((unit.ended, host, fault) for unit in failed for host, fault in unit.faults)
    return Table("Failures of hosts in the last hour", columns, rows[:_ROWS], "No host has failed.")


def _where(unit: UnitRecord) -> str:
    if unit.is_remote:
        return unit.host
    return "here" if unit.became == "local" else unit.became
