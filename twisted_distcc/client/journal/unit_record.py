"""What became of one unit, as the journal keeps it.

A `UnitRecord` is one line of JSON.  Its `parts` are the unit's time from the start of its tdistcc to
its end, one part after the other without a gap, so that they add up to the whole::

    record = UnitRecord(began=1.7e9, file="a.c", became="files", parts=((INPUTS, 1200), (HOST, 3000)))
    assert UnitRecord.parse(record.line()) == record

File names and reasons are bounded in length, and are escaped by JSON, whatever is in them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, TypeAlias, get_args

START: Final = "start"
"""From the start of tdistcc until its agent reads what it wants."""
INPUTS: Final = "inputs"
"""Reading the command, finding the files that it reads, and preprocessing."""
LOCAL_SLOT: Final = "local slot"
"""Waiting for a slot of this machine."""
HOST: Final = "host"
"""Waiting for a slot of a host."""
TRANSFER: Final = "transfer"
"""Sending, receiving, and what else is not the server's own time."""
QUEUE: Final = "queue"
"""Waiting for a place on the server."""
COMPILER: Final = "compiler"
"""Compiling: here, or on the server, with the setting up of its sandbox."""
DELIVERY: Final = "delivery"
"""Checking the results, and writing them."""
PARTS: Final = (START, INPUTS, LOCAL_SLOT, HOST, TRANSFER, QUEUE, COMPILER, DELIVERY)

Became: TypeAlias = Literal["files", "text", "local", "failed", "interrupted"]
"""How a unit was compiled: by a server, from its files or from preprocessed text; here; not at all."""
_BECAME: Final = frozenset(get_args(Became))

LONGEST: Final = 32 << 10
"""The most bytes of a line, most of whose characters JSON may have to escape."""
_LONGEST_TEXT: Final = 250
_MOST_PARTS: Final = 60
_MOST_FAULTS: Final = 4
_MOST: Final = 1 << 53


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRecord:
    """One unit.

    Attributes:
        began: when, in seconds since the epoch.
        file: the source, as it was typed.
        folder: the working directory.
        build: the process group that it was started from, which a build's commands share; 0 is unknown.
        became: what became of it.
        reason: why it was not compiled elsewhere, or its files were not sent.
        host: the host that compiled it, as the user wrote it; empty if none did.
        slot: which of that host's slots, or of this machine's, it had; -1 is none.
        status: the compiler's exit status, if it is known: that of a compile here is not.
        parts: where its time went, in microseconds, one after the other.
        cpu: microseconds of processor time on the server.
        sent, received: bytes on the way to servers and back.
        faults: the hosts that failed on the way, and how.
    """

    began: float
    file: str
    became: Became
    folder: str = ""
    build: int = 0
    reason: str = ""
    host: str = ""
    slot: int = -1
    status: int | None = None
    parts: tuple[tuple[str, int], ...] = ()
    cpu: int = 0
    sent: int = 0
    received: int = 0
    faults: tuple[tuple[str, str], ...] = ()

    @property
    def is_remote(self) -> bool:
        """Whether a server compiled it."""
        return self.became in ("files", "text")

    @property
    def took(self) -> float:
        """The seconds from its beginning to its end."""
        return sum(length for _, length in self.parts) / 1e6

    @property
    def ended(self) -> float:
        """When it ended, in seconds since the epoch."""
        return self.began + self.took

    def seconds(self, *names: str) -> float:
        """Return the seconds that it spent in the parts of these `names`."""
        return sum(length for name, length in self.parts if name in names) / 1e6

    def line(self) -> bytes:
        """Return the line of the journal for this unit."""
        told = {name: value for name in _NAMES if (value := getattr(self, name)) != _DEFAULTS[name]}
        return json.dumps(told, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> UnitRecord | None:
        """Return the unit of a line; `None` if it is not one, as after a crash."""
        try:
            told = json.loads(line)
            return _checked(told) if isinstance(told, dict) else None
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return None


_NAMES: Final = tuple(field.name for field in fields(UnitRecord))
_DEFAULTS: Final[Mapping[str, Any]] = {field.name: field.default for field in fields(UnitRecord)}


def bounded(text: str) -> str:
    """Return `text`, or its end if it is very long: that tells files and reasons apart."""
    return text if len(text) <= _LONGEST_TEXT else f"…{text[1 - _LONGEST_TEXT :]}"


def bounded_parts(parts: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Return `parts` with the last ones, if they are very many, as one."""
    first, rest = parts[: _MOST_PARTS - 1], parts[_MOST_PARTS - 1 :]
    if rest:
        first.append((rest[0][0], sum(length for _, length in rest)))
    return tuple(first)


def bounded_faults(faults: list[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return the last of `faults`."""
    return tuple((bounded(host), bounded(fault)) for host, fault in faults[-_MOST_FAULTS:])


def _checked(told: dict[str, Any]) -> UnitRecord:
    """Return the record that `told` describes; raise `ValueError` or the like if it describes none."""
    status = told.get("status")
    return UnitRecord(
        began=float(_number(told["began"])),
        file=_text(told["file"]),
        became=_became(told["became"]),
        folder=_text(told.get("folder", "")),
        build=int(_number(told.get("build", 0))),
        reason=_text(told.get("reason", "")),
        host=_text(told.get("host", "")),
        slot=int(_number(told.get("slot", -1))),
        status=None if status is None else int(_number(status)),
        parts=tuple((_part(name), int(_number(length))) for name, length in told.get("parts", ())),
        cpu=int(_number(told.get("cpu", 0))),
        sent=int(_number(told.get("sent", 0))),
        received=int(_number(told.get("received", 0))),
        faults=tuple((_text(host), _text(fault)) for host, fault in told.get("faults", ())),
    )


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1 <= value <= _MOST:
        raise ValueError(value)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return bounded(value)


def _became(value: object) -> Became:
    if value not in _BECAME:
        raise ValueError(value)
    return value  # type: ignore[return-value]  # mypy does not see that the set has nothing else


def _part(value: object) -> str:
    if value not in PARTS:
        raise ValueError(value)
    return str(value)
