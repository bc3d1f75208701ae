"""Starting a program as the leader of a process group of its own, and killing it with its group.

In: a path, words, variables and descriptors.  Out: a process number.  `posix_spawn` does it, at the same
small cost whatever the size of this process; it can set neither working directory nor umask nor standing
with the kernel, so this process takes them on for that moment.
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
"""In place of a descriptor: the null device."""
INHERITED_UMASK: Final = -1

_STDERR: Final = 2
_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

# Python ignores these from its start; a program that it starts would go on ignoring them.
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)

# One start at a time: two threads would take each other's folder, umask or standing for their own.
_STARTING: Final = allocate_lock()

_STANDING: Final = "/proc/self/oom_score_adj"
_FIRST_TO_DIE: Final = b"1000"
_DIGITS: Final = 16
_SET_CHILD_SUBREAPER: Final = 36
# Our own standing, held open by who gives root away: its `/proc` is root's from then on.
_HELD: Final[list[int]] = []

# What was started and not reaped yet.
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
    """Start the program at the path `argv[0]`, and give its process number.

    Args:
        argv: its path and arguments.
        environ: its whole environment.
        directory: its working directory; `None` is ours.
        umask: its umask; `INHERITED_UMASK` is ours.
        streams: its standard streams, and whatever else it gets, in this order from 0.
        expendable: whether it is to die first when the machine's memory runs out.

    Raises:
        OSError: if it cannot be started.
        ValueError: if a word or a variable cannot be handed to a program.
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
    """Count a child that was not started by `start` among those that are waited for."""
    _OURS.add(pid)


def reap(pid: int) -> tuple[int, float, float]:
    """Wait for a program that was started; return its wait status, and its user and system time."""
    _, status, usage = os.wait4(pid, 0)
    _OURS.discard(pid)
    return status, usage.ru_utime, usage.ru_stime


def reap_adopted() -> bool:
    """Reap the children that have ended and that nobody waits for: the kernel has left them to us.

    Children of processes that have ended go to the first process of a PID namespace, as in a container,
    or to one that has asked for them (a "subreaper", see prctl(2)).

    Returns:
        Whether there may be more, behind one that we have started and that is being waited for.
    """
    with _STARTING:  # or one of ours that ends at once would be a stranger yet
        while (ended := _ended_child()) is not None and ended not in _OURS:
            os.waitpid(ended, 0)
    return ended is not None


def _ended_child() -> int | None:
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if found is None else found.si_pid


def hand_on_nothing() -> None:
    """Have all that is open now, but the standard streams, closed in whatever is started later.

    We close what we open ourselves; whoever started us may have left more.
    """
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > _STDERR:
            with suppress(OSError):  # the one that listed them is closed already
                os.set_inheritable(number, False)


def hold_standing() -> None:
    """Keep our standing with the kernel open, for when we may open it no more.

    It is this process's: whoever means to fork does so before.
    """
    with suppress(OSError):
        _HELD.append(os.open(_STANDING, os.O_RDWR | os.O_CLOEXEC))


def _open_standing() -> int:
    return os.dup(_HELD[-1]) if _HELD else os.open(_STANDING, os.O_RDWR | os.O_CLOEXEC)


def kill(pid: int) -> None:
    """Kill a program that was started, and its process group; whoever started it has not reaped it yet.

    A program can leave its group: then the group may be gone, and the program is not.
    """
    for one in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            one(pid, signal.SIGKILL)


def end_all(pids: Iterable[int]) -> None:
    """Kill these programs and all that they leave, and reap them.

    What a server that was killed leaves goes to the first process of its container, and that may be
    one that waits for nobody.
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
    """Have what our children leave become our children, too (prctl(2))."""
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
    """Be in that folder.  What runs in threads meanwhile names its files in full."""
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
    """Open our folder, or the root if ours is closed to us, as it may be to who gave root away."""
    try:
        return os.open(".", _FOLDER)
    except PermissionError:
        return os.open("/", _FOLDER)


@contextmanager
def _with(umask: int) -> Iterator[None]:
    """Have that umask."""
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
    """Be the first to die when memory runs out; we may come down again to what we were."""
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
    """Tell `posix_spawn` of the streams; everything else that is open here closes.

    A stream that comes from the number of another one would be overwritten before its turn, so then all
    go by way of numbers above them.
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
