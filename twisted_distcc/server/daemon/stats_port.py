"""The port for statistics: opened while we have the privileges, served when the server is.

With TLS on, it asks for the same certificates as the port for jobs.  Only servers that serve statistics
import this module, and with it the library for web pages.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_distcc.server.daemon.ports import open_ports, serve_on
from twisted_distcc.server.options.stats_config import StatsConfig
from twisted_distcc.server.options.tls_config import TlsConfig
from twisted_distcc.server.stats.server_view import ServerView
from twisted_distcc.server.stats.stats_site import stats_site
from twisted_distcc.web.guarded_site import guarded_site

_LOOK: Final = 1.0
"""Seconds between two looks at how many jobs run."""


class StatsPort:
    """The ports for statistics, as `config` says, or on `inherited` sockets.

    Raises:
        CannotListenError: if one cannot be opened.
        BadCredentialsError: if the certificates are unusable.
    """

    _log = Logger()

    def __init__(
        self,
        config: StatsConfig,
        tls: TlsConfig | None,
        reactor: Any,
        inherited: Sequence[socket.socket] = (),
    ) -> None:
        self._config = config
        self._reactor = reactor
        self._keyring = None
        if tls is not None:
            from twisted_distcc.tls.serving import server_keyring

            self._keyring = server_keyring(tls.files, reactor.seconds)
        self._sockets = inherited or open_ports(config.listen, config.port)
        self._looking: LoopingCall | None = None

    def serve(self, view: ServerView) -> list[IListeningPort]:
        """Show the server that `view` shows."""
        self._looking = LoopingCall(view.look)
        self._looking.clock = self._reactor
        self._looking.start(_LOOK, now=False)
        names = (view.name, view.name.partition(".")[0], *self._config.names)
        factory = self._secured(guarded_site(stats_site(view, self._reactor), self._reactor, names))
        return [serve_on(opened, self._reactor, factory) for opened in self._sockets]

    def _secured(self, factory: IProtocolFactory) -> IProtocolFactory:
        if self._keyring is None:
            return factory
        from twisted_distcc.tls.serving import MutualTlsFactory

        return MutualTlsFactory(self._keyring, factory, self._reactor)

    def close(self) -> None:
        """Look no more."""
        if self._looking is not None and self._looking.running:
            self._looking.stop()
