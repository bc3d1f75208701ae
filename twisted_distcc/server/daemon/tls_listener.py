"""The TLS port of a server.

It serves only clients that present a trusted certificate.  Only servers with a TLS port import this
module, and with it the libraries for certificates.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IListeningPort, IProtocol, ITransport
from twisted.logger import Logger

from twisted_distcc.errors import EXIT_ACCESS_DENIED
from twisted_distcc.observe.recorders import Recorders, RefusedConnection
from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.connection.server_protocol import (
    DistccServerFactory,
    DistccServerProtocol,
)
from twisted_distcc.server.connection.server_transport import address_peer
from twisted_distcc.server.daemon.ports import open_ports, serve_on
from twisted_distcc.server.daemon.privileges import unreadable
from twisted_distcc.server.options.tls_config import TlsConfig
from twisted_distcc.tls.certificate_names import holder, names_for_servers
from twisted_distcc.tls.credentials import day
from twisted_distcc.tls.serving import MutualTlsFactory, certificate_peer, server_keyring


class SecurePort:
    """A TLS port at each of `addresses`, or at all addresses, or on `inherited` sockets.

    Raises:
        CannotListenError: if it cannot be opened.
        BadCredentialsError: if the certificates are unusable.
    """

    _log = Logger()

    def __init__(
        self,
        config: TlsConfig,
        addresses: Sequence[str],
        reactor: Any,
        inherited: Sequence[socket.socket] = (),
    ) -> None:
        self._reactor = reactor
        self._keyring = server_keyring(config.files, reactor.seconds)
        self._sockets = inherited or open_ports(addresses, config.port)
        self.factory: MutualTlsFactory | None = None
        """What serves clients, once it does."""

    def serve(
        self, factory: DistccServerFactory, recorders: Recorders, strangers: int
    ) -> list[IListeningPort]:
        """Serve with `factory`, which gets a function that identifies a client by its certificate.

        `recorders` are told of clients whose certificates are not trusted; at most `strangers` may be in
        their handshakes at a time.
        """

        def refused(address: Any, reason: str) -> None:
            peer = tcp_peer(address.host, address.port)
            refusal = Refused((f"{peer} {reason}",), EXIT_ACCESS_DENIED)
            recorders.record(RefusedConnection(peer, refusal))

        factory.identify = identify
        self.factory = MutualTlsFactory(
            self._keyring, factory, self._reactor, _retire, refused, strangers
        )
        certificate = self._keyring.credentials.certificate
        self._log.info(
            "TLS clients see the certificate of {name}, which expires on {end}",
            name=holder(certificate),
            end=day(certificate.not_valid_after_utc),
        )
        if path := unreadable(*self._files()):
            self._log.warn(
                "the server's user may not read {path}, so it does not see when that changes: let it"
                " (chmod a+r; a+x for the folders), or restart the server after each change",
                path=path,
            )
        return [serve_on(opened, self._reactor, self.factory) for opened in self._sockets]

    def _files(self) -> list[str]:
        """Return the paths of the files that are not secret."""
        files = self._keyring.files
        return [path for path in (files.certificate, files.ca, files.crl) if path is not None]

    @property
    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The host names, and the addresses, in the server's certificate."""
        return names_for_servers(self._keyring.credentials.certificate)

    def renew(self) -> None:
        """Read the certificates again."""
        if self.factory is not None:
            self.factory.renew()


def identify(transport: ITransport) -> Peer:
    """Return the peer of a connection: by its certificate if it has shown one, else by its address."""
    return certificate_peer(transport) or address_peer(transport)


def _retire(protocol: IProtocol) -> None:
    assert isinstance(protocol, DistccServerProtocol)
    protocol.retire()
