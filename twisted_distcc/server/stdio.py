"""A server for one connection, on the standard streams that ssh, inetd or xinetd gave us.

In: descriptors 0 and 1.  Out: one job's reply, and the end.  Nothing but the reply is ever written to
them: log lines go to a file, or nowhere.
"""

from __future__ import annotations

import os
import socket
import stat
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.internet.stdio import StandardIO
from twisted.logger import Logger

from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.policy.peer import STDIO, Peer
from twisted_distcc.processes import ReactorSpawner
from twisted_distcc.server.config import ServerConfig
from twisted_distcc.server.protocol import DistccServerFactory, address_peer
from twisted_distcc.server.service import make_factory

_STDIN = 0
_STDOUT = 1


class _Streams(StandardIO):
    """Two pipes as one transport."""

    def abortConnection(self) -> None:
        """Close both; what was written and not yet taken is lost with them."""
        self.loseConnection()


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
        _Streams(protocol, stdin=_STDIN, stdout=_STDOUT, reactor=reactor)  # type: ignore[call-arg]
        return
    with socket.socket(fileno=os.dup(_STDIN)) as connected:
        is_tcp = connected.family in (socket.AF_INET, socket.AF_INET6)
        factory.identify = address_peer if is_tcp else _stdio
        reactor.adoptStreamConnection(connected.fileno(), connected.family, factory)


def _stdio(_: IAddress) -> Peer:
    return STDIO
