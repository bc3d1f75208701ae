"""Put together what serves jobs, according to the configuration.

It is the same for every kind of server, with or without Twisted: how a server waits is a parameter.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

from twisted_distcc.execution.executor import Executor
from twisted_distcc.execution.unconfined import Unconfined
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.observe.lines import Log
from twisted_distcc.observe.recorders import JobLines, Recorder, Recorders, RefusedConnection
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused, Verdict
from twisted_distcc.server.job.authorize import Judge
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.job.compiler_facts import CompilerFacts
from twisted_distcc.server.job.compiler_questions import Reception, tell
from twisted_distcc.server.job.exchange import Clock, Exchange, Run, Seats
from twisted_distcc.server.job.policy_state import PolicyInForce
from twisted_distcc.server.job.server_answers import Inquiries, parts_of, status_of
from twisted_distcc.server.options.config import ServerConfig
from twisted_distcc.toolchain.finding import Compilers

if TYPE_CHECKING:
    from twisted_distcc.observe.statistics import Statistics

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
    """Return what serves the jobs of a server with this `config`, using `executor`."""
    judge = Judge(offered_compilers(config), policy.decide, executor.confines, executor.takes_toolchains)
    exchange = Exchange(
        judge=judge,
        executor=executor,
        run=run,
        admission=admission,
        clock=clock,
        lifetime=config.job_lifetime,
        recorders=recorders,
        digests=CompilerFacts(executor.digest, clock.seconds),
    )
    answers = CompilerFacts(lambda compiler: tell(executor, compiler), clock.seconds)
    makes_all = partial(executor.makes_all_outputs, None)
    reception = Reception(judge, answers, makes_all, run, admission, exchange)
    parts = CompilerFacts(lambda compiler: parts_of(executor, compiler), clock.seconds)
    return Inquiries(judge, lambda: status_of(executor, config.jobs), parts, run, admission, reception)


def offered_compilers(config: ServerConfig) -> Compilers:
    """Return the compilers that a server with this `config` offers."""
    return Compilers(config.folders, config.commands, config.any_command, config.compiler_root)


def make_recorders(config: ServerConfig, log: Log, statistics: Statistics | None = None) -> Recorders:
    """Return the recorders of jobs for a server with this `config`, and `statistics` if it keeps any.

    Raises:
        NoAuditLogError: if the audit log cannot be opened.
    """
    recorders: list[Recorder] = [JobLines(log)]
    if config.audit_log is not None:
        from twisted_distcc.observe.audit import AuditLog  # twistd-stdio starts once per job

        recorders.append(AuditLog(config.audit_log, time.time, lambda said: log.error("{it}", it=said)))
    if statistics is None:
        return Recorders(recorders)
    return Recorders([*recorders, statistics], statistics.in_flight)


def admit(config: ServerConfig, recorders: Recorders, peer: Peer) -> Verdict:
    """Return whether `peer`, who comes from a network, may send a request; record a refusal."""
    verdict = config.allow.judge(peer)
    if isinstance(verdict, Refused):
        recorders.record(RefusedConnection(peer, verdict))
    return verdict


def make_executor(
    config: ServerConfig, workspaces: Workspaces, log: Log, *, careful: bool = True
) -> Executor:
    """Return what runs compilers for a server with this `config`.

    Args:
        config: the server's settings.
        workspaces: the folder for workspaces.
        log: gets a warning if there is no sandbox although there might be one.
        careful: whether each compiler is tried in the sandbox before its first job.

    Raises:
        NoSandboxError: if there is none, but one is required.
        BadLimitsError: if a sandbox is possible only with other limits.
    """
    environ = compiler_environment(config)
    if config.sandbox == "off":
        log.warn(_OFF)
        return Unconfined(workspaces, environ)
    from twisted_distcc.execution.sandbox.builder import NoSandboxError, build

    try:
        sandbox = build(
            config.limits,
            environ,
            workspaces.spool,
            careful=careful,
            program=config.sandbox_program,
        )
    except NoSandboxError as error:
        if config.sandbox == "require":
            raise
        log.warn("NO SANDBOX: " + _WHAT_IT_MEANS + ": {why}", why=error)
        return Unconfined(workspaces, environ, config.limits)
    log.info("each compiler runs in a sandbox of its own, made by {by}", by=sandbox.confiner.name)
    return sandbox


def compiler_environment(config: ServerConfig) -> dict[str, str]:
    """Return a compiler's environment: nothing of ours, and messages in plain English."""
    return {"PATH": ":".join(config.folders), "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
