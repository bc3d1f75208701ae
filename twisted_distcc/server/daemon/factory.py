"""What serves connections, put together for whoever accepts them: ports, or standard streams."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.observe.lines import Log
from twisted_distcc.observe.recorders import Recorders
from twisted_distcc.observe.traffic import Traffic
from twisted_distcc.runtime.bulk import Bulk, Turns
from twisted_distcc.runtime.processes import Runner, Spawner
from twisted_distcc.runtime.threads import ReactorThreads
from twisted_distcc.server.connection.server_protocol import DistccServerFactory
from twisted_distcc.server.job.policy_state import PolicyInForce
from twisted_distcc.server.job.wiring import admit, make_compile, make_executor
from twisted_distcc.server.options.config import ServerConfig
from twisted_distcc.server.scheduling.admission import Admission

# Complete requests that may wait, for each that runs: enough that no compiler is ever short of work.
_QUEUE_PER_JOB: Final = 4
# Threads beside those of the jobs that run: for bodies that are compressed and expanded, and records.
_MORE_THREADS: Final = 10


def make_factory(
    config: ServerConfig,
    workspaces: Workspaces,
    reactor: Any,
    spawn: Spawner,
    policy: PolicyInForce,
    recorders: Recorders,
    log: Log,
    traffic: Traffic | None = None,
) -> DistccServerFactory:
    """Return what serves connections of a server that `config` describes.

    Args:
        config: what to serve.
        workspaces: the server's folder.
        reactor: provides `IReactorTime` and `IReactorThreads`.
        spawn: starts compilers.
        policy: says what may be done.
        recorders: are told of each job.
        log: is told what an administrator should know.
        traffic: counts what passes, if anybody wants to know.

    Raises:
        NoSandboxError: if a sandbox is required, and cannot be made here.
    """
    reactor.suggestThreadPoolSize(config.jobs + _MORE_THREADS)
    admission = Admission(config.jobs, config.jobs * _QUEUE_PER_JOB, config.ceilings)
    executor = make_executor(config, workspaces, log)
    run = Runner(spawn, reactor)
    factory = DistccServerFactory(
        make_compile(config, executor, policy, recorders, run, admission, reactor),
        reactor,
        Bulk(spawn, ReactorThreads(reactor), workspaces.spool, Turns.shared()),
        admit=partial(admit, config, recorders),
        admission=admission,
        deadlines=config.deadlines,
    )
    factory.traffic = traffic
    return factory
