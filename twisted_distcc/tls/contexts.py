"""OpenSSL contexts for TLS 1.3 with a certificate on both sides, and what both are checked for.

`Credentials` are turned into contexts for servers and for clients, whose connections say why the other
end is not trusted.  OpenSSL does not verify again when a session is resumed.  A context has sessions and
ticket keys of its own, so no chain of resumptions outlives the context of its first, full handshake.
Therefore a context is used for an hour at most, and only while everything that its handshakes were
verified by is valid; a revocation requires a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from OpenSSL import SSL, crypto

from twisted_distcc.tls.certificate_names import answers_to, common_name, holder
from twisted_distcc.tls.credentials import Credentials
from twisted_distcc.tls.faults import what_is_wrong, wrong_purpose

_SESSION_CONTEXT: Final = b"twisted_distcc"
# A build's compiles follow each other closely, and one full handshake per hour costs nothing.
_LIFETIME: Final = timedelta(hours=1)
_REVOCATION: Final = crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL


class Context(SSL.Context):
    """A context for connections, and the sessions that they began.

    Attributes:
        sessions: for a client, the latest session with each server, by its name and port.
    """

    def __init__(self, begins: datetime, ends: datetime | None) -> None:
        super().__init__(SSL.TLS_METHOD)
        self._begins = begins
        self._ends = begins + _LIFETIME
        self.sessions: dict[tuple[str, int], SSL.Session] = {}
        if ends is not None:
            self.end_by(ends)

    def end_by(self, moment: datetime) -> None:
        """Begin no connection after `moment`, when something that peers were verified by expires."""
        self._ends = min(self._ends, moment)

    def is_current(self, now: datetime) -> bool:
        """Whether connections may begin at `now`; not if the clock was set back before its creation."""
        return self._begins <= now <= self._ends


class Connection(SSL.Connection):
    """One end of a connection, without a socket, and what is known of the other end.

    Attributes:
        expected: the name that a server must have; empty for a client.
        doubt: why the other end is not trusted; empty if there is no objection so far.
        above_end: when the first of the certificates above the other end's own expires; `None` if none
            was shown, as when a session is resumed.
    """

    def __init__(self, context: SSL.Context, expected: str = "") -> None:
        super().__init__(context)
        self.expected = expected
        self.doubt = ""
        self.above_end: datetime | None = None

    def end_by(self, moment: datetime) -> None:
        """Note that something that the other end was verified by expires at `moment`."""
        self.above_end = moment if self.above_end is None else min(self.above_end, moment)

    @property
    def certificate(self) -> x509.Certificate | None:
        """The certificate that the other end presented, now or when its session began."""
        return self.get_peer_certificate(as_cryptography=True)


_Objection = Callable[[x509.Certificate, str], str]
"""Returns any objection to a certificate that OpenSSL accepts, given the name expected in it."""


def server_context(credentials: Credentials, now: datetime) -> Context:
    """Return the context of a server, which requires a user's certificate."""
    context = _context(credentials, now)
    context.set_session_id(_SESSION_CONTEXT)
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
    _verify(context, _objection_to_client, server=False)
    return context


def client_context(credentials: Credentials, now: datetime) -> Context:
    """Return the context of a client, which requires the certificate of the server that it expects."""
    context = _context(credentials, now)
    _verify(context, _objection_to_server, server=True)
    return context


def client_connection(context: Context, server: tuple[str, int], sni: bytes | None) -> Connection:
    """Return the client's end of a connection to `server`, resuming the session with it, if any."""
    connection = Connection(context, server[0])
    if sni is not None:
        connection.set_tlsext_host_name(sni)
    if (session := context.sessions.get(server)) is not None:
        connection.set_session(session)
    return connection


def _context(credentials: Credentials, now: datetime) -> Context:
    context = Context(now, credentials.next_end(now))
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_options(SSL.OP_NO_RENEGOTIATION)
    context.set_timeout(int(_LIFETIME.total_seconds()))
    context.use_certificate(credentials.certificate)
    for link in credentials.chain:
        context.add_extra_chain_cert(link)
    context.use_privatekey(credentials.key)
    store = context.get_cert_store()
    assert store is not None
    for authority in credentials.authorities:
        store.add_cert(crypto.X509.from_cryptography(authority))
    for crl in credentials.revocations:
        store.add_crl(crl)
    if credentials.revocations:
        store.set_flags(_REVOCATION)
    return context


def _verify(context: Context, objection: _Objection, *, server: bool) -> None:
    """Verify the certificates of the other end; `server` says which end that is.

    A session keeps only the other end's own certificate, so those above it limit the context's lifetime.
    """

    def look(ours: SSL.Connection, shown: crypto.X509, error: int, depth: int, is_good: int) -> bool:
        assert isinstance(ours, Connection)
        try:
            certificate = shown.to_cryptography()
            if not is_good:
                ours.doubt = what_is_wrong(certificate, error, server=server)
            elif depth == 0:
                ours.doubt = objection(certificate, ours.expected)
            else:
                context.end_by(certificate.not_valid_after_utc)
                ours.end_by(certificate.not_valid_after_utc)
        except Exception:  # whatever a reader of hostile bytes raises: they are not to be trusted
            ours.doubt = "the certificate cannot be read"
        return not ours.doubt

    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, look)


def _objection_to_client(certificate: x509.Certificate, _: str) -> str:
    if not _is_for(certificate, ExtendedKeyUsageOID.CLIENT_AUTH):
        return f"the certificate of {holder(certificate)} {wrong_purpose(server=False)}"
    if common_name(certificate) is None:
        return (
            f"the certificate of {holder(certificate)} names nobody: its common name has to be made of"
            " letters, digits and .-_@"
        )
    return ""


def _objection_to_server(certificate: x509.Certificate, expected: str) -> str:
    if not _is_for(certificate, ExtendedKeyUsageOID.SERVER_AUTH):
        return f"the certificate of {holder(certificate)} {wrong_purpose(server=True)}"
    if not answers_to(certificate, expected):
        return (
            f"the certificate is that of {holder(certificate)}, and not of {expected}: name the"
            " server as its certificate does"
        )
    return ""


def _is_for(certificate: x509.Certificate, purpose: ObjectIdentifier) -> bool:
    """Whether `certificate` states that it is for `purpose`; OpenSSL accepts one that states nothing."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return purpose in usage.value
