"""The options about the sandbox, the same for every kind of server.

In: words of a command line.  Out: how compilers are kept, and the limits of a job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from twisted_distcc.execution.resource_limits import Limits

SANDBOX_HELP: Final = "Whether compilers run in a sandbox: auto, require or off."
MODES: Final = ("auto", "require", "off")

JOB_LIFETIME: Final = 7200
"""Seconds that a job may take by default: whoever sleeps must not keep a place for ever."""

_UNITS: Final = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def mode(text: str) -> str:
    """Read `auto`, `require` or `off`.

    Raises:
        ValueError: if it is none of them.
    """
    if text not in MODES:
        raise ValueError(f"{text!r} is none of {', '.join(MODES)}")
    return text


def size(text: str) -> int:
    """Read a number of bytes, such as `8G`, `512M` or `4096`.

    Raises:
        ValueError: if it is none, or nothing.
    """
    digits = text.rstrip("KMGTkmgt")
    unit = text[len(digits) :].upper()
    if not (digits.isascii() and digits.isdecimal()) or len(unit) > 1 or not int(digits):
        raise ValueError(f"{text!r} is no size, such as 8G or 512M")
    return int(digits) * _UNITS.get(unit, 1)


def count(text: str) -> int:
    """Read a whole number, at least 1.

    Raises:
        ValueError: if it is none.
    """
    if not (text.isascii() and text.isdecimal()) or not int(text):
        raise ValueError(f"{text!r} is no whole number, at least 1")
    return int(text)


@dataclass(frozen=True, slots=True)
class LimitOption:
    """One option that moves a limit.

    Attributes:
        name: its long name, without dashes.
        field: of `Limits`.
        default: as a user would write it.
        help: one line.
        read: makes a number of what a user wrote.
    """

    name: str
    field: str
    default: str
    help: str
    read: Callable[[str], int]


LIMIT_OPTIONS: Final = (
    LimitOption("sandbox-memory", "memory", "8G", "Most memory of each process of a job.", size),
    LimitOption("sandbox-cpu", "cpu", "3600", "Most seconds of processor time of each process.", count),
    LimitOption("sandbox-file-size", "file_size", "1G", "Largest file that a job may write.", size),
    LimitOption("sandbox-space", "space", "2G", "Most space for all files of a job, in memory.", size),
    LimitOption("sandbox-processes", "processes", "64", "Most processes of a job at a time.", count),
    LimitOption("sandbox-open-files", "open_files", "256", "Most open files of each process.", count),
)


def limits(options: Mapping[str, Any]) -> Limits:
    """Give the limits that `options` say, by the names of the options."""
    return Limits(**{option.field: options[option.name] for option in LIMIT_OPTIONS})
