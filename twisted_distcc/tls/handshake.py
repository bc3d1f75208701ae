"""A connection from its first byte until both ends have proved who they are.

A `Handshake` takes the place of the real protocol, and connects it once the other end is trusted, or
reports why that never happened.  It works the same for clients and servers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
"""The most bytes of TLS overhead that one end accepts from the other: certificates have a few thousand,
OpenSSL accepts 100 KiB of them at most, and one incomplete record is counted here as well."""
_PER_RECORD: Final = 5 + 1 + 16
"""Bytes of a record besides its data: header, type and tag (RFC 8446, section 5.2)."""


class MutualTls(BufferingTLSTransport):
    """The transport of a protocol, which encrypts what is written and knows the other end.

    The overhead that the other end may send has a ceiling: OpenSSL answers each KeyUpdate that requests
    it (RFC 8446, section 4.6.3), and the answer takes time, and stays in memory if nobody reads it.
    Records that carry data of the protocol are not counted; these are bounded elsewhere.
    """

    _log = Logger()
    _overhead = 0  # bytes of TLS beside the data, and what data needs

    def dataReceived(self, data: bytes) -> None:
        """Decrypt `data`, and close the connection if there is too much overhead."""
        self._overhead += len(data)
        super().dataReceived(data)
        if self._overhead > MOST_OVERHEAD and not self._aborted:
            self._log.warn(
                "{peer} sent more than {most} bytes of TLS other than data, its connection is closed",
                peer=called(self.getPeer()), most=MOST_OVERHEAD,
            )  # fmt: skip
            self.abortConnection()

    def delivered(self, length: int) -> None:
        """Allow for a record that carried `length` bytes of data."""
        self._overhead -= length + _PER_RECORD

    @property
    def connection(self) -> Connection:
        """The OpenSSL connection, and what is known of the other end."""
        return cast(Connection, self.getHandle())

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that the other end presented; only after the handshake."""
        certificate = self.connection.certificate
        assert certificate is not None
        return certificate

    def loseWriteConnection(self) -> None:
        """Send what was written, and close our side; what still arrives is read and dropped.

        A TCP half-close would end the connection before TLS has sent everything.
        """
        self.loseConnection()


@dataclass(slots=True)
class HandshakeCounts:
    """How many handshakes were completed by clients that are trusted, and how many failed."""

    completed: int = 0
    failed: int = 0


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """Takes the place of the protocol until the other end is trusted.

    Args:
        clock: for the timeout.
        objection: returns any current objection to the other end's certificate, or an empty text.
        trusted: called when the other end is trusted; returns the protocol, or None to close.
        failed: called with the reason otherwise, a clause that continues from the other end's name.
        translate: returns the reason to report for the loss of the protocol's connection.

    Attributes:
        protocol: the real protocol, once the other end is trusted.
        trusted_until: when the trust in the other end expires, for those who check that.
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
        """The transport, by its real type."""
        return cast(MutualTls, self.transport)

    def connectionMade(self) -> None:
        """Wait for the handshake, with a timeout."""
        if ITCPTransport.providedBy(self.tls.transport):
            # A request follows the last words of the handshake at once: they wait for nothing.
            self.tls.setTcpNoDelay(True)
        self._timer = self._clock.callLater(HANDSHAKE, self._late)

    def handshakeCompleted(self) -> None:
        """Connect the protocol; OpenSSL has verified the other end's certificate, now or earlier."""
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
        """Pass it on, or report why the handshake failed."""
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
    """Return the name of the peer at `address` for the log."""
    host, port = getattr(address, "host", None), getattr(address, "port", 0)
    return "somebody" if host is None else str(tcp_peer(host, port))


def openssl_errors(reason: Failure) -> object:
    """Return OpenSSL's list of errors for a lost connection, or `None` if there is none."""
    error = reason.value
    return error.args[0] if isinstance(error, SSL.Error) and error.args else None


def why(connection: Connection, reason: Failure) -> str:
    """Return the clause on a failed handshake; `reason` is why the connection was lost."""
    if connection.doubt:
        return f"is not trusted: {connection.doubt}"
    errors = openssl_errors(reason)
    if errors:
        return _why_openssl_failed(errors, reason)
    if connection.expected and connection.get_cipher_name() is None:
        return "does not speak TLS there: it hung up when we started to"
    return "hung up in the middle of the TLS handshake"


def _why_openssl_failed(errors: object, reason: Failure) -> str:
    if said := what_it_says(errors):
        return f"does not trust us: {said}"
    if shows_nothing(errors):
        return "is not trusted: it showed no certificate"
    if is_no_tls(errors):
        return "does not speak TLS there"
    return f"failed at the TLS handshake: {reason.getErrorMessage()}"
