"""Detach from the terminal, while whoever started the server waits to hear whether it could start.

The first process ends with the server's own status if that could not start, or with 0 as soon as it
serves.  Until then standard error is the terminal's, so that every reason can be read there as it was
written::

    with detached():
        serve()         # which calls `ready` once it accepts clients
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from twisted_distcc.errors import EXIT_FAILURE

_READY: Final = 0
# As in twistd: the files that a daemon creates are nobody else's to write.
_UMASK: Final = 0o077
_STREAMS: Final = (0, 1, 2)
_STDERR: Final = 2

# The pipe to the first process, and the streams to give up; a process has only one.
_waiting: Final[list[tuple[int, tuple[int, ...]]]] = []


@contextmanager
def detached(*, keep_stderr: bool = False) -> Iterator[None]:
    """Continue in a daemon; the first process ends when that is ready, or has failed.

    `keep_stderr` is for a server that logs there.
    """
    reading, writing = os.pipe2(os.O_CLOEXEC)
    if os.fork():
        os.close(writing)
        os._exit(_heard(reading))
    os.close(reading)
    os.setsid()
    if os.fork():  # a session leader could acquire a terminal again
        os._exit(0)
    os.umask(_UMASK)
    _waiting.append((writing, _STREAMS[:_STDERR] if keep_stderr else _STREAMS))
    try:
        yield
    except SystemExit as ended:
        _tell(ended.code if isinstance(ended.code, int) else EXIT_FAILURE)
        raise


def ready() -> None:
    """Report that the server has started, and leave the terminal and the initial working directory."""
    if not _waiting:
        return
    _, streams = _waiting[-1]
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for stream in streams:
        os.dup2(nothing, stream)
    os.close(nothing)
    os.chdir("/")
    _tell(_READY)


def _tell(status: int) -> None:
    while _waiting:
        writing, _ = _waiting.pop()
        os.write(writing, bytes([status & 0xFF]))
        os.close(writing)


def _heard(reading: int) -> int:
    """Wait for the status of the start; a daemon that was killed sends none."""
    told = os.read(reading, 1)
    return told[0] if told else EXIT_FAILURE
