"""Start a program as the leader of a new process group, and kill it with its group.

`start` uses `posix_spawn`, whose small cost does not grow with the size of this process.  It can set
neither working directory nor umask nor OOM score, so this process takes them on for that moment.
"""

from __future__ import annotations

import os
import signal
from _thread import allocate_lock
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, TypeAlias, TypeVar

Text = TypeVar("Text", str, bytes)

NOTHING: Final = -1
"""The null device, in place of a descriptor."""
INHERITED_UMASK: Final = -1

_STDERR: Final = 2
_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

# Python ignores these from its start; a program that it starts would go on ignoring them.
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)

# One start at a time: two threads would pick up each other's directory, umask or OOM score.
_STARTING: Final = allocate_lock()

_STANDING: Final = "/proc/self/oom_score_adj"
_FIRST_TO_DIE: Final = b"1000"
_DIGITS: Final = 16
_SET_CHILD_SUBREAPER: Final = 36
# Our own OOM score, held open by a process that drops root: its `/proc` is root's from then on.
_HELD: Final[list[int]] = []

# Programs that were started and not reaped yet.
_OURS: Final[set[int]] = set()

_Action: TypeAlias = tuple[int, int, str, int, int] | tuple[int, int, int] | tuple[int, int]


def start(
    argv: Sequence[Text],
    environ: Mapping[Text, Text],
    directory: str | bytes | None,
    umask: int,
    streams: Sequence[int],
    expendable: bool = False,
) -> int:
    """Start the program at the path `argv[0]`, and return its process ID.

    Args:
        argv: its path and arguments.
        environ: its whole environment.
        directory: its working directory; `None` is ours.
        umask: its umask; `INHERITED_UMASK` is ours.
        streams: its standard streams and any further descriptors, numbered from 0 in this order.
        expendable: whether the kernel should kill it first when the machine runs out of memory.

    Raises:
        OSError: if it cannot be started.
        ValueError: if an argument or a variable cannot be passed to a program.
    """
    with _STARTING, _in(directory), _with(umask), _expendable(expendable):
        pid = os.posix_spawn(
            argv[0],
            tuple(argv),
            environ,
            file_actions=_actions(streams),
            setpgroup=0,
            setsigmask=(),
            setsigdef=_IGNORED_BY_PYTHON,
        )
        _OURS.add(pid)
        return pid


def started(pid: int) -> None:
    """Register a child that was not started by `start` as one that will be waited for."""
    _OURS.add(pid)


def reap(pid: int) -> tuple[int, float, float]:
    """Wait for a program; return its wait status, and its user and system time in seconds."""
    _, status, usage = os.wait4(pid, 0)
    _OURS.discard(pid)
    return status, usage.ru_utime, usage.ru_stime


def reap_adopted() -> bool:
    """Reap children that have ended and that nobody waits for, which the kernel handed to us.

    Children of processes that have ended go to the first process of a PID namespace, as in a container,
    or to one that has asked for them (a "subreaper", see prctl(2)).

    Returns:
        Whether there may be more, behind one that we started and that is being waited for.
    """
    with _STARTING:  # or one of ours that ends at once would be a stranger yet
        while (ended := _ended_child()) is not None and ended not in _OURS:
            with suppress(ChildProcessError):  # somebody else was told of it, too
                os.waitpid(ended, 0)
    return ended is not None


def _ended_child() -> int | None:
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def hand_on_nothing() -> None:
    """Mark all open descriptors but the standard streams close-on-exec.

    Those that we open ourselves are already; whoever started us may have left more.
    """
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > _STDERR:
            with suppress(OSError):  # the one that listed them is closed already
                os.set_inheritable(number, False)


def hold_standing() -> None:
    """Keep our OOM score's file open, for when we may no longer open it.

    The file is this process's own: fork before calling this, not after.
    """
    with suppress(OSError):
        _HELD.append(os.open(_STANDING, os.O_RDWR | os.O_CLOEXEC))


def _open_standing() -> int:
    return os.dup(_HELD[-1]) if _HELD else os.open(_STANDING, os.O_RDWR | os.O_CLOEXEC)


def kill(pid: int) -> None:
    """Kill a program that was started but not reaped yet, and its process group.

    A program can leave its group, so the group may be gone while the program is not.
    """
    for one in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            one(pid, signal.SIGKILL)


def end_all(pids: Iterable[int]) -> None:
    """Kill these programs and everything they leave behind, and reap them.

    What a killed server leaves behind goes to the first process of its container, which may never wait
    for it.
    """
    _adopt_orphans()
    for pid in pids:
        kill(pid)
    with suppress(ChildProcessError):
        while True:
            for child in _children():
                kill(child)
            os.waitpid(-1, 0)


def _adopt_orphans() -> None:
    """Become the parent of orphaned descendants: a "subreaper", see prctl(2)."""
    with suppress(ImportError):  # of a Python without it, zombies are the worst
        import ctypes

        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children() -> list[int]:
    try:
        with open("/proc/thread-self/children", "rb") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:  # a kernel without that list
        return []


@contextmanager
def _in(directory: str | bytes | None) -> Iterator[None]:
    """Change to `directory` for a moment.  Other threads must use absolute paths meanwhile."""
    if directory is None:
        yield
        return
    here = _open_here()
    try:
        os.chdir(directory)
        yield
    finally:
        os.chdir(here)
        os.close(here)


def _open_here() -> int:
    """Open our working directory, or `/` if it is closed to us, as it may be after dropping root."""
    try:
        return os.open(".", _FOLDER)
    except PermissionError:
        return os.open("/", _FOLDER)


@contextmanager
def _with(umask: int) -> Iterator[None]:
    """Set `umask` for a moment."""
    if umask == INHERITED_UMASK:
        yield
        return
    ours = os.umask(umask)
    try:
        yield
    finally:
        os.umask(ours)


@contextmanager
def _expendable(wanted: bool) -> Iterator[None]:
    """Be the kernel's first choice when memory runs out, for a moment; returning is always allowed."""
    if not wanted:
        yield
        return
    try:
        descriptor = _open_standing()
    except OSError:  # without a `/proc` the kernel takes whoever is largest
        yield
        return
    ours = os.pread(descriptor, _DIGITS, 0)
    try:
        os.pwrite(descriptor, _FIRST_TO_DIE, 0)
        yield
    finally:
        os.pwrite(descriptor, ours, 0)
        os.close(descriptor)


def _actions(streams: Sequence[int]) -> list[_Action]:
    """Return the file actions of `posix_spawn` for the streams; all else that is open here closes.

    A stream whose source has the number of another stream would be overwritten before its turn, so in
    that case all of them are first moved to higher numbers.
    """
    count = len(streams)
    if not any(0 <= source < count for source in streams):
        return _dup(streams)
    spare = 1 + max(count, *streams)
    aside = [source if source == NOTHING else spare + stream for stream, source in enumerate(streams)]
    moved = [
        (source, number) for source, number in zip(streams, aside, strict=True) if source != NOTHING
    ]
    return [
        *((os.POSIX_SPAWN_DUP2, source, number) for source, number in moved),
        *_dup(aside),
        *((os.POSIX_SPAWN_CLOSE, number) for _, number in moved),
    ]


def _dup(streams: Sequence[int]) -> list[_Action]:
    return [
        (os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0)
        if source == NOTHING
        else (os.POSIX_SPAWN_DUP2, source, stream)
        for stream, source in enumerate(streams)
    ]
