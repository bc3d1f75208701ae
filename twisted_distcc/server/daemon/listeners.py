"""The ports of a server: plain TCP and TLS for clients, and one for statistics.

`Doors` opens the sockets while we have the privileges, and serves them when everything is ready; in
between, root is given up.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort

from twisted_distcc.observe.recorders import Recorders
from twisted_distcc.server.connection.server_protocol import DistccServerFactory
from twisted_distcc.server.daemon.ports import (
    STATS,
    TLS,
    CannotListenError,
    inherited_ports,
    open_ports,
    serve_on,
)
from twisted_distcc.server.options.config import ServerConfig

if TYPE_CHECKING:
    from twisted_distcc.server.daemon.stats_port import StatsPort
    from twisted_distcc.server.daemon.tls_listener import SecurePort
    from twisted_distcc.server.stats.server_view import ServerView
    from twisted_distcc.tls.serving import MutualTlsFactory


class Doors:
    """The ports of a server that `config` describes."""

    def __init__(self, config: ServerConfig, reactor: Any) -> None:
        self._config = config
        self._reactor = reactor
        self._sockets: list[socket.socket] = []
        self._secure: SecurePort | None = None
        self._ports: list[IListeningPort] = []
        self._secure_ports: list[IListeningPort] = []
        self._stats: StatsPort | None = None
        self._stats_ports: list[IListeningPort] = []

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """The addresses and ports of plain TCP."""
        return _addresses(self._ports)

    @property
    def tls_addresses(self) -> list[tuple[str, int]]:
        """The addresses and ports of TLS."""
        return _addresses(self._secure_ports)

    @property
    def reachable(self) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """The addresses and ports where clients reach plain TCP, and TLS: all of them, by family."""
        return _by_family(self._ports), _by_family(self._secure_ports)

    @property
    def stats_addresses(self) -> list[tuple[str, int]]:
        """The addresses and ports of statistics."""
        return _addresses(self._stats_ports)

    @property
    def tls(self) -> MutualTlsFactory | None:
        """What serves clients under TLS, once it does."""
        return None if self._secure is None else self._secure.factory

    @property
    def certificate_names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The host names, and the addresses, in the certificate for TLS; none without TLS."""
        return ((), ()) if self._secure is None else self._secure.names

    def take(self) -> None:
        """Open the ports, or use those that systemd left us, unless that is done already.

        Raises:
            CannotListenError: if one is in use, or not an address of this machine.
            DistccError: if the certificates for TLS are unusable.
        """
        if self._sockets or self._secure is not None:
            return
        config, inherited = self._config, inherited_ports(os.environ, os.getpid())
        self._sockets = [opened for name, opened in inherited if name not in (TLS, STATS)]
        secure = [opened for name, opened in inherited if name == TLS]
        if not (self._sockets or secure) and (config.allow.networks or config.tls is None):
            self._sockets = open_ports(config.listen, config.port)
        self._take_secure(secure)
        self._take_stats([opened for name, opened in inherited if name == STATS])

    def _take_secure(self, inherited: list[socket.socket]) -> None:
        config = self._config
        if config.tls is not None:
            from twisted_distcc.server.daemon.tls_listener import SecurePort

            self._secure = SecurePort(config.tls, config.listen, self._reactor, inherited)
        elif inherited:
            raise CannotListenError(
                "systemd left a socket for TLS: it needs --tls-certificate, --tls-key and --tls-ca"
            )

    def _take_stats(self, inherited: list[socket.socket]) -> None:
        config = self._config
        if config.stats is not None:
            from twisted_distcc.server.daemon.stats_port import StatsPort

            self._stats = StatsPort(config.stats, config.tls, self._reactor, inherited)
        elif inherited:
            raise CannotListenError("systemd left a socket for statistics: it needs --stats")

    def serve(self, factory: DistccServerFactory, recorders: Recorders) -> None:
        """Accept clients, to be served by `factory`; `recorders` are told of untrusted ones."""
        for opened in self._sockets:
            self._ports.append(serve_on(opened, self._reactor, factory))
        if self._secure is not None:
            most = self._config.ceilings.connections
            self._secure_ports = self._secure.serve(factory, recorders, most)

    def show(self, view: ServerView) -> None:
        """Serve statistics of the server that `view` shows, if that is wanted."""
        if self._stats is not None:
            self._stats_ports = self._stats.serve(view)

    def renew(self) -> None:
        """Read the certificates again."""
        if self._secure is not None:
            self._secure.renew()

    async def close(self) -> None:
        """Stop listening."""
        for port in (*self._ports, *self._secure_ports, *self._stats_ports):
            await maybeDeferred(port.stopListening)
        if self._stats is not None:
            self._stats.close()


def _addresses(ports: Iterable[IListeningPort]) -> list[tuple[str, int]]:
    hosts = (cast(IPv4Address | IPv6Address, port.getHost()) for port in ports)
    return [(_host(address), address.port) for address in hosts]


def _by_family(ports: Sequence[IListeningPort]) -> list[tuple[str, int]]:
    """Return addresses, with that for all of IPv4 where a socket for all of IPv6 serves IPv4, too."""
    told = []
    for port, (host, number) in zip(ports, _addresses(ports), strict=True):
        told.append((host, number))
        if host == "::" and not cast(Any, port).socket.getsockopt(
            socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
        ):
            told.append(("0.0.0.0", number))  # noqa: S104  (it is listened on already)
    return told


def _host(address: IPv4Address | IPv6Address) -> str:
    """Return the address as `--listen` takes it: a link-local one with its interface."""
    if isinstance(address, IPv6Address) and address.scopeID:
        return f"{address.host.partition('%')[0]}%{socket.if_indextoname(int(address.scopeID))}"
    return address.host
