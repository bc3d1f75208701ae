"""What the live page of a server shows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Final

from twisted_distcc import __version__
from twisted_distcc.observe.last_hour import STEP, Point
from twisted_distcc.observe.progress import JobInFlight
from twisted_distcc.observe.statistics import Statistics
from twisted_distcc.server.stats import machine_facts
from twisted_distcc.server.stats.server_view import ServerView
from twisted_distcc.web.snapshot import Column, Count, Curve, JobShown, Lane, Snapshot, Table

_MINUTE: Final = 60
_POINTS: Final = 3600 // STEP
_SEATED: Final = ("preparing", "compiling")
_RESULTS: Final = {
    "ok": "compiled",
    "error": "compiled, with errors in the source",
    "crash": "the compiler crashed",
    "refused": "refused",
    "failed": "failed here",
    "cancelled": "the client disconnected",
}
_FEW_BYTES: Final = 256 * 1024 * 1024


def server_snapshot(view: ServerView) -> Snapshot:
    """Return what is so at this moment."""
    jobs = tuple(view.statistics.in_flight)
    seated = [job for job in jobs if job.stage in _SEATED]
    others = [job for job in jobs if job.stage not in _SEATED]
    return Snapshot(
        name=f"distccd on {view.name}",
        about=f"twisted_distcc {__version__}, statistics since {_since(view)}",
        moment=view.now(),
        since=view.statistics.since,
        state="This server is ending: it finishes the jobs that it has." if view.is_ending() else "",
        counts=tuple(_counts(view)),
        lanes=(Lane("Slots", view.admission.jobs, tuple(_shown(view, job) for job in seated)),),
        waiting=tuple(_shown(view, job) for job in others),
        queue=max(view.admission.waiting, len(others)),
        curves=_curves(view),
        tables=(_clients(view), _results(view), _slowest(view), _remarks(view)),
    )


def _since(view: ServerView) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(view.statistics.since))


def _shown(view: ServerView, job: JobInFlight) -> JobShown:
    record = job.record
    age = view.statistics.in_flight.seconds() - job.arrived
    return JobShown(record.source or "", record.peer.identity, job.stage, max(0.0, age))


def _counts(view: ServerView) -> Iterator[Count]:
    found, admission = view.statistics, view.admission
    yield Count("Running", admission.running, note=f"of {admission.jobs} slots")
    yield Count("Waiting", admission.waiting, note="for a slot")
    lately = f"{view.finished(_MINUTE)} per minute"
    yield Count("Compiled", found.count("ok", "error", "crash"), note=lately)
    failed = found.count("refused", "failed")
    yield Count("Not served", failed, note="refused or failed", tone="bad" if failed else "")
    yield Count("Not sent", _spared(found), "percent", note="of all inputs")
    yield Count("Connections", view.factory.connections, note=_sessions(found.traffic.sessions_open))
    yield Count("Load", machine_facts.load().averages[0], note=f"{os.cpu_count() or 1} processors")
    memory = machine_facts.memory()
    available = memory.get("MemAvailable")
    is_short = available is not None and available < _FEW_BYTES
    yield Count("Free memory", available, "bytes", "of this machine", "bad" if is_short else "")


def _spared(found: Statistics) -> float | None:
    """Return which part of all inputs of jobs did not have to be sent."""
    return 100 * max(0.0, 1 - found.traffic.received / found.inputs) if found.inputs else None


def _sessions(number: int) -> str:
    return f"{number} session{'' if number == 1 else 's'}"


def _curves(view: ServerView) -> tuple[Curve, ...]:
    points = tuple(view.statistics.hour.points)
    before = (None,) * (_POINTS - len(points))
    per_minute = _MINUTE / STEP

    def curve(label: str, value: Callable[[Point], float], limit: float | None = None) -> Curve:
        return Curve(label, "", STEP, (*before, *map(value, points)), limit)

    def rate(label: str, value: Callable[[Point], float]) -> Curve:
        values = (per_minute * value(point) for point in points)
        return Curve(label, "per minute", STEP, (*before, *values))

    network = (per_minute * (point.received + point.sent) for point in points)
    return (
        rate("Compiles", lambda point: point.finished),
        curve("Running", lambda point: point.running, view.admission.jobs),
        curve("Waiting", lambda point: point.waiting),
        Curve("Network", "bytes per minute", STEP, (*before, *network)),
    )


def _clients(view: ServerView) -> Table:
    columns = (
        Column("Client"), Column("Compiled", "count"), Column("Not served", "count"),
        Column("CPU time", "seconds"), Column("In", "bytes"), Column("Out", "bytes"),
    )  # fmt: skip
    used = sorted(view.statistics.identities.items(), key=lambda one: -one[1].cpu)
    rows = tuple(
        (identity, usage.jobs, usage.failed, usage.cpu, usage.received, usage.sent)
        for identity, usage in used
    )
    return Table("Clients", columns, rows, "No client has sent a job yet.")


def _slowest(view: ServerView) -> Table:
    columns = (
        Column("Source", "path"), Column("Time", "seconds"), Column("Compiler"), Column("Client"),
    )  # fmt: skip
    rows = tuple(
        (one.source, one.seconds, os.path.basename(one.compiler), one.who)
        for one in view.statistics.slowest
    )
    return Table("Slowest units of the last hour", columns, rows, "Nothing has been compiled yet.")


def _remarks(view: ServerView) -> Table:
    columns = (
        Column("When", "time"), Column("Why", "sentence"), Column("What", "path"), Column("Client"),
    )  # fmt: skip
    rows = tuple(
        (one.moment, f"{one.verdict}: {one.reason}", one.what, one.who)
        for one in reversed(view.statistics.remarks)
    )
    return Table("Refusals and failures", columns, rows, "No refusals, and no failures.")


def _results(view: ServerView) -> Table:
    columns = (Column("Result", "sentence"), Column("Jobs", "count"), Column("Reason"))
    rows = tuple(
        (_RESULTS.get(result, result), number, reason)
        for (result, reason), number in sorted(view.statistics.jobs.items(), key=lambda one: -one[1])
    )
    return Table("Results", columns, rows, "No job has finished yet.")
