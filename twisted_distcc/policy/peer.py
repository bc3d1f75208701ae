"""Who is at the other end of a connection.

In: what the transport tells of the other end.  Out: `Peer`, which every log line names and every rule
is about.  An identity is as good as what it stands on: an address, or a certificate.
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
        identity: the name that rules and logs know it by, such as `tcp:192.0.2.7` or `stdio`.
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
"""Whoever started us on its own standard streams: ssh has authenticated it, not we."""


def tcp_peer(host: str, port: int) -> Peer:
    """Make the peer of a TCP connection; an IPv6 address that maps an IPv4 one is that one."""
    address = _address(host)
    return Peer(f"tcp:{_shown(address)}", address, port)


def uid_peer(uid: int) -> Peer:
    """Make the peer of a unix socket: a user of this machine, by number."""
    return Peer(f"uid:{uid}")


def ssh_peer(login: str, connection: str) -> Peer:
    """Make the peer that ssh let in.

    Args:
        login: the account that it serves, or the name that a key's forced command gives.
        connection: what ssh tells of the other end, which begins with its address; empty if it does not.
    """
    host = connection.partition(" ")[0]
    # What sshd calls a client that came by no network: over vsock, or a unix socket.
    has_none = host in ("", "UNKNOWN")
    return Peer(f"ssh:{login}", None if has_none else _address(host))


def certified_peer(name: str, names: tuple[str, ...], host: str, port: int) -> Peer:
    """Make the peer of a connection from `host` on which the user `name` has shown a certificate."""
    return Peer(f"tls:{name}", _address(host), port, names)


def _address(host: str) -> Address:
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _shown(address: Address) -> str:
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)
