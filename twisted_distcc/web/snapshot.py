"""What a live page shows at one moment.

A server and an agent both fill in a `Snapshot`, and the page knows nothing else of either::

    Snapshot(
        name="distccd on build1",
        about="twisted_distcc 1.0, sandbox on",
        moment=time.time(),
        since=started,
        counts=(Count("Running", 3), Count("Failed", 1, tone="bad")),
        lanes=(Lane("Slots", 4, (JobShown("main.c", "tls:alice", "compiling", 1.2),)),),
        curves=(Curve("Jobs", "per minute", 15.0, (0.0, 4.0, None)),),
        tables=(Table("Slowest units", (Column("File"), Column("Time", "seconds")), (("a.c", 4.1),)),),
    )

Values are raw: seconds, bytes, text as a peer sent it.  The page formats them by their unit, and shows
every text as text.  `as_json` bounds how much there is of everything.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, Literal, TypeAlias

LONGEST: Final = 300
"""Characters of one text that reach the page."""
MOST: Final = 400
"""Entries of one list that reach the page."""

Unit: TypeAlias = Literal[
    "", "count", "seconds", "bytes", "percent", "per minute", "bytes per minute", "time", "path",
    "sentence",
]  # fmt: skip
"""What a value means.

`""` is a number, or a few words; `count` a number of things; `time` seconds since the epoch; `path` a
file, of which the folders give way first where there is little room; and `sentence` a text that may
take several lines.
"""
Tone: TypeAlias = Literal["", "good", "bad"]
"""How a value is to be taken; the page never says so by colour alone."""
Cell: TypeAlias = str | float | None


@dataclass(frozen=True, slots=True)
class Count:
    """One number of the page's first line.

    Attributes:
        label: what is counted, in one or two words.
        value: the number; `None` if it is unknown.
        unit: what it means.
        note: a few words below it, such as "of 8 slots".
        tone: whether it is good news, or bad.
    """

    label: str
    value: float | None
    unit: Unit = ""
    note: str = ""
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class JobShown:
    """A job in flight.

    Attributes:
        file: the source's name.
        who: for a server the client's identity, for an agent whatever tells builds apart, or "".
        stage: what is done with it now, in a word: `waiting`, `preparing`, `compiling` …
        age: seconds since it arrived.
    """

    file: str
    who: str
    stage: str
    age: float


@dataclass(frozen=True, slots=True)
class Lane:
    """Slots that are filled with jobs: those of the server, or of one host.

    Attributes:
        name: whose slots they are.
        slots: how many there are.
        jobs: the jobs in them.
        note: a few words about it, such as a rate, or why it is avoided.
        tone: whether that is good news, or bad.
    """

    name: str
    slots: int
    jobs: tuple[JobShown, ...] = ()
    note: str = ""
    tone: Tone = ""


@dataclass(frozen=True, slots=True)
class Curve:
    """A value over time.

    Attributes:
        label: what it is.
        unit: what its numbers mean.
        step: seconds from one point to the next.
        points: the values, the latest last; `None` where there is none.
        limit: a value to compare with, such as the number of slots, drawn as a line.
    """

    label: str
    unit: Unit
    step: float
    points: tuple[float | None, ...]
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, and what its values mean."""

    label: str
    unit: Unit = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of values, such as the slowest units, or refusals with their reasons.

    Attributes:
        title: its heading.
        columns: what the values are.
        rows: the values, in the order in which they are shown.
        empty: the sentence that stands there if there are no rows.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()
    empty: str = "None so far."


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that the page shows at one moment.

    Attributes:
        name: what it is about, such as "distccd on build1"; the page's heading.
        about: a few words more, such as versions.
        moment: when this was so, in seconds since the epoch.
        since: when counting began, likewise.
        state: "" if all is well, or a sentence that stands out, such as "The server is ending.".
        counts: the page's first line.
        lanes: the jobs that run.
        waiting: the jobs that wait for a slot, or the first of them.
        queue: how many wait.
        curves: the last hour.
        tables: everything else; the first two are beside the jobs, and best narrow.
    """

    name: str
    about: str
    moment: float
    since: float
    state: str = ""
    counts: tuple[Count, ...] = ()
    lanes: tuple[Lane, ...] = ()
    waiting: tuple[JobShown, ...] = ()
    queue: int = 0
    curves: tuple[Curve, ...] = ()
    tables: tuple[Table, ...] = ()


def as_json(snapshot: Snapshot) -> str:
    """Return `snapshot` as one line of ASCII, with texts and lists cut to what a page can show."""
    return json.dumps(_plain(snapshot), separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[: LONGEST - 1] + "…"
    if isinstance(value, float):
        return round(value, 3) if math.isfinite(value) else None
    if isinstance(value, Sequence):
        return [_plain(one) for one in value[:MOST]]
    if is_dataclass(value):
        return _fields(value)
    return value


def _fields(value: Any) -> Mapping[str, Any]:
    return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
