"""The part of Twisted's transports that the server's protocol uses, and the peer of a transport."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import ITransport
from twisted.internet.unix import Server as UNIXServer

from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.server.connection.peer_identity import socket_peer


class ServerTransport(Protocol):
    """The methods that a connection needs; Twisted's TCP, TLS and UNIX connections have them."""

    def pauseProducing(self) -> None:
        """Stop reading."""
        ...

    def resumeProducing(self) -> None:
        """Resume reading."""
        ...

    def loseConnection(self) -> None:
        """Send what was written, then close."""
        ...

    def loseWriteConnection(self) -> None:
        """Send what was written, then close the sending half."""
        ...

    def abortConnection(self) -> None:
        """Close at once."""
        ...


def address_peer(transport: ITransport) -> Peer:
    """Return the peer at the transport's other end: an address, or a user of this machine."""
    address = transport.getPeer()
    if isinstance(address, IPv4Address | IPv6Address):
        return tcp_peer(address.host, address.port)
    if isinstance(address, UNIXAddress) and isinstance(transport, UNIXServer):
        return socket_peer(transport.socket)
    return Peer(type(address).__name__)
