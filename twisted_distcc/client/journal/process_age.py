"""For how long a process has been running, as Linux tells it of every process."""

from __future__ import annotations

import os
import time
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
# Which field of `/proc/PROCESS/stat` it is, after the command's name.
_STARTED: Final = 19


def age_of(process: int) -> float:
    """Return for how many seconds `process` has been running, to some hundredths; 0 if it has ended."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            told = file.read()
    except OSError:
        return 0.0
    started = int(told.rpartition(b")")[2].split()[_STARTED]) / _TICKS
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - started)
