"""The sockets that a server listens on.

They are opened for addresses and a port number, or were left to us by systemd, for IPv4 and IPv6.
Without addresses they are for all of both, on one socket if the system allows it.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Final

from twisted_distcc.addresses import socket_address
from twisted_distcc.errors import EXIT_BIND_FAILED, DistccError

if TYPE_CHECKING:
    from twisted.internet.interfaces import IListeningPort, IProtocolFactory

# How many connections may wait to be accepted: a large farm's clients all start at the same moment.
_BACKLOG: Final = 1024
# The first descriptor of a service manager's sockets (sd_listen_fds(3)).
_FIRST_INHERITED: Final = 3

TLS: Final = "tls"
"""The name (`FileDescriptorName=`) of a service manager's socket for TLS."""
STATS: Final = "stats"
"""The name of one for statistics."""


class CannotListenError(DistccError):
    """The server cannot listen where it was told to; the text says where and why."""

    exit_code = EXIT_BIND_FAILED


def open_ports(addresses: Iterable[str], port: int) -> list[socket.socket]:
    """Listen on `port` at each of `addresses`, or at all addresses if there are none.

    Port 0 lets the system choose; all addresses then get the port that the first one got.

    Raises:
        CannotListenError: if an address is invalid, not this machine's, or in use.
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


def serve_on(opened: socket.socket, reactor: Any, factory: IProtocolFactory) -> IListeningPort:
    """Have `reactor` accept connections on the port `opened`, which it takes over, for `factory`."""
    with opened:
        port: IListeningPort = reactor.adoptStreamPort(opened.fileno(), opened.family, factory)
    return port


def inherited_ports(environ: MutableMapping[str, str], pid: int) -> list[tuple[str, socket.socket]]:
    """Take the sockets that systemd opened for the process `pid`, each with its name there, or "".

    They are not inherited by programs that we start, nor are the variables in `environ`.

    Raises:
        CannotListenError: if one is not a listening TCP socket.
    """
    meant_for, number, names = (
        environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
    )
    is_ours = meant_for == str(pid) and number.isdecimal()
    count = int(number) if is_ours else _taken_by_twisted()
    descriptors = range(_FIRST_INHERITED, _FIRST_INHERITED + count)
    named = dict(zip(descriptors, names.split(":"), strict=False))
    return [(named.get(one, ""), _adopt(one)) for one in descriptors]


def _taken_by_twisted() -> int:
    """Return the number of sockets that Twisted has taken for its `systemd:` endpoints.

    It takes them, and the variables but for the names, when its endpoints are imported.  twistd imports
    these before us if the list of its plugins is not cached, as where the server's user may not write.
    """
    endpoints = sys.modules.get("twisted.internet.endpoints")
    return 0 if endpoints is None else len(endpoints._SystemdParser._sddaemon.inheritedDescriptors())


def _adopt(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)
        opened = socket.socket(fileno=descriptor)
        listens = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise CannotListenError(f"systemd left no socket at descriptor {descriptor}: {error}") from error
    if not listens or opened.family not in (socket.AF_INET, socket.AF_INET6):
        raise CannotListenError(
            f"the socket that systemd left at descriptor {descriptor} is not a listening TCP socket: "
            "the socket unit needs ListenStream=, with a port, and Accept=no"
        )
    return _prepared(opened)


def _open(address: str, port: int) -> socket.socket:
    try:
        family, place = socket_address(address, port)
        opened = socket.create_server(place, family=family, backlog=_BACKLOG)
    except OSError as error:
        # `create_server` appends its address tuple to the error's text.
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise CannotListenError(f"cannot listen on {address}, port {port}: {reason}") from error
    except ValueError as error:
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
    """Set what accepted connections inherit: keep-alive notices vanished clients, and nothing blocks."""
    opened.setblocking(False)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return opened
