"""What serves jobs, put together as a configuration says.

In: a `ServerConfig`, and the seams by which a server waits.  Out: what answers requests.  It is the
same for every kind of server: this module refuses to know Twisted.
"""

from __future__ import annotations

import time
from typing import Final

from twisted_distcc.execution.executor import Executor
from twisted_distcc.execution.unconfined import Unconfined
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.observe.lines import Log
from twisted_distcc.observe.recorders import JobLines, Recorder, Recorders, RefusedConnection
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused, Verdict
from twisted_distcc.server.job.authorize import Judge
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.job.compiler_questions import Answers, Reception, tell
from twisted_distcc.server.job.exchange import Clock, Exchange, Run, Seats
from twisted_distcc.server.job.policy_state import PolicyInForce
from twisted_distcc.server.options.config import ServerConfig
from twisted_distcc.toolchain.finding import Compilers

_WHAT_IT_MEANS: Final = "compilers, and so clients, can read and write what this user can"
_OFF: Final = f"no sandbox, as --sandbox=off says: {_WHAT_IT_MEANS}"


def make_compile(
    config: ServerConfig,
    executor: Executor,
    policy: PolicyInForce,
    recorders: Recorders,
    run: Run,
    admission: Seats,
    clock: Clock,
) -> Compile:
    """Return what serves the jobs of a server that `config` describes, by `executor`."""
    compilers = Compilers(config.folders, config.commands, config.any_command, config.compiler_root)
    judge = Judge(compilers, policy.decide)
    exchange = Exchange(
        judge=judge,
        executor=executor,
        run=run,
        admission=admission,
        clock=clock,
        lifetime=config.job_lifetime,
        recorders=recorders,
    )
    answers = Answers(lambda compiler: tell(executor, compiler), clock)
    return Reception(judge, answers, run, admission, exchange)


def make_recorders(config: ServerConfig, log: Log) -> Recorders:
    """Return what keeps records for a server that `config` describes.

    Raises:
        NoAuditLogError: if the audit log cannot be opened.
    """
    recorders: list[Recorder] = [JobLines(log)]
    if config.audit_log is not None:
        from twisted_distcc.observe.audit import AuditLog  # twistd-stdio starts once per job

        recorders.append(AuditLog(config.audit_log, time.time, lambda said: log.error("{it}", it=said)))
    return Recorders(recorders)


def admit(config: ServerConfig, recorders: Recorders, peer: Peer) -> Verdict:
    """Say whether `peer`, who comes from a network, may send a request at all; record it if not."""
    verdict = config.allow.judge(peer)
    if isinstance(verdict, Refused):
        recorders.record(RefusedConnection(peer, verdict))
    return verdict


def make_executor(
    config: ServerConfig, workspaces: Workspaces, log: Log, *, careful: bool = True
) -> Executor:
    """Return what runs compilers for a server that `config` describes.

    Args:
        config: what to serve.
        workspaces: the server's folder.
        log: is told loudly when there is no sandbox where there might be one.
        careful: whether a compiler's own sandbox is tried before its first job.

    Raises:
        NoSandboxError: if there is none, and one is required.
        BadLimitsError: if there would be one with other limits.
    """
    environ = _environment(config)
    if config.sandbox == "off":
        log.warn(_OFF)
        return Unconfined(workspaces, environ)
    from twisted_distcc.execution.sandbox.builder import NoSandboxError, build

    try:
        return build(config.limits, environ, workspaces.spool, careful=careful)
    except NoSandboxError as error:
        if config.sandbox == "require":
            raise
        log.warn("NO SANDBOX: " + _WHAT_IT_MEANS + ": {why}", why=error)
        return Unconfined(workspaces, environ, config.limits)


def _environment(config: ServerConfig) -> dict[str, str]:
    """Give what a compiler gets to see: nothing of ours, and messages in plain English."""
    return {"PATH": ":".join(config.folders), "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
