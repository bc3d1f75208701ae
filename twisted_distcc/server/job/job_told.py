"""What is told of a job, as more and more of it becomes known; see `JobRecord`.

told = asked(request, peer)
told = understood(told, judged)      # or refused(told, refusal), or failed(told, error)
"""

from __future__ import annotations

import os
from dataclasses import replace

from twisted_distcc.jobs.model import Request
from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.job.authorize import Judged
from twisted_distcc.server.job.job_causes import cause_of_failure, cause_of_refusal


def asked(request: Request, peer: Peer) -> JobRecord:
    """Begin a record; until something else is known of a job, it is one whose client went."""
    return JobRecord(
        peer=peer,
        verdict="cancelled",
        version=request.version,
        compiler=os.fsdecode(request.arguments[0]),
        inputs="text" if request.tree is None else "files",
        received=(request.source if request.tree is None else request.tree.contents).length,
    )


def refused(told: JobRecord, refusal: Refused) -> JobRecord:
    """Note that it is refused."""
    cause = cause_of_refusal(refusal)
    return replace(told, verdict="refused", reason=str(refusal), trace=refusal.trace, cause=cause)


def understood(told: JobRecord, judged: Judged) -> JobRecord:
    """Note what is compiled, by what."""
    source, trace = judged.compilation.source, judged.decision.reasons
    return replace(told, compiler=judged.compiler, source=source, trace=trace)


def failed(told: JobRecord, error: Exception) -> JobRecord:
    """Note that this machine cannot do it, and why."""
    limit: str | None = getattr(error, "limit", None)
    return replace(
        told,
        verdict="failed",
        reason=str(error) or type(error).__name__,
        limits=() if limit is None else (limit,),
        cause=limit or cause_of_failure(error),
    )
