"""Running one job to its end, here and now, to see whether it works.

In: a job that is ready.  Out: its reply, or why there is none.  This waits, so it is not for the
reactor's thread.
"""

from __future__ import annotations

import os
import select
from typing import Final

from twisted_distcc.errors import EXIT_TIMEOUT, DistccError
from twisted_distcc.execution.compilation import Job
from twisted_distcc.launcher.command import Command, Ended, start_command
from twisted_distcc.launcher.starting import kill, reap
from twisted_distcc.messages.model import Reply

_SLOW: Final = 20.0


class TooSlowError(DistccError):
    """A trial did not come to an end."""

    exit_code = EXIT_TIMEOUT


def attempt(job: Job) -> Reply:
    """Run `job`, and give what it answers.

    Raises:
        DistccError: if it cannot be started, or does not end, or has no result.
        OSError: if the disk takes no more.
    """
    return job.collect(run_here(job.command))


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
    """Wait for a child; whether it ended in time."""
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(_SLOW * 1000))
    finally:
        os.close(pidfd)
