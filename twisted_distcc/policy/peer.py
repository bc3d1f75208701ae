"""The identity of the peer at the other end of a connection.

A `Peer` is made from what the transport tells; every log line names it, and every rule is about it.  An
identity is only as trustworthy as its basis: an address, or a certificate.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
"""An address of a host, without a port, as the module `ipaddress` has them."""


@dataclass(frozen=True, slots=True)
class Peer:
    """The other end of a connection.

    Attributes:
        identity: its name in rules and logs, such as `tcp:192.0.2.7` or `stdio`.
        address: its address, if it has one.
        port: its port, if it has one.
        names: all names that its certificate gives it, if it has one.
    """

    identity: str
    address: Address | None = None
    port: int | None = None
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the identity, the address if that is not in it, and the port if there is one."""
        place = f"@{_shown(self.address)}" if self.names and self.address is not None else ""
        return self.identity + place + ("" if self.port is None else f":{self.port}")


STDIO = Peer("stdio")
"""Whoever started us on its standard streams; ssh has authenticated it, we have not."""


def tcp_peer(host: str, port: int) -> Peer:
    """Return the peer of a TCP connection; an IPv4-mapped IPv6 address is unmapped."""
    address = _address(host)
    return Peer(f"tcp:{_shown(address)}", address, port)


def uid_peer(uid: int) -> Peer:
    """Return the peer of a UNIX socket: a user of this machine, by number."""
    return Peer(f"uid:{uid}")


def ssh_peer(login: str, connection: str) -> Peer:
    """Return the peer that ssh admitted.

    Args:
        login: the account, or the name in a key's forced command.
        connection: `SSH_CONNECTION`, which begins with the client's address, or an empty text.
    """
    host = connection.partition(" ")[0]
    # sshd's word for a client that did not come over a network but over vsock or a UNIX socket.
    has_none = host in ("", "UNKNOWN")
    return Peer(f"ssh:{login}", None if has_none else _address(host))


def certified_peer(name: str, names: tuple[str, ...], host: str, port: int) -> Peer:
    """Return the peer of a connection from `host` on which the user `name` presented a certificate."""
    return Peer(f"tls:{name}", _address(host), port, names)


def _address(host: str) -> Address:
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _shown(address: Address) -> str:
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)
