"""Programs that this one starts: each a process group of its own, its output in files.

In: a `Command`.  Out: how it ended, and what it used.  This module refuses to know what the program
is for.

`posix_spawn` starts it, at the same small cost whatever the size of this process (Twisted's
`spawnProcess` would fork for a working directory); a pidfd in the reactor tells its end.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.errors import DistccError

NOTHING: Final = -3
INHERITED_UMASK: Final = -1
# Python ignores these from its start; a program that it starts would go on ignoring them.
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)


class CannotStartError(DistccError):
    """A program could not be started at all; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to start, and how.

    Attributes:
        argv: the program's path or name, and its arguments.
        environ: its whole environment; `None` hands on our own.
        directory: its working directory; `None` is ours.
        stdin, stdout, stderr: file descriptors; `NOTHING` is the null device.
        umask: its umask; `INHERITED_UMASK` is ours.
    """

    argv: Sequence[str | bytes]
    environ: Mapping[str, str] | None = None
    directory: str | bytes | None = None
    stdin: int = NOTHING
    stdout: int = NOTHING
    stderr: int = NOTHING
    umask: int = INHERITED_UMASK


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        status: the wait status, as `os.wait` gives it.
        user, system: processor time in seconds, of it and its children.
    """

    status: int
    user: float
    system: float


class Spawner(Protocol):
    """The seam to the operating system: starts commands, and is replaced in tests."""

    def __call__(self, command: Command) -> RunningProcess:
        """Start `command`, or raise `CannotStartError`."""
        ...


class RunningProcess(Protocol):
    """A program that was started."""

    def end(self) -> Deferred[Ended]:
        """Give, when it has ended and left nothing of its process group behind, how it ended."""
        ...

    def kill(self) -> None:
        """Kill its whole process group at once; without effect when it has ended."""
        ...


async def run(spawn: Spawner, command: Command) -> Ended:
    """Run `command` to its end; cancelling kills its process group, and waits until it is gone.

    Raises:
        CannotStartError: if it could not be started.
    """
    process = spawn(command)
    try:
        return await process.end()
    except CancelledError:
        process.kill()
        await process.end()
        raise


@implementer(IReadDescriptor)
class _Process:
    """One running program, watched by a reactor through its pidfd."""

    def __init__(self, reactor: IReactorFDSet, pid: int) -> None:
        self._reactor = reactor
        self._pid = pid
        self._pidfd = os.pidfd_open(pid)
        self._ended: Ended | None = None
        self._waiting: list[Deferred[Ended]] = []
        reactor.addReader(self)

    def end(self) -> Deferred[Ended]:
        waiting: Deferred[Ended] = Deferred(self._forget)
        if self._ended is not None:
            waiting.callback(self._ended)
        else:
            self._waiting.append(waiting)
        return waiting

    def kill(self) -> None:
        if self._ended is None:
            os.killpg(self._pid, signal.SIGKILL)

    def fileno(self) -> int:
        return self._pidfd

    def logPrefix(self) -> str:
        return "process"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor itself is coming to its end."""
        self.kill()

    def doRead(self) -> None:
        """Reap the program, which is a zombie now: its group's number is still its own."""
        self._reactor.removeReader(self)
        self.kill()
        _, status, usage = os.wait4(self._pid, 0)
        os.close(self._pidfd)
        self._ended = Ended(status, usage.ru_utime, usage.ru_stime)
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            deferred.callback(self._ended)

    def _forget(self, waiting: Deferred[Ended]) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)


@dataclass(frozen=True, slots=True)
class ReactorSpawner:
    """Starts commands as children of this process, watched by `reactor`."""

    reactor: IReactorFDSet

    def __call__(self, command: Command) -> RunningProcess:
        """Start `command`, or raise `CannotStartError`."""
        try:
            with _surroundings(command):
                pid = _start(command)
        except (OSError, ValueError) as error:
            raise CannotStartError(f"cannot start {os.fsdecode(command.argv[0])}: {error}") from error
        try:
            return _Process(self.reactor, pid)
        except OSError as error:  # no descriptor is left to watch it by
            os.killpg(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise CannotStartError(f"cannot watch {os.fsdecode(command.argv[0])}: {error}") from error


@contextmanager
def _surroundings(command: Command) -> Iterator[None]:
    """Be in the command's folder, with its umask, for the moment in which it starts.

    `posix_spawn` can set neither, and `subprocess` costs twice as much.  Nothing else happens in that
    moment, and what runs in threads here names its files in full.
    """
    here = os.open(".", os.O_PATH | os.O_CLOEXEC)
    umask = os.umask(0)
    try:
        os.umask(umask if command.umask == INHERITED_UMASK else command.umask)
        os.chdir(here if command.directory is None else command.directory)
        yield
    finally:
        os.umask(umask)
        with suppress(PermissionError):  # a folder that we may enter no longer, having given a user away
            os.chdir(here)
        os.close(here)


def _start(command: Command) -> int:
    environ = os.environ if command.environ is None else command.environ
    return os.posix_spawn(
        _path_of(os.fsdecode(command.argv[0]), environ),
        tuple(command.argv),
        environ,
        file_actions=_streams(command),
        setpgroup=0,
        setsigmask=(),
        setsigdef=_IGNORED_BY_PYTHON,
    )


def _streams(command: Command) -> list[tuple[int, int, str, int, int] | tuple[int, int, int]]:
    """Tell `posix_spawn` what the three standard streams are; everything else of ours is closed."""
    actions: list[tuple[int, int, str, int, int] | tuple[int, int, int]] = []
    for stream, source in enumerate((command.stdin, command.stdout, command.stderr)):
        if source == NOTHING:
            actions.append((os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, source, stream))
    return actions


def _path_of(program: str, environ: Mapping[str, str]) -> str:
    """Give the path of `program`, a path itself or a name on the PATH of `environ`."""
    if "/" in program:
        return program
    found = shutil.which(program, path=os.pathsep.join(os.get_exec_path(environ)))
    if found is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
    return found
