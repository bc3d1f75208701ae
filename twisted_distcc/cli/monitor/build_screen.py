"""A `View` for a terminal, as something that rich draws, and as lines of plain text.

Names come from files that anybody may have called anything: they are shown as text, by `plain`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from twisted_distcc.cli.journal_access import counted, duration, plain, share
from twisted_distcc.cli.monitor.build_view import HERE, HostView, InFlight, View
from twisted_distcc.client.journal.unit_record import UnitRecord

_COLUMN: Final = 64
"""The columns that a host needs, at most."""
_SHOWN_HERE: Final = "this machine"
_MOST_REASONS: Final = 5
_LONGEST_NAME: Final = 30
_STYLES: Final = {"compiling": "green", "waiting": "yellow"}

_Line = tuple[str, str]
"""A line, and the style in which rich shows it."""


def line_of(unit: UnitRecord) -> str:
    """Return the line for a unit that has ended."""
    at = time.strftime("%H:%M:%S", time.localtime(unit.ended))
    return plain(f"{at}  {unit.file}  {_outcome(unit)}{_faults(unit)}")


def _outcome(unit: UnitRecord) -> str:
    took = duration(unit.took)
    if unit.is_remote:
        return f"compiled on {unit.host} in {took}{f' ({unit.reason})' if unit.reason else ''}"
    if unit.became == "local":
        return f"compiled here in {took}: {unit.reason}"
    return f"{unit.became} after {took}"


def _faults(unit: UnitRecord) -> str:
    return "".join(f"; {host} failed: it {fault}" for host, fault in unit.faults)


def summary(view: View) -> list[str]:
    """Return the lines about the build as a whole."""
    flight = f"{view.in_flight} in flight"
    if not view.build:
        return [f"No units have ended in the last minute; {flight}."]
    saved = f", about {duration(view.saved)} saved" if view.saved >= 1 else ""
    done = len(view.build)
    parts = [f"{view.remote} on servers ({share(view.remote, done)})", f"{view.local} here"]
    if view.failed:
        parts.append(f"{view.failed} failed or interrupted")
    return [
        f"{counted(done, 'unit')} done in {duration(view.elapsed)}{saved}; {flight}.",
        f"{', '.join(parts)}.",
    ]


def lines_of(view: View) -> Iterator[str]:
    """Yield all of `view` as plain text."""
    yield from summary(view)
    for block in _blocks(view):
        yield from (plain(line) for line, _ in block)
    yield from (plain(line) for line, _ in _reasons(view))


def drawn(view: View, width: int, height: int) -> RenderableType:
    """Return `view` as rich draws it in so many columns and rows.

    Where there is no room for each slot, there is a line for each host, and then the oldest units.
    """
    head = [(line, "bold") for line in summary(view)]
    reasons = _reasons(view)[: height // 3]
    beside = max(1, width // _COLUMN)
    room = max(height - len(head) - len(reasons), 1)
    rows, more = _side_by_side(_blocks(view), beside), _ended
    if len(rows) > room:
        rows, more = _side_by_side([block[:1] for block in _blocks(view)], beside), _oldest
    spare = room - len(rows)
    grid = Table.grid(expand=True, padding=(0, 1))
    for _ in range(beside):
        grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for row in _cut(rows, room):
        grid.add_row(*map(_text, row))
    below = more(view, spare) if spare > 2 else []
    return Group(*map(_text, head), grid, *map(_text, reasons), *map(_text, below))


def _text(line: _Line) -> Text:
    return Text(plain(line[0]), style=line[1], no_wrap=True, overflow="ellipsis")


def _side_by_side(blocks: Sequence[list[_Line]], count: int) -> list[list[_Line]]:
    """Return rows of the columns into which `blocks` are put, each where least is so far."""
    columns: list[list[_Line]] = [[] for _ in range(count)]
    for block in blocks:
        min(columns, key=len).extend(block)
    return [list(row) for row in zip_longest(*columns, fillvalue=("", ""))]


def _cut(rows: list[list[_Line]], most: int) -> list[list[_Line]]:
    if len(rows) <= most:
        return rows
    more = (f"… {len(rows) - most + 1} more rows need a larger terminal", "dim")
    return [*rows[: most - 1], [more, *(("", "") for _ in rows[0][1:])]]


def _blocks(view: View) -> list[list[_Line]]:
    """Return the lines about each host, and about those units that have none."""
    width = max(len(_name(host)) for host in view.hosts)
    blocks = [[_about(host, width), *_slots(host)] for host in view.hosts]
    if view.waiting:
        head = f"no host yet: {len(view.waiting)}"
        blocks.append([(head, "bold cyan"), *(_job("", job) for job in view.waiting)])
    return blocks


def _name(host: HostView) -> str:
    return _SHOWN_HERE if host.name == HERE else host.name[:_LONGEST_NAME]


def _about(host: HostView, width: int) -> _Line:
    busy = f"{len(host.jobs):2} of {len(host.slots)} busy"
    return f"{_name(host):{width}} {busy}, {host.done} done, {host.rate} a minute", "bold cyan"


def _slots(host: HostView) -> list[_Line]:
    """Return a line for each slot of `host`; those that are idle at the end make one."""
    busy = [number for number, job in enumerate(host.slots, 1) if job is not None]
    last = busy[-1] if busy else 0
    lines = [
        (f"  {number:2}  idle", "dim") if job is None else _job(str(number), job)
        for number, job in enumerate(host.slots[:last], 1)
    ]
    idle = len(host.slots) - last
    if not idle:
        return lines
    first, end = last + 1, len(host.slots)
    return [*lines, (f"  {first:2}{f' to {end}' if idle > 1 else ''}  idle", "dim")]


def _job(slot: str, job: InFlight) -> _Line:
    style = _STYLES.get(job.phase, "")
    return f"  {slot:>2}  {job.phase:10} {duration(job.age):>9}  {job.file}", style


def _reasons(view: View) -> list[_Line]:
    reasons = view.reasons
    if not reasons:
        return []
    shown = [(f"  {count:4}  {reason}", "") for reason, count in reasons[:_MOST_REASONS]]
    if rest := sum(count for _, count in reasons[_MOST_REASONS:]):
        shown.append((f"  {rest:4}  for other reasons", ""))
    return [("compiled here, and why", "bold cyan"), *shown]


def _oldest(view: View, rows: int) -> list[_Line]:
    """Return the lines of the units that are in flight for longest, as many as there are `rows` for."""
    jobs = [(job, _name(host)) for host in view.hosts for job in host.jobs]
    oldest = sorted(jobs, key=lambda one: -one[0].age)[: rows - 1]
    lines = [(f"  {duration(job.age):>9}  {job.file}  {name}", "") for job, name in oldest]
    return [("longest in flight", "bold cyan"), *lines]


def _ended(view: View, rows: int) -> list[_Line]:
    """Return the lines of the units that ended last, as many as `rows` are enough for."""
    latest = view.build[:-rows:-1]
    return [("just ended", "bold cyan"), *((f"  {line_of(unit)}", "") for unit in latest)]
