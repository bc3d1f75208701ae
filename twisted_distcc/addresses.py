"""Parse IP addresses, with the interface that a link-local one needs (RFC 4007, 11).

Text such as `192.0.2.7`, `2001:db8::7` or `fe80::7%eth0` becomes an address with the interface's number
as its scope, which every system call takes, or a `ValueError` with the reason.  Rules and certificates
have no interfaces: there a scope is an error.
"""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

_EVERY_LINK: Final = "every link has this address; add the interface of the one you mean, as in {}%eth0"


def reachable(text: str) -> IPv4Address | IPv6Address:
    """Parse an address that this machine can listen on or connect to.

    Raises:
        ValueError: if it is not an IP address, or its interface is missing or unknown.
    """
    address = ip_address(text)
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        return ip_address(f"{text.partition('%')[0]}%{_interface(address.scope_id)}")
    if address.is_link_local:
        raise ValueError(_EVERY_LINK.format(address))
    return address


def socket_address(text: str, port: int) -> tuple[socket.AddressFamily, tuple[str | int, ...]]:
    """Return the family and the socket address of `port` at an address.

    Raises:
        ValueError: see `reachable`.
    """
    address = reachable(text)
    if isinstance(address, IPv4Address):
        return socket.AF_INET, (str(address), port)
    return socket.AF_INET6, (str(address).partition("%")[0], port, 0, int(address.scope_id or 0))


def is_loopback(name: str) -> bool:
    """Return whether a host's name or address is that of this machine to itself."""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _interface(scope: str) -> int:
    """Return the number of the interface whose name or number is `scope`."""
    with suppress(OSError):
        return socket.if_nametoindex(scope)
    if scope.isascii() and scope.isdecimal() and int(scope) in dict(socket.if_nameindex()):
        return int(scope)
    raise ValueError(f"this machine has no network interface {scope}")
