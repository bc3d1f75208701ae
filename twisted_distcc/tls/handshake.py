"""A connection from its first byte until both ends have shown who they are.

In: a transport under TLS, and what to do then.  Out: a protocol, connected once the other end is
trusted; or a clause on why it never was.  This module refuses to know which end it is on, and what is
said afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, cast

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IProtocol,
    IReactorTime,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import BufferingTLSTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.policy.peer import tcp_peer
from twisted_distcc.tls.contexts import Connection
from twisted_distcc.tls.faults import is_no_tls, shows_nothing, what_it_says

HANDSHAKE: Final = 10.0
"""Seconds after which a connection whose handshake is not done is closed."""

MOST_OVERHEAD: Final = 128 * 1024
"""Bytes of TLS without data that one end takes from the other: certificates have some thousand, OpenSSL
takes 100 KiB of them at the most, and one record that is not whole is counted here as well."""
_PER_RECORD: Final = 5 + 1 + 16
"""Bytes of a record beside its data: header, type and tag (RFC 8446, section 5.2)."""


class MutualTls(BufferingTLSTransport):
    """The transport of a protocol: what is written is encrypted, and the other end is known.

    What the other end sends for TLS's own ends has a ceiling: to each KeyUpdate that asks for one (RFC
    8446, section 4.6.3) OpenSSL writes an answer, which stays in memory if nobody reads it, and takes
    time in any case.  What carries data of the protocol is not counted, that is bounded elsewhere.
    """

    _log = Logger()
    _overhead = 0  # bytes of TLS beside the data, and what data needs

    def dataReceived(self, data: bytes) -> None:
        """Decrypt what came, and close the connection when too much of it is no data."""
        self._overhead += len(data)
        super().dataReceived(data)
        if self._overhead > MOST_OVERHEAD and not self._aborted:
            self._log.warn(
                "{peer} sent more than {most} bytes of TLS that are no data, its connection is closed",
                peer=called(self.getPeer()), most=MOST_OVERHEAD,
            )  # fmt: skip
            self.abortConnection()

    def delivered(self, length: int) -> None:
        """Count a record that carried so many bytes of data."""
        self._overhead -= length + _PER_RECORD

    @property
    def connection(self) -> Connection:
        """What OpenSSL and we know of the other end."""
        return cast(Connection, self.getHandle())

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that the other end has shown; the handshake is done."""
        certificate = self.connection.certificate
        assert certificate is not None
        return certificate

    def loseWriteConnection(self) -> None:
        """Send what was written, and say that no more comes; what still comes is read and dropped.

        TCP's own way would end the connection before TLS has sent everything.
        """
        self.loseConnection()


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """Stands where the protocol will be.

    Args:
        clock: ends what takes too long.
        objection: gives what speaks against the other end's certificate by now, or nothing.
        trusted: makes the protocol, when the other end is trusted, if it is to have one.
        failed: is told why it is not, in a clause that goes on from the other end's name.
        translate: gives the reason why the connection of the protocol was lost.

    Attributes:
        protocol: what the other end talks to, once it is trusted.
        trusted_until: when it ends that the other end is trusted, for those who look at that.
    """

    def __init__(
        self,
        clock: IReactorTime,
        objection: Callable[[x509.Certificate], str],
        trusted: Callable[[], IProtocol | None],
        failed: Callable[[str], None],
        translate: Callable[[Failure], Failure] = lambda reason: reason,
    ) -> None:
        self._clock = clock
        self._objection = objection
        self._trusted = trusted
        self._failed = failed
        self._translate = translate
        self._timer: IDelayedCall | None = None
        self._fault = ""
        self.protocol: IProtocol | None = None
        self.trusted_until: datetime | None = None

    @property
    def tls(self) -> MutualTls:
        """The transport, with all that it can."""
        return cast(MutualTls, self.transport)

    def connectionMade(self) -> None:
        """Wait for the handshake, but not for ever."""
        if ITCPTransport.providedBy(self.tls.transport):
            # A request follows the last words of the handshake at once: they wait for nothing.
            self.tls.setTcpNoDelay(True)
        self._timer = self._clock.callLater(HANDSHAKE, self._late)

    def handshakeCompleted(self) -> None:
        """Make the protocol; OpenSSL has looked at the other end's certificate, now or earlier."""
        self._stop_timer()
        if objection := self._objection(self.tls.certificate):
            self.give_up(f"is not trusted: {objection}")
            return
        self.protocol = self._trusted()
        if self.protocol is None:
            self.give_up("is not served")
        else:
            self.protocol.makeConnection(self.tls)

    def dataReceived(self, data: bytes) -> None:
        """Pass it on."""
        assert self.protocol is not None
        self.tls.delivered(len(data))
        self.protocol.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Pass it on, or say why there was nobody to pass it on to."""
        self._stop_timer()
        if self.protocol is not None:
            self.protocol.connectionLost(self._translate(reason))
        else:
            self._failed(self._fault or why(self.tls.getHandle(), reason))

    def give_up(self, fault: str) -> None:
        """End the connection, for the reason `fault`."""
        self._fault = fault
        self.tls.abortConnection()

    def _late(self) -> None:
        self.give_up(f"did not finish the TLS handshake within {HANDSHAKE:g} seconds")

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()


def called(address: object) -> str:
    """Return what the log calls the other end at `address`."""
    host, port = getattr(address, "host", None), getattr(address, "port", 0)
    return "somebody" if host is None else str(tcp_peer(host, port))


def openssl_errors(reason: Failure) -> object:
    """Give OpenSSL's list of errors for which a connection was lost, or `None` if it has none."""
    error = reason.value
    return error.args[0] if isinstance(error, SSL.Error) and error.args else None


def why(connection: Connection, reason: Failure) -> str:
    """Give the clause on a handshake that came to nothing; `reason` is why the connection was lost."""
    if connection.doubt:
        return f"is not trusted: {connection.doubt}"
    errors = openssl_errors(reason)
    if errors:
        return _why_openssl_failed(errors, reason)
    if connection.expected and connection.get_cipher_name() is None:
        return "speaks no TLS there: it hung up when we began to"
    return "hung up in the middle of the TLS handshake"


def _why_openssl_failed(errors: object, reason: Failure) -> str:
    if said := what_it_says(errors):
        return f"does not trust us: {said}"
    if shows_nothing(errors):
        return "is not trusted: it showed no certificate"
    if is_no_tls(errors):
        return "speaks no TLS there"
    return f"failed at the TLS handshake: {reason.getErrorMessage()}"
