"""What a server's protocol asks of Twisted's transports, and who is at their other end."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import ITransport
from twisted.internet.unix import Server as UNIXServer

from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.server.connection.peer_identity import socket_peer


class ServerTransport(Protocol):
    """What a connection must be able to do; TCP, TLS and UNIX connections of Twisted are able."""

    def pauseProducing(self) -> None:
        """Read no more."""
        ...

    def resumeProducing(self) -> None:
        """Read on."""
        ...

    def loseConnection(self) -> None:
        """Send what was written, and close."""
        ...

    def loseWriteConnection(self) -> None:
        """Send what was written, and close the sending half."""
        ...

    def abortConnection(self) -> None:
        """Close at once."""
        ...


def address_peer(transport: ITransport) -> Peer:
    """Return the peer of a transport's other end: an address, or a user of this machine."""
    address = transport.getPeer()
    if isinstance(address, IPv4Address | IPv6Address):
        return tcp_peer(address.host, address.port)
    if isinstance(address, UNIXAddress) and isinstance(transport, UNIXServer):
        return socket_peer(transport.socket)
    return Peer(type(address).__name__)
