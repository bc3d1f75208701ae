"""Run one job to its end, synchronously, to see whether it works.

This blocks, so do not call it in the reactor's thread.
"""

from __future__ import annotations

from twisted_distcc.execution.executor import Job
from twisted_distcc.jobs.model import Reply
from twisted_distcc.toolchain.blocking_probe import run_here


def attempt(job: Job) -> Reply:
    """Run `job`, and return its reply.

    Raises:
        DistccError: if it cannot be started, does not end, or has no output.
        OSError: if the disk takes no more.
    """
    return job.collect(run_here(job.command))
