"""A server for one connection, on the standard streams that ssh, inetd or xinetd gave us.

In: descriptors 0 and 1.  Out: one job's reply, and the end.  Nothing but the reply is ever written to
them: log lines go to a file, or nowhere.
"""

from __future__ import annotations

import os
import socket
import stat
from typing import Any

from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IProtocol, IReactorTime, ITransport
from twisted.internet.stdio import StandardIO
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.policy.peer import STDIO, Peer
from twisted_distcc.processes import ReactorSpawner
from twisted_distcc.server.config import ServerConfig
from twisted_distcc.server.protocol import DistccServerFactory, address_peer
from twisted_distcc.server.service import make_factory

_STDIN = 0
_STDOUT = 1


class Streams(StandardIO):
    """Two pipes as one transport, which is lost when either of them is."""

    def __init__(
        self, protocol: IProtocol, reactor: Any, stdin: int = _STDIN, stdout: int = _STDOUT
    ) -> None:
        self._clock: IReactorTime = reactor
        self._half_closed = False
        super().__init__(protocol, stdin, stdout, reactor)  # type: ignore[call-arg]

    def childConnectionLost(self, fd: str, reason: Failure) -> None:
        """Take a client that closed one pipe for gone; when we closed it, wait for the other."""
        if fd == "write" and self._half_closed:
            super().childConnectionLost(fd, reason)  # type: ignore[misc]
        elif not self.disconnected:
            self.connectionLost(reason)  # type: ignore[attr-defined]

    def loseWriteConnection(self) -> None:
        """Send what was written, and close the sending pipe."""
        self._half_closed = True
        super().loseWriteConnection()  # type: ignore[misc]

    def abortConnection(self) -> None:
        """Close both soon; what was written and not yet taken is lost with them."""
        self._clock.callLater(0, self._abort)

    def _abort(self) -> None:
        if not self.disconnected:
            self.connectionLost(Failure(ConnectionAborted()))  # type: ignore[attr-defined]


async def serve_stdio(config: ServerConfig, reactor: Any) -> None:
    """Serve the one connection on our standard streams, to its end."""
    workspaces = Workspaces()
    try:
        factory = make_factory(config, workspaces, reactor, ReactorSpawner(reactor), Logger())
        _connect(factory, reactor)
        await factory.drained()
    finally:
        workspaces.close()


def _connect(factory: DistccServerFactory, reactor: Any) -> None:
    if not stat.S_ISSOCK(os.fstat(_STDIN).st_mode):
        factory.identify = _stdio
        protocol = factory.buildProtocol(None)
        assert protocol is not None
        Streams(protocol, reactor)
        return
    with socket.socket(fileno=os.dup(_STDIN)) as connected:
        is_tcp = connected.family in (socket.AF_INET, socket.AF_INET6)
        factory.identify = address_peer if is_tcp else _stdio
        reactor.adoptStreamConnection(connected.fileno(), connected.family, factory)


def _stdio(_: ITransport) -> Peer:
    return STDIO
