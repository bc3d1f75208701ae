"""The server's side of mutual TLS, wrapped around any server factory.

`MutualTlsFactory` takes a keyring and the factory of a server, and serves only clients that present a
trusted certificate; `certificate_peer` returns the peer that it identifies.  The files and the clock are
checked twice a second: a client that would now be refused gets no further than its running job.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from ipaddress import IPv4Address, IPv6Network
from typing import Any, Final, cast

from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.policy.peer import Peer, certified_peer, tcp_peer
from twisted_distcc.policy.tally import Tally
from twisted_distcc.tls.certificate_names import all_names, common_name
from twisted_distcc.tls.contexts import Connection, server_context
from twisted_distcc.tls.credentials import BadCredentialsError
from twisted_distcc.tls.files import CredentialFiles
from twisted_distcc.tls.handshake import Handshake, HandshakeCounts, MutualTls, called
from twisted_distcc.tls.keyring import Keyring

_LINK: Final = 64  # bits (RFC 4291, 2.5.1)
_LINGER: Final = 10.0
"""Seconds that a client has to hang up after the end of TLS."""
_LOOK: Final = 0.5
"""Seconds between two checks of the files, so that a revocation takes effect within a second."""
_STRANGERS: Final = 1024
"""The most connections at a time from clients that are not known yet: each takes a descriptor and some
100 KiB of memory, for ten seconds of handshake and ten to hang up."""


def server_keyring(files: CredentialFiles, seconds: Callable[[], float]) -> Keyring:
    """Return the keyring of a server; see `Keyring`."""
    return Keyring(files, server_context, seconds)


def certificate_peer(transport: object) -> Peer | None:
    """Return the peer by the certificate presented on `transport`; `None` if it is not mutual TLS."""
    if not isinstance(transport, MutualTls):
        return None
    address: Any = transport.getPeer()
    certificate = transport.certificate
    name = common_name(certificate)
    assert name is not None, "the handshake refuses names that are none"
    return certified_peer(name, all_names(certificate), address.host, address.port)


def _nobody(_address: IAddress | None, _reason: str) -> None:
    """Do nothing; the log has it."""


def abort(protocol: IProtocol) -> None:
    """Abort the connection of a protocol that has no better way to stop in time."""
    protocol.transport.abortConnection()  # type: ignore[attr-defined]


class _Lingering(ProtocolWrapper):
    """Sits below TLS, and ends a connection so that the client can still read the last bytes.

    An untrusted client is told so while already sending its request.  If the connection were closed
    then, what it sends would be answered with a reset, and the last bytes would be lost.
    """

    _is_over = False
    _timer: IDelayedCall | None = None
    _stranger: str | None = None

    def count(self, stranger: str) -> None:
        """Count this connection as one of the unknown client `stranger`."""
        self._stranger = stranger

    def become_known(self) -> None:
        """Stop counting this connection as a stranger's."""
        who, self._stranger = self._stranger, None
        if who is not None:
            cast(MutualTlsFactory, self.factory).strangers.give_back(who, 1)

    def dataReceived(self, data: bytes) -> None:
        """Pass it on, until TLS is over."""
        if not self._is_over:
            super().dataReceived(data)

    def loseConnection(self) -> None:
        """Send what was written, and wait a while for the client to hang up."""
        if not self._is_over:
            self._is_over = True
            assert self.transport is not None
            self.transport.loseWriteConnection()  # type: ignore[attr-defined]
            clock = cast(MutualTlsFactory, self.factory).clock
            self._timer = clock.callLater(_LINGER, self.abortConnection)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass it on; TLS, which only now learns that the client is gone, may still try to hang up."""
        self._is_over = True
        self.become_known()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        super().connectionLost(reason)


class MutualTlsFactory(WrappingFactory[_Lingering]):
    """Serves with the protocols of `wrapped`, once the client is trusted.

    Args:
        keyring: what this server presents, and whom it trusts.
        wrapped: builds the protocols; their transport is a `MutualTls`.
        reactor: provides `IReactorTime`.
        retire: called with the protocol of a client that would now be refused, for instance because
            its certificate has been revoked or has expired.
        refused: called for each client that is not trusted, with its address and the reason, a clause.
        strangers: how many clients may be in their handshakes at a time, half of them from one address;
            further connections are closed without a word.
    """

    protocol = _Lingering
    noisy = False
    _log = Logger()

    def __init__(
        self,
        keyring: Keyring,
        wrapped: IProtocolFactory,
        reactor: Any,
        retire: Callable[[IProtocol], None] = abort,
        refused: Callable[[IAddress | None, str], None] = _nobody,
        strangers: int = _STRANGERS,
    ) -> None:
        self.handshakes = HandshakeCounts()
        handshakes = _Handshakes(keyring, wrapped, reactor, refused, self.handshakes)
        self._tls = TLSMemoryBIOFactory(_Connections(keyring), False, handshakes, reactor)
        self._tls.protocol = MutualTls
        super().__init__(self._tls)
        self.clock: IReactorTime = reactor
        self.strangers = Tally(strangers)
        self._keyring = keyring
        self._retire = retire
        self._watch = LoopingCall(self._look)
        self._watch.clock = reactor

    def buildProtocol(  # type: ignore[override]  # Twisted takes `None` for a no
        self, addr: IAddress
    ) -> _Lingering | None:
        """Return the protocol below TLS, unless there are too many strangers."""
        who = _neighbourhood(addr)
        if not self.strangers.take(who, 1):
            self._log.warn("{who} is dropped: too many TLS handshakes in progress", who=called(addr))
            return None
        lingering = super().buildProtocol(addr)
        lingering.count(who)
        return lingering

    def startFactory(self) -> None:
        """Watch the files while there is a port."""
        if self._keyring.files.crl is None:
            self._log.warn("there is no list of revoked certificates: none counts as revoked")
        self._watch.start(_LOOK, now=False)

    def stopFactory(self) -> None:
        """Stop watching, and turn away clients that are not known yet."""
        self._watch.stop()
        for handshake in self._all_handshakes():
            if handshake.protocol is None:
                handshake.give_up("came when this server was ending")

    @property
    def expiry(self) -> datetime:
        """When the certificate of this server expires."""
        return self._keyring.credentials.certificate.not_valid_after_utc

    def renew(self) -> None:
        """Read the files again, whether or not they have changed; unusable ones are ignored."""
        self._take(self._renewed)

    def _renewed(self) -> bool:
        self._keyring.renew()
        return True

    def _look(self) -> None:
        self._take(self._keyring.renew_if_changed)
        self._retire_expired(self._keyring.now())

    def _take(self, renew: Callable[[], bool]) -> None:
        try:
            is_new = renew()
        except BadCredentialsError as error:
            self._log.error(
                "the old certificates stay in use, as the new ones are unusable: {e}", e=error
            )
            return
        if is_new:
            self._log.info("the certificates were read again")
            self._look_anew()

    def _look_anew(self) -> None:
        """Check clients that were trusted by the old files against the new ones."""
        for handshake, protocol in self._served():
            if self._keyring.objection(handshake.tls.certificate):
                self._retire(protocol)
            else:
                handshake.trusted_until = self._keyring.end_of(handshake.tls.connection)

    def _retire_expired(self, now: datetime) -> None:
        for handshake, protocol in self._served():
            if handshake.trusted_until is not None and now > handshake.trusted_until:
                self._retire(protocol)

    def _served(self) -> list[tuple[Handshake, IProtocol]]:
        return [(each, each.protocol) for each in self._all_handshakes() if each.protocol is not None]

    def _all_handshakes(self) -> list[Handshake]:
        wrapped = (transport.wrappedProtocol for transport in self._tls.protocols)
        return [protocol for protocol in wrapped if isinstance(protocol, Handshake)]


@implementer(IOpenSSLServerConnectionCreator)
class _Connections:
    """Begins each connection with the keyring's current context."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Connection:
        return Connection(self._keyring.context)


class _Handshakes(Factory):
    """Builds a `Handshake` for every connection."""

    noisy = False
    _log = Logger()

    def __init__(
        self,
        keyring: Keyring,
        wrapped: IProtocolFactory,
        reactor: Any,
        refused: Callable[[IAddress | None, str], None],
        counts: HandshakeCounts,
    ) -> None:
        self._counts = counts
        self._keyring = keyring
        self._wrapped = wrapped
        self._reactor = reactor
        self._refused = refused

    def doStart(self) -> None:
        """Start the wrapped factory, too."""
        super().doStart()
        self._wrapped.doStart()

    def doStop(self) -> None:
        """Stop the wrapped factory, too."""
        self._wrapped.doStop()
        super().doStop()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Return a protocol for one handshake."""

        def failed(reason: str) -> None:
            self._counts.failed += 1
            self._log.warn("{who} {reason}", who=called(addr), reason=reason)
            self._refused(addr, reason)

        def trusted() -> IProtocol | None:
            self._counts.completed += 1
            cast(_Lingering, handshake.tls.transport).become_known()
            handshake.trusted_until = self._keyring.end_of(handshake.tls.connection)
            return self._wrapped.buildProtocol(addr)  # type: ignore[arg-type]

        handshake = Handshake(self._reactor, self._keyring.objection, trusted, failed)
        return handshake


def _neighbourhood(address: Any) -> str:
    """Return the unit by which strangers are limited: an IPv4 address, or the network of an IPv6 one."""
    if not hasattr(address, "host"):
        return ""
    found = tcp_peer(address.host, address.port).address
    return str(found if isinstance(found, IPv4Address) else IPv6Network((found, _LINK), strict=False))
