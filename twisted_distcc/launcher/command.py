"""`Command`, a program to start, and `Ended`, how it ended.

Everything that starts programs uses these two values.  `start_command` starts a command with
`starting.start`; who waits for its end, and how, is not decided here.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from twisted_distcc.errors import DistccError
from twisted_distcc.launcher.starting import INHERITED_UMASK, NOTHING, start

Watch: TypeAlias = Callable[[], object]
"""Checks on a running program; raises an exception to end it."""
WATCHED: Final = 0.2
"""Seconds between two checks on a watched program."""


class CannotStartError(DistccError):
    """A program could not be started; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Standby:
    """A program that is kept running because it starts certain commands faster than anybody else.

    Its owner speaks with it as with a launcher; see `packets`.

    Attributes:
        argv: its path and arguments.
        beside: descriptors that it gets as 3, 4 and so on.
        stamp: what distinguishes it from one that was started when the machine was different.
    """

    argv: tuple[str, ...]
    beside: tuple[int, ...]
    stamp: Hashable = None


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start, and how to start it.

    Attributes:
        argv: the program's path or name, and its arguments.
        environ: its whole environment; `None` passes on our own.
        directory: its working directory; `None` is ours.
        stdin, stdout, stderr: file descriptors; `NOTHING` is the null device.
        umask: its umask; `INHERITED_UMASK` is ours.
        beside: more descriptors, which it gets as 3, 4 and so on.
        expendable: whether the kernel should kill it first when the machine runs out of memory.
        watch: called every `WATCHED` seconds while it runs; an exception from it ends the program, and
            is raised to whoever waits for the end.
        standby: what may start it instead, to the same effect.
        asked: the arguments by which it is asked for that.
    """

    argv: Sequence[str]
    environ: Mapping[str, str] | None = None
    directory: str | None = None
    stdin: int = NOTHING
    stdout: int = NOTHING
    stderr: int = NOTHING
    umask: int = INHERITED_UMASK
    beside: tuple[int, ...] = ()
    expendable: bool = False
    watch: Watch | None = None
    standby: Standby | None = None
    asked: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended.

    Attributes:
        status: the wait status, as `os.wait` returns it.
        user, system: its processor time in seconds, including its children's.
    """

    status: int
    user: float
    system: float


def start_arguments(
    command: Command, argv: Sequence[str]
) -> tuple[list[str], Mapping[str, str], str | None, int, tuple[int, ...], bool]:
    """Return the arguments of `launcher.starting.start` for `argv`, otherwise as `command` says.

    Raises:
        FileNotFoundError: if there is no such program.
    """
    environ = os.environ if command.environ is None else command.environ
    path = _path_of(argv[0], environ)
    streams = (command.stdin, command.stdout, command.stderr, *command.beside)
    return [path, *argv[1:]], environ, command.directory, command.umask, streams, command.expendable


def start_command(command: Command) -> int:
    """Start `command` as a child of this process, and return its process ID.

    Raises:
        CannotStartError: if it could not be started.
    """
    try:
        return start(*start_arguments(command, command.argv))
    except (OSError, ValueError) as error:
        raise CannotStartError(f"cannot start {command.argv[0]}: {error}") from error


def _path_of(program: str, environ: Mapping[str, str]) -> str:
    """Return the path of `program`, which is a path already or a name on the PATH of `environ`."""
    if "/" in program:
        return program
    for folder in os.get_exec_path(environ):
        path = os.path.join(folder, program)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)
