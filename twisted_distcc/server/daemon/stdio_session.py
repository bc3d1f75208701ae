"""A whole server for one session on standard streams, as ssh starts it once for a whole build.

`stdio_service` serves a connection that brings one job, and starts quickly.  When the first bytes say
that a session comes, it hands the connection over to this module, which serves it with Twisted: many
jobs at once, until the client hangs up.
"""

from __future__ import annotations

import os
import socket
import stat
from typing import Any, Final

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.stdio import StandardIO
from twisted.logger import ILogObserver, LogEvent, globalLogBeginner
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.observe.lines import Log
from twisted_distcc.observe.logs import text_of
from twisted_distcc.observe.recorders import Recorders
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Verdict
from twisted_distcc.runtime.launching import LauncherSpawner
from twisted_distcc.server.connection.server_protocol import DistccServerFactory
from twisted_distcc.server.daemon.factory import make_factory
from twisted_distcc.server.job.policy_state import PolicyInForce
from twisted_distcc.server.options.config import ServerConfig

_STDIN: Final = 0
_STDOUT: Final = 1


def serve_session(
    config: ServerConfig,
    begun: bytes,
    workspaces: Workspaces,
    peer: Peer,
    verdict: Verdict,
    recorders: Recorders,
    log: Log,
) -> None:
    """Serve the session on the standard streams, to its end.

    Args:
        config: what to serve.
        begun: what was read of it already.
        workspaces: folders for its jobs.
        peer: who it is.
        verdict: whether it may send jobs at all.
        recorders: are told of each job.
        log: is told of what goes wrong.

    Raises:
        NoSandboxError: if a sandbox is required, and cannot be made here.
    """
    from twisted.internet import reactor

    globalLogBeginner.beginLoggingTo([_Lines(log)], redirectStandardIO=False, discardBuffer=True)
    spawn = LauncherSpawner(reactor)
    spawn.prepare()
    policy = PolicyInForce(config.policy)
    factory = make_factory(config, workspaces, reactor, spawn, policy, recorders, log)
    factory.identify = lambda transport: peer
    factory.admit = lambda peer: verdict
    _connect(reactor, factory, begun)
    factory.drained().addCallback(lambda _: reactor.stop())
    reactor.addSystemEventTrigger("before", "shutdown", factory.give_up_reading)
    reactor.addSystemEventTrigger("during", "shutdown", spawn.close)
    reactor.run()


class _Pipes(StandardIO):
    """Standard input and output as one connection."""

    def abortConnection(self) -> None:
        """Close at once, whatever was to be written."""
        self.connectionLost(Failure(ConnectionAborted()))  # type: ignore[attr-defined]


def _connect(reactor: Any, factory: DistccServerFactory, begun: bytes) -> None:
    """Connect a protocol of `factory` to the standard streams, of which `begun` was read already."""
    protocol = factory.buildProtocol(None)
    if stat.S_ISSOCK(os.fstat(_STDIN).st_mode):
        with socket.socket(fileno=os.dup(_STDIN)) as connection:
            connection.setblocking(False)
            reactor.adoptStreamConnection(connection.fileno(), connection.family, _Only(protocol))
    else:
        _Pipes(protocol, _STDIN, _STDOUT, reactor)  # type: ignore[call-arg]
    protocol.dataReceived(begun)


class _Only(Factory):
    """Has one protocol, which was made already."""

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return it."""
        return self._protocol


@implementer(ILogObserver)
class _Lines:
    """Writes the events of Twisted's logger as lines."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def __call__(self, event: LogEvent) -> None:
        """Write the line of `event`."""
        name = event["log_level"].name
        write = {"warn": self._log.warn, "info": self._log.info}.get(name, self._log.error)
        write("{text}", text=text_of(event))
