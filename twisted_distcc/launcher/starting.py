"""Starting a program as the leader of a process group of its own.

In: a path, words, variables and descriptors.  Out: a process number.  `posix_spawn` does it, at the same
small cost whatever the size of this process; it can set neither working directory nor umask, so this
process takes them on for that moment.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Final, TypeVar

Text = TypeVar("Text", str, bytes)

NOTHING: Final = -1
"""In place of a descriptor: the null device."""
INHERITED_UMASK: Final = -1

# Python ignores these from its start; a program that it starts would go on ignoring them.
_IGNORED_BY_PYTHON: Final = (signal.SIGPIPE, signal.SIGXFSZ)


def start(
    argv: Sequence[Text],
    environ: Mapping[Text, Text],
    directory: str | bytes | None,
    umask: int,
    streams: Sequence[int],
) -> int:
    """Start the program at the path `argv[0]`, and give its process number.

    Args:
        argv: its path and arguments.
        environ: its whole environment.
        directory: its working directory; `None` is ours.
        umask: its umask; `INHERITED_UMASK` is ours.
        streams: its three standard streams.

    Raises:
        OSError: if it cannot be started.
        ValueError: if a word or a variable cannot be handed to a program.
    """
    with _surroundings(directory, umask):
        return os.posix_spawn(
            argv[0],
            tuple(argv),
            environ,
            file_actions=_actions(streams),
            setpgroup=0,
            setsigmask=(),
            setsigdef=_IGNORED_BY_PYTHON,
        )


@contextmanager
def _surroundings(directory: str | bytes | None, umask: int) -> Iterator[None]:
    """Be in that folder with that umask.  What runs in threads meanwhile names its files in full."""
    here = os.open(".", os.O_PATH | os.O_CLOEXEC)
    ours = os.umask(0)
    try:
        os.umask(ours if umask == INHERITED_UMASK else umask)
        os.chdir(here if directory is None else directory)
        yield
    finally:
        os.umask(ours)
        with suppress(PermissionError):  # a folder that we may enter no longer, having given a user away
            os.chdir(here)
        os.close(here)


def _actions(streams: Sequence[int]) -> list[tuple[int, int, str, int, int] | tuple[int, int, int]]:
    """Tell `posix_spawn` of the standard streams; everything else that is open here closes."""
    return [
        (os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0)
        if source == NOTHING
        else (os.POSIX_SPAWN_DUP2, source, stream)
        for stream, source in enumerate(streams)
    ]
