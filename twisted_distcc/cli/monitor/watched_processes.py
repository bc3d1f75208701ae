"""What the processes of compiles are, as Linux tells it of every process."""

from __future__ import annotations

import os
import time
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_STARTED: Final = 19
"""Which field of `/proc/PROCESS/stat` it is, after the command's name."""


def age_of(process: int) -> float:
    """Return for how many seconds `process` has been running; 0 if it has ended."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            told = file.read()
    except OSError:
        return 0.0
    started = int(told.rpartition(b")")[2].split()[_STARTED]) / _TICKS
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)


def is_c_distcc(process: int) -> bool:
    """Whether `process` is C distcc, by whatever name it was started."""
    return _link(process, "exe").rpartition("/")[2] == "distcc"


def folder_of(process: int) -> str:
    """Return the working directory of `process`; empty if it has ended, or is not ours."""
    return _link(process, "cwd")


def _link(process: int, name: str) -> str:
    try:
        return os.readlink(f"/proc/{process}/{name}")
    except OSError:
        return ""
