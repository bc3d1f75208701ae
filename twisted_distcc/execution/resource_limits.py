"""Limits on how much of the machine one job may use.

`Limits` provides the numbers, and the commands for those who have a shell set them; `check_limits` finds
which one a compiler has hit.
Real C++ hits none of the defaults; each can be changed by an option of the server.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Final

from twisted_distcc.errors import EXIT_OUT_OF_MEMORY, EXIT_TIMEOUT, DistccError

MIB: Final = 1024 * 1024
GIB: Final = 1024 * MIB
_BLOCK: Final = 512  # of `ulimit -f`, in every shell that keeps to POSIX
_KIB: Final = 1024
# Each file takes about a KiB of the kernel's memory beside its contents, so this adds less than 2 %.
_SPACE_PER_FILE: Final = 64 * 1024
_FEW_FILES: Final = 64
# Seconds between the signal that warns a program of its limit and the one that it cannot ignore.
_GRACE: Final = 1
# Bytes of a core dump.  None is written with 0 either, but the program of `core_pattern` is started; see
# core(5).
_NO_CORE: Final = 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on what one job may use.

    Attributes:
        memory: bytes of address space, of each process: the largest known translation units take 5 GiB.
        cpu: seconds of processor time, of each process.
        file_size: bytes of each file that it writes, its object file too.
        space: bytes of all files in its folder together; they are in memory.  It also determines how
            many files there may be.
        processes: how many at once, including threads; gcc needs four.
        open_files: descriptors of each process; ld takes most, and it does not run here.
    """

    memory: int = 8 * GIB
    cpu: int = 3600
    file_size: int = GIB
    space: int = 2 * GIB
    processes: int = 64
    open_files: int = 256

    @property
    def files(self) -> int:
        """The most files, folders, links and names that a job may have in its folder at a time."""
        return _FEW_FILES + self.space // _SPACE_PER_FILE

    def by_resource(self) -> dict[str, tuple[int, int]]:
        """Return soft and hard limits by the names of resources, as in setrlimit(2), without `RLIMIT_`.

        Processes are counted for the job alone, in a namespace of its own.
        """
        both = {
            "core": _NO_CORE,
            "nofile": self.open_files,
            "fsize": self.file_size,
            "as": self.memory,
            "nproc": self.processes,
        }
        return {
            "cpu": (self.cpu, self.cpu + _GRACE),
            **{name: (most, most) for name, most in both.items()},
        }

    def script(self, *, own_processes: bool) -> str:
        """Return commands of a POSIX shell that set the limits for itself and whatever it runs.

        `own_processes` says that processes are counted for the job alone, as in a namespace of its own;
        otherwise the system counts all of the user's, and no limit is set.
        """
        words = [
            "ulimit -c 0",
            f"ulimit -n {self.open_files}",
            f"ulimit -S -t {self.cpu}",
            f"ulimit -H -t {self.cpu + _GRACE}",
            f"ulimit -f {self.file_size // _BLOCK}",
            f"ulimit -v {self.memory // _KIB}",
        ]
        if own_processes:  # `-u` in most shells, `-p` in dash
            words.append(f"ulimit -u {self.processes} || ulimit -p {self.processes}")
        # A limit that is already lower cannot be raised; the user at the client need not know.
        return "\n".join(("{", *words, "} 2>/dev/null"))


class LimitMetError(DistccError):
    """A job hit a limit of this server; `limit` is the option that changes it, without `--`."""

    def __init__(self, limit: str, exit_code: int) -> None:
        super().__init__(f"the job met a limit of this server (--{limit}); another one may have more")
        self.limit = limit
        self.exit_code = exit_code


_MEMORY: Final = ("sandbox-memory", EXIT_OUT_OF_MEMORY)
_CPU: Final = ("sandbox-cpu", EXIT_TIMEOUT)
_FILE_SIZE: Final = ("sandbox-file-size", EXIT_OUT_OF_MEMORY)
SPACE: Final = ("sandbox-space", EXIT_OUT_OF_MEMORY)
_PROCESSES: Final = ("sandbox-processes", EXIT_OUT_OF_MEMORY)
_OPEN_FILES: Final = ("sandbox-open-files", EXIT_OUT_OF_MEMORY)

_OF_SIGNAL: Final = {signal.SIGXCPU: _CPU, signal.SIGXFSZ: _FILE_SIZE}

# What compilers, assemblers and shells print about them, in plain English.
_OF_WORDS: Final = (
    (b"CPU time limit exceeded", _CPU),
    (b"File size limit exceeded", _FILE_SIZE),
    (b"File too large", _FILE_SIZE),
    (b"No space left on device", SPACE),
    (b"Too many open files", _OPEN_FILES),
    (b"Resource temporarily unavailable", _PROCESSES),
    (b"Cannot fork", _PROCESSES),
    (b"virtual memory exhausted", _MEMORY),
    (b"memory exhausted", _MEMORY),
    (b"out of memory", _MEMORY),
    (b"Cannot allocate memory", _MEMORY),
    (b"std::bad_alloc", _MEMORY),
)


def check_limits(status: int, said: bytes) -> None:
    """Raise `LimitMetError` if a compiler that ended with the wait status `status` hit a limit.

    A source can make a compiler print anything (`#error`): then the job is tried elsewhere, and finally
    done by its owner, who sees the same message.
    """
    if not status:
        return
    limit = _OF_SIGNAL.get(status & 0x7F)  # type: ignore[call-overload]
    if limit is None:
        limit = next((limit for words, limit in _OF_WORDS if words in said), None)
    if limit is not None:
        raise LimitMetError(*limit)
