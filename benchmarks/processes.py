"""What Linux says of running processes: whose child, how much memory, how much CPU.

What enters: process ids.
What leaves: numbers out of /proc.  A process that is gone counts as nothing.
What it refuses to know: what the processes are for.
"""

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# The number of the system call `kcmp`, and what it compares here: what two processes' addresses mean.
_KCMP = {"x86_64": 312, "aarch64": 272}
_KCMP_VM = 1
_KIBIBYTES_PER_MEBIBYTE = 1024
_SAMPLING_PERIOD = 0.02  # seconds: a hundred samples in a burst of two seconds


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident and proportional set size of a server's own processes together, in MiB."""

    rss: float
    pss: float


def memory(pid: int) -> Memory:
    """Return the memory of process `pid` and of its descendants that run the same program.

    So the children that a server forks count, and the compilers that it starts do not: neither when
    they run, nor in the moment before that when a child still runs in its parent's own memory.
    """
    rollups = [_rollup(member) for member in _same_program(pid)]
    return Memory(
        sum(rollup.get("Rss", 0) for rollup in rollups) / _KIBIBYTES_PER_MEBIBYTE,
        sum(rollup.get("Pss", 0) for rollup in rollups) / _KIBIBYTES_PER_MEBIBYTE,
    )


def peak_memory(pid: int, work: Callable[[], None]) -> Memory:
    """Return the most memory that the server `pid` was seen to have while `work` ran."""
    samples = [memory(pid)]
    done = threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLING_PERIOD):
            samples.append(memory(pid))

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        work()
    finally:
        done.set()
        sampler.join()
    return Memory(max(each.rss for each in samples), max(each.pss for each in samples))


def cpu_seconds(pid: int) -> float:
    """Return user and system time of process `pid` and of its children that it waited for."""
    fields = _stat_fields(pid)
    return sum(int(ticks) for ticks in fields[11:15]) / _TICKS_PER_SECOND


def family_cpu_seconds(root: int) -> float:
    """Return user and system time of process `root`, of all that it started, and of what they did."""
    return sum(map(cpu_seconds, _family(root)))


def marked(variable: str, value: str) -> list[int]:
    """Return the processes that were started with `variable` set to `value` in their environment.

    It finds a resident process that detached from everything else that would lead to it.
    """
    mark = os.fsencode(f"{variable}={value}")
    return [pid for pid in _all() if mark in _read(pid, "environ").split(b"\0")]


def writing_to(log: Path) -> list[int]:
    """Return the processes whose standard error is the file `log`: an agent has no environment."""
    return [pid for pid in _all() if _is_same(log, Path(f"/proc/{pid}/fd/2"))]


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one of them is not there, or not ours to see
        return False


def _same_program(root: int) -> Iterator[int]:
    program = _program(root)
    family = _family(root)
    forked = (pid for pid, parent in family.items() if pid == root or not _same_memory(pid, parent))
    return (pid for pid in forked if _program(pid) == program)


def _family(root: int) -> dict[int, int]:
    """Return `root` and all its descendants, each with its parent."""
    parents = {pid: int(fields[1]) for pid in _all() if (fields := _stat_fields(pid))}
    family = {root}
    while grown := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= grown
    return {pid: parents.get(pid, 0) for pid in family}


def _same_memory(one: int, other: int) -> bool:
    """Tell whether two processes have one memory; on a machine that cannot tell, they have two."""
    number = _KCMP.get(os.uname().machine)
    return number is not None and ctypes.CDLL(None).syscall(number, one, other, _KCMP_VM, 0, 0) == 0


def _rollup(pid: int) -> dict[str, int]:
    """Return the sizes in kB of `smaps_rollup`, whose first line is an address range."""
    rows = (line.split() for line in _read(pid, "smaps_rollup").decode().splitlines()[1:])
    return {row[0].rstrip(":"): int(row[1]) for row in rows}


def _stat_fields(pid: int) -> list[bytes]:
    """Return the fields of `stat` that follow the name, which may itself hold blanks."""
    return _read(pid, "stat").rpartition(b")")[2].split()


def _program(pid: int) -> str | None:
    try:
        return os.readlink(_PROC / str(pid) / "exe")
    except OSError:
        return None


def _all() -> list[int]:
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return (_PROC / str(pid) / name).read_bytes()
    except OSError:
        return b""
