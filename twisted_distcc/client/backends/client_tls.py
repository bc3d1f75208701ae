"""The client's side of mutual TLS: credentials, the expected server, and session resumption.

`TlsEndpoint` wraps an endpoint, given the name of the server that it should lead to, and credentials.
Its protocols talk to exactly that server, or it fails with `UntrustedError`.  The credential files are
checked for each job, and a server that was called before resumes its session, which needs no signatures.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.backends.host_faults import CannotConnectError, UntrustedError
from twisted_distcc.client.settings import TlsPaths
from twisted_distcc.tls.certificate_names import server_name
from twisted_distcc.tls.contexts import Context, client_connection, client_context
from twisted_distcc.tls.credentials import (
    BadCredentialsError,
    MissingCredentialsError,
)
from twisted_distcc.tls.faults import what_it_says
from twisted_distcc.tls.files import CredentialFiles
from twisted_distcc.tls.handshake import Handshake, MutualTls, openssl_errors
from twisted_distcc.tls.keyring import Keyring

# Sets of credential files; a user has one or two.
_MOST: Final = 100


@dataclass(frozen=True, slots=True)
class Identity:
    """One user's credentials."""

    keyring: Keyring

    @property
    def context(self) -> Context:
        """The TLS context for the next connection."""
        return self.keyring.context


def credential_files(paths: TlsPaths) -> CredentialFiles:
    """Return the files for `paths`, including a revocation list if it exists or was asked for."""
    has_crl = paths.wants_crl or os.path.exists(paths.crl)
    return CredentialFiles(paths.certificate, paths.key, paths.ca, paths.crl if has_crl else None)


class Identities:
    """The identities of one process, keyed by their files."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._known = Bounded[CredentialFiles, Identity](_MOST)

    def of(self, files: CredentialFiles) -> Identity:
        """Return the identity that `files` hold now.

        Raises:
            UntrustedError: if they cannot be used.
        """
        try:
            return self._current(files)
        except MissingCredentialsError as error:
            raise UntrustedError(
                f"wants to know who you are, but {error}: whoever keeps the authority makes it, with"
                " `twisted-distcc certs user NAME`"
            ) from error
        except BadCredentialsError as error:
            raise UntrustedError(f"is not contacted, as {error}") from error

    def _current(self, files: CredentialFiles) -> Identity:
        known = self._known.pop(files, None)
        if known is None:
            known = Identity(Keyring(files, client_context, self._seconds))
        else:
            known.keyring.renew_if_changed()
        known.keyring.credentials.check_time(known.keyring.now())
        self._known[files] = known
        return known


@implementer(IStreamClientEndpoint)
@dataclass(frozen=True, slots=True)
class TlsEndpoint:
    """Connects to a server, and verifies that it is the expected one.

    Attributes:
        endpoint: connects to it.
        name, port: its name or address, which its certificate must have, and its port.
        identity: the client's identity.
        reactor: provides `IReactorTime`.

    """

    endpoint: IStreamClientEndpoint
    name: str
    port: int
    identity: Identity
    reactor: Any

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """Connect a protocol of `protocolFactory`, once both ends have proved who they are.

        The Deferred fails with an `UntrustedError` if they do not trust each other.
        """
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        call = _Call(self, factory)
        wrapper = TLSMemoryBIOFactory(call, True, call, self.reactor)
        wrapper.protocol = MutualTls
        await self.endpoint.connect(wrapper)
        return await call.greeted()


@implementer(IOpenSSLClientConnectionCreator)
class _Call(Factory):
    """One connection being established."""

    noisy = False

    def __init__(self, endpoint: TlsEndpoint, factory: IProtocolFactory) -> None:
        # With the port: certificates of two servers on one machine may differ.
        self._server = (endpoint.name, endpoint.port)
        self._keyring = endpoint.identity.keyring
        self._context = endpoint.identity.context
        self._clock = endpoint.reactor
        self._factory = factory
        self._handshake: Handshake | None = None
        self._greeted: Deferred[IProtocol] = Deferred(lambda _: self._give_up())
        try:
            self._sni = server_name(endpoint.name)
        except ValueError as error:
            raise CannotConnectError(f"cannot be reached: no server has such a name ({error})") from None

    def greeted(self) -> Deferred[IProtocol]:
        """Return a Deferred of the protocol, which fires when the server is trusted."""
        return self._greeted

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        return client_connection(self._context, self._server, self._sni)

    def buildProtocol(self, addr: IAddress | None) -> Handshake:
        """Return a protocol for the handshake."""
        self._handshake = Handshake(
            self._clock,
            self._keyring.objection,
            partial(self._trusted, addr),
            self._failed,
            self._lost,
        )
        return self._handshake

    def _trusted(self, addr: IAddress | None) -> IProtocol | None:
        protocol = self._factory.buildProtocol(addr)  # type: ignore[arg-type]
        if protocol is not None:
            # In a later turn, as the protocol must be told of its connection first.
            self._clock.callLater(0, self._greet, protocol)
        return protocol

    def _greet(self, protocol: IProtocol) -> None:
        if not self._greeted.called:
            self._greeted.callback(protocol)

    def _failed(self, reason: str) -> None:
        if not self._greeted.called:
            self._greeted.errback(UntrustedError(reason))

    def _lost(self, reason: Failure) -> Failure:
        """Keep the session for the next call; translate the alert of a server that does not trust us.

        A client completes its handshake before the server has verified the client's certificate, so it
        learns of a refusal only while it waits for an answer.
        """
        assert self._handshake is not None
        if not reason.check(SSL.Error):
            session = self._handshake.tls.getHandle().get_session()
            if session is not None:
                self._context.sessions[self._server] = session
            return reason
        self._context.sessions.pop(self._server, None)
        said = what_it_says(openssl_errors(reason))
        return Failure(UntrustedError(f"does not trust us: {said}")) if said else reason

    def _give_up(self) -> None:
        if self._handshake is not None:
            self._handshake.tls.abortConnection()
