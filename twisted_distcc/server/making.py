"""What serves jobs, put together as a configuration says.

In: a `ServerConfig`, and the seams by which a server waits.  Out: an `Exchange`.  It is the same for
every kind of server: this module refuses to know Twisted.
"""

from __future__ import annotations

from twisted_distcc.execution.compilers import Compilers
from twisted_distcc.execution.unconfined import Unconfined
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.observe.jobs import JobRecord
from twisted_distcc.observe.lines import Log
from twisted_distcc.server.config import ServerConfig
from twisted_distcc.server.exchange import Clock, Exchange, Run, Seats
from twisted_distcc.server.judgement import Judge


def make_exchange(
    config: ServerConfig, workspaces: Workspaces, log: Log, run: Run, admission: Seats, clock: Clock
) -> Exchange:
    """Give what serves the jobs of a server that `config` describes."""

    def record(job: JobRecord) -> None:
        tell = log.info if job.verdict in ("done", "cancelled") else log.warn
        tell("{line}", line=job.line())

    return Exchange(
        judge=Judge(Compilers(config.folders, config.commands, config.any_command, config.sysroot)),
        place=Unconfined(workspaces, _environment(config)),
        run=run,
        admission=admission,
        clock=clock,
        lifetime=config.job_lifetime,
        record=record,
    )


def _environment(config: ServerConfig) -> dict[str, str]:
    """Give what a compiler gets to see: nothing of ours, and messages in plain English."""
    return {"PATH": ":".join(config.folders), "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
