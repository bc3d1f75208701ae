"""Short questions to programs that are trusted: a compiler, a loader, bubblewrap.

`ask` runs a command and returns its answer; `run_here` returns how it ended.  Both block, for at most
twenty seconds, so they are not for the reactor's thread.
"""

from __future__ import annotations

import os
import select
from collections.abc import Mapping, Sequence
from typing import Final

from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.errors import EXIT_TIMEOUT, DistccError
from twisted_distcc.launcher.command import Command, Ended, start_command
from twisted_distcc.launcher.starting import kill, reap

_SLOW: Final = 20.0


class TooSlowError(DistccError):
    """A program did not end in time."""

    exit_code = EXIT_TIMEOUT


def ask(argv: Sequence[str], environ: Mapping[str, str], *, stderr: bool = False) -> str:
    """Return what `argv` writes to its standard output, or its standard error; "" if it fails.

    Raises:
        DistccError: if it cannot be started, or does not answer.
    """
    with OutputCapture("answer") as answer:
        descriptor = answer.descriptor
        command = (
            Command(argv, environ, stderr=descriptor)
            if stderr
            else Command(argv, environ, stdout=descriptor)
        )
        ended = run_here(command)
        return os.fsdecode(answer.last()) if not ended.status else ""


def run_here(command: Command) -> Ended:
    """Run `command` to its end.

    Raises:
        DistccError: if it cannot be started, or does not end.
    """
    pid = start_command(command)
    ended = _has_ended(pid)
    if not ended:
        kill(pid)
    how = Ended(*reap(pid))
    if not ended:
        raise TooSlowError(f"{command.argv[0]} did not end within {_SLOW:g} seconds")
    return how


def _has_ended(pid: int) -> bool:
    """Wait for a child; return whether it ended in time."""
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(_SLOW * 1000))
    finally:
        os.close(pidfd)
