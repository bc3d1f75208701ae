"""The sockets that a server listens on.

In: addresses and a port number.  Out: listening sockets, of IPv4 and IPv6.  Without an address it is all
addresses of both, on one socket where the system allows it.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from twisted_distcc.errors import EXIT_BIND_FAILED, DistccError

# So many connections may wait to be accepted: a large farm's clients all begin at the same moment.
_BACKLOG: Final = 1024


class CannotListenError(DistccError):
    """The server cannot listen where it was told to; the text says where and why."""

    exit_code = EXIT_BIND_FAILED


def open_ports(addresses: Iterable[str], port: int) -> list[socket.socket]:
    """Listen on `port` at each of `addresses`, or at all if there are none.

    Port 0 lets the system choose; all addresses then get the port that the first one got.

    Raises:
        CannotListenError: if an address is none, not this machine's, or in use.
    """
    opened: list[socket.socket] = []
    try:
        for address in addresses:
            opened.append(_open(address, port))
            port = opened[0].getsockname()[1]
        return opened or [_open_all(port)]
    except CannotListenError:
        for one in opened:
            one.close()
        raise


def _open(address: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
        opened = socket.create_server((address, port), family=family, backlog=_BACKLOG)
    except (OSError, ValueError) as error:
        raise CannotListenError(f"cannot listen on {address}, port {port}: {error}") from error
    return _prepared(opened)


def _open_all(port: int) -> socket.socket:
    if not socket.has_dualstack_ipv6():
        return _open("0.0.0.0", port)  # noqa: S104  (who may connect is the allow-list's to say)
    try:
        opened = socket.create_server(
            ("::", port), family=socket.AF_INET6, backlog=_BACKLOG, dualstack_ipv6=True
        )
    except OSError as error:
        raise CannotListenError(f"cannot listen on port {port}: {error}") from error
    return _prepared(opened)


def _prepared(opened: socket.socket) -> socket.socket:
    """Set what every connection takes over: a client that vanished is noticed, and nothing waits."""
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened
