"""The server's side of mutual TLS, around whatever serves.

In: a keyring, and the factory of a server.  Out: a factory that serves those alone who show a trusted
certificate, and the peer that this makes of them.  The files and the clock are looked at twice a second:
whoever would be refused by now gets no further than the job that runs.
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
from twisted_distcc.tls.handshake import Handshake, MutualTls, called
from twisted_distcc.tls.keyring import Keyring

_LINK: Final = 64  # bits (RFC 4291, 2.5.1)
_LINGER: Final = 10.0
"""Seconds that a client has to hang up when TLS is over."""
_LOOK: Final = 0.5
"""Seconds between two looks at the files: a revocation counts within a second."""
_STRANGERS: Final = 1024
"""Most connections at a time of clients that are not known yet: each takes a descriptor and some 100 KiB
of memory, for ten seconds of handshake and ten to hang up."""


def server_keyring(files: CredentialFiles, seconds: Callable[[], float]) -> Keyring:
    """Give the keyring of a server; see `Keyring`."""
    return Keyring(files, server_context, seconds)


def certificate_peer(transport: object) -> Peer | None:
    """Give the peer whose certificate was shown on `transport`, or `None` if that is no such thing."""
    if not isinstance(transport, MutualTls):
        return None
    address: Any = transport.getPeer()
    certificate = transport.certificate
    name = common_name(certificate)
    assert name is not None, "the handshake refuses names that are none"
    return certified_peer(name, all_names(certificate), address.host, address.port)


def _nobody(_address: IAddress | None, _reason: str) -> None:
    """Tell nobody but the log."""


def abort(protocol: IProtocol) -> None:
    """End the connection of a protocol that knows no better way to stop in time."""
    protocol.transport.abortConnection()  # type: ignore[attr-defined]


class _Lingering(ProtocolWrapper):
    """Lies under TLS, and ends a connection so that the client can read the last words.

    A client that is not trusted is told so while it sends its request already.  If the connection were
    closed then, what it sends would be answered with a reset, and the last words would be lost.
    """

    _is_over = False
    _timer: IDelayedCall | None = None
    _stranger: str | None = None

    def count(self, stranger: str) -> None:
        """Be a connection of somebody who is not known yet, but called `stranger` among those."""
        self._stranger = stranger

    def become_known(self) -> None:
        """Give the place among the strangers back."""
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
        """The client is gone; TLS, which hears of that now, may want to hang up all the same."""
        self._is_over = True
        self.become_known()
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        super().connectionLost(reason)


class MutualTlsFactory(WrappingFactory[_Lingering]):
    """Serves by the protocols of `wrapped`, once the client is trusted.

    Args:
        keyring: what this server shows, and whom it trusts.
        wrapped: makes the protocols; their transport is a `MutualTls`.
        reactor: provides `IReactorTime`.
        retire: is called with the protocol of a client who would be refused by now, as one whose
            certificate was revoked or has expired meanwhile.
        refused: is told of each client that is not trusted: its address, and why, in a clause.
        strangers: how many clients may be in their handshakes at a time, of one address half of it; more
            are closed without a word.
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
        handshakes = _Handshakes(keyring, wrapped, reactor, refused)
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
        """Make what lies under TLS, unless too many are strangers yet."""
        who = _neighbourhood(addr)
        if not self.strangers.take(who, 1):
            self._log.warn("{who} is dropped: too many TLS handshakes in progress", who=called(addr))
            return None
        lingering = super().buildProtocol(addr)
        lingering.count(who)
        return lingering

    def startFactory(self) -> None:
        """Watch the files as long as there is a port."""
        if self._keyring.files.crl is None:
            self._log.warn("there is no list of revoked certificates: none counts as revoked over TLS")
        self._watch.start(_LOOK, now=False)

    def stopFactory(self) -> None:
        """Watch no more, and begin nothing with clients that are not known yet."""
        self._watch.stop()
        for handshake in self._handshakes():
            if handshake.protocol is None:
                handshake.give_up("came when this server was ending")

    def renew(self) -> None:
        """Read the files again, whether they have changed or not; what cannot be used is not taken."""
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
            self._log.error("the old certificates stay in use, as the new ones cannot be: {e}", e=error)
            return
        if is_new:
            self._log.info("the certificates were read again")
            self._look_anew()

    def _look_anew(self) -> None:
        """Hold those who were trusted by the old files against the new ones."""
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
        return [(each, each.protocol) for each in self._handshakes() if each.protocol is not None]

    def _handshakes(self) -> list[Handshake]:
        wrapped = (transport.wrappedProtocol for transport in self._tls.protocols)
        return [protocol for protocol in wrapped if isinstance(protocol, Handshake)]


@implementer(IOpenSSLServerConnectionCreator)
class _Connections:
    """Begins each connection with what the keyring holds at that moment."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Connection:
        return Connection(self._keyring.context)


class _Handshakes(Factory):
    """Lets every connection begin with its handshake."""

    noisy = False
    _log = Logger()

    def __init__(
        self,
        keyring: Keyring,
        wrapped: IProtocolFactory,
        reactor: Any,
        refused: Callable[[IAddress | None, str], None],
    ) -> None:
        self._keyring = keyring
        self._wrapped = wrapped
        self._reactor = reactor
        self._refused = refused

    def doStart(self) -> None:
        """Start what is wrapped, too."""
        super().doStart()
        self._wrapped.doStart()

    def doStop(self) -> None:
        """Stop what is wrapped, too."""
        self._wrapped.doStop()
        super().doStop()

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """Make the protocol of one handshake."""

        def failed(reason: str) -> None:
            self._log.warn("{who} {reason}", who=called(addr), reason=reason)
            self._refused(addr, reason)

        def trusted() -> IProtocol | None:
            cast(_Lingering, handshake.tls.transport).become_known()
            handshake.trusted_until = self._keyring.end_of(handshake.tls.connection)
            return self._wrapped.buildProtocol(addr)  # type: ignore[arg-type]

        handshake = Handshake(self._reactor, self._keyring.objection, trusted, failed)
        return handshake


def _neighbourhood(address: Any) -> str:
    """Give what no stranger has many of: an IPv4 address, or the network of an IPv6 one."""
    if not hasattr(address, "host"):
        return ""
    found = tcp_peer(address.host, address.port).address
    return str(found if isinstance(found, IPv4Address) else IPv6Network((found, _LINK), strict=False))
