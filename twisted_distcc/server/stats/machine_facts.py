"""What the kernel says of this machine: its load, its memory, its processes and its disk.

Nothing here is kept: each function reads when it is called, some milliseconds for `busiest`.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_KIB: Final = 1024
_PAGE_KIB: Final = resource.getpagesize() // _KIB
# Sectors as the kernel counts them (Documentation/admin-guide/iostats.rst), in its third number and its
# seventh behind the device's name.
_SECTORS: Final = (5, 9)


@dataclass(frozen=True, slots=True)
class Load:
    """The load average over 1, 5 and 15 minutes, and how many processes can run right now."""

    averages: tuple[float, float, float]
    current: int


@dataclass(frozen=True, slots=True)
class Processes:
    """All processes: how many wait for a disk, and the memory in KiB and name of the largest."""

    waiting: int
    largest: int
    name: str


def load(proc: Path = PROC) -> Load:
    """Return the load of the machine."""
    one, five, fifteen, running, *_ = (proc / "loadavg").read_text().split()
    return Load((float(one), float(five), float(fifteen)), int(running.partition("/")[0]))


def memory(proc: Path = PROC) -> dict[str, int]:
    """Return what `meminfo` says, in bytes."""
    lines = (line.split() for line in (proc / "meminfo").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) * _KIB for words in lines if len(words) > 2}


def free_space(folder: str) -> int:
    """Return how many bytes may be written below `folder`."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def sectors(proc: Path = PROC) -> int:
    """Return how many sectors of all disks have been read and written."""
    total = 0
    for line in (proc / "diskstats").read_text().splitlines():
        words = line.split()
        total += sum(int(words[place]) for place in _SECTORS)
    return total


def processes(proc: Path = PROC) -> Processes:
    """Look at all processes."""
    waiting, largest, name = 0, 0, "none"
    for comm, state, resident in _each_process(proc):
        waiting += state == "D"
        if resident > largest:
            largest, name = resident, comm
    return Processes(waiting, largest, name)


def _each_process(proc: Path) -> Iterator[tuple[str, str, int]]:
    """Yield the name, the state and the resident KiB of each process."""
    for folder in os.listdir(proc):
        if folder.isdecimal():
            with suppress(OSError):  # it has ended meanwhile
                text = (proc / folder / "stat").read_text(errors="replace")
                head, _, rest = text.rpartition(")")
                words = rest.split()
                yield head.partition("(")[2], words[0], int(words[21]) * _PAGE_KIB
