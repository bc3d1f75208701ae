"""A build as trace events, which Perfetto (https://ui.perfetto.dev) and Chrome show as a timeline.

Each unit is a slice, and its parts are slices within it, one after the other without a gap.  Beside that
stand the slots of each host and of this machine, with the units that they had.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from twisted_distcc.cli.build_report.lanes import first_begun, in_lanes, on_host, parts_in_time
from twisted_distcc.cli.journal_access import PART_WORDS
from twisted_distcc.client.journal.unit_record import UnitRecord

_UNITS = 1
_SECOND = 1_000_000


def trace(units: Sequence[UnitRecord]) -> dict[str, Any]:
    """Return the trace of `units`, as a value for `json.dump`.

    Its times are microseconds since `began`, which is in seconds since the epoch.
    """
    events = [*_unit_events(units), *_slot_events(units)]
    began = {"began": first_begun(units)}
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": began}


def _unit_events(units: Sequence[UnitRecord]) -> Iterator[dict[str, Any]]:
    began = first_begun(units)
    yield _name("process_name", "Units", _UNITS)
    for lane, unit in in_lanes(units):
        start = round((unit.began - began) * _SECOND)
        lengths = sum(length for _, length in unit.parts)
        yield _slice(unit.file, "unit", start, lengths, _UNITS, lane) | {"args": _about(unit)}
        for name, at, length in parts_in_time(unit):
            yield _slice(PART_WORDS[name], "part", start + at, length, _UNITS, lane)


def _slot_events(units: Sequence[UnitRecord]) -> Iterator[dict[str, Any]]:
    began = first_begun(units)
    held = [unit for unit in units if unit.slot >= 0]
    hosts = sorted({unit.host for unit in held})
    for process, host in enumerate(hosts, _UNITS + 1):
        yield _name("process_name", host or "This machine", process)
        for slot in sorted({unit.slot for unit in held if unit.host == host}):
            yield _name("thread_name", f"slot {slot + 1}", process, slot)
        for unit in held:
            at, length = on_host(unit)
            if unit.host == host and length:
                start = round((unit.began - began) * _SECOND) + at
                yield _slice(unit.file, "slot", start, length, process, unit.slot)


def _slice(name: str, kind: str, start: int, length: int, process: int, thread: int) -> dict[str, Any]:
    return {
        "name": name, "cat": kind, "ph": "X", "ts": start, "dur": length, "pid": process, "tid": thread,
    }  # fmt: skip


def _name(what: str, name: str, process: int, thread: int = 0) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": process, "tid": thread, "args": {"name": name}}


def _about(unit: UnitRecord) -> dict[str, Any]:
    about = {
        "became": unit.became,
        "host": unit.host,
        "reason": unit.reason,
        "folder": unit.folder,
        "status": unit.status,
        "sent": unit.sent,
        "received": unit.received,
        "failed": [f"{host} {fault}" for host, fault in unit.faults],
    }
    return {name: value for name, value in about.items() if value not in ("", None, [])}
