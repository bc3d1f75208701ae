"""Running one job to its end, here and now, to see whether it works.

In: a job that is ready.  Out: its reply, or why there is none.  This waits, so it is not for the
reactor's thread.
"""

from __future__ import annotations

from twisted_distcc.execution.executor import Job
from twisted_distcc.jobs.model import Reply
from twisted_distcc.toolchain.blocking_probe import run_here


def attempt(job: Job) -> Reply:
    """Run `job`, and give what it answers.

    Raises:
        DistccError: if it cannot be started, or does not end, or has no result.
        OSError: if the disk takes no more.
    """
    return job.collect(run_here(job.command))
