"""What OpenSSL is told: TLS 1.3, a certificate on both sides, and what both are looked at for.

In: `Credentials`.  Out: contexts for servers and for clients, and connections that say why the other
end is not trusted.  OpenSSL verifies nobody again when a session is resumed.  A context has sessions and
ticket keys of its own, so no chain of resumptions outlives the context of its first, full handshake.
Therefore a context is used for an hour at most, and never longer than all that a handshake in it was
verified by is good; whoever revokes makes a new one.
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
# A build's compiles follow each other closely, and a full handshake an hour costs nothing.
_LIFETIME: Final = timedelta(hours=1)
_REVOCATION: Final = crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL


class Context(SSL.Context):
    """What connections are made of, and the sessions that were begun by them.

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
        """Begin no connection after `moment`: something that others were verified by ends then."""
        self._ends = min(self._ends, moment)

    def is_current(self, now: datetime) -> bool:
        """Say whether connections may begin at `now`; a clock that was set back begins anew."""
        return self._begins <= now <= self._ends


class Connection(SSL.Connection):
    """One side of a connection, without a socket, and what is known of the other end.

    Attributes:
        expected: the name that a server has to have; a client has none.
        doubt: why the other end is not trusted; empty as long as nothing speaks against it.
        above_end: when the first certificate above the other end's own ends; `None` if none was shown,
            as when a session is resumed.
    """

    def __init__(self, context: SSL.Context, expected: str = "") -> None:
        super().__init__(context)
        self.expected = expected
        self.doubt = ""
        self.above_end: datetime | None = None

    def end_by(self, moment: datetime) -> None:
        """Note that something by which the other end was verified ends at `moment`."""
        self.above_end = moment if self.above_end is None else min(self.above_end, moment)

    @property
    def certificate(self) -> x509.Certificate | None:
        """The certificate that the other end has shown, now or when its session began."""
        return self.get_peer_certificate(as_cryptography=True)


_Objection = Callable[[x509.Certificate, str], str]
"""Gives what speaks against a certificate that OpenSSL takes, and the name expected in it."""


def server_context(credentials: Credentials, now: datetime) -> Context:
    """Make the context of a server: it wants a user's certificate."""
    context = _context(credentials, now)
    context.set_session_id(_SESSION_CONTEXT)
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
    _verify(context, _objection_to_client, server=False)
    return context


def client_context(credentials: Credentials, now: datetime) -> Context:
    """Make the context of a client: it wants the certificate of the very server that it means."""
    context = _context(credentials, now)
    _verify(context, _objection_to_server, server=True)
    return context


def client_connection(context: Context, server: tuple[str, int], sni: bytes | None) -> Connection:
    """Begin the client's side of a connection to `server`, resuming the session with it, if any."""
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
    """Have the certificates of the other end looked at; `server` says which end that is.

    A session remembers the other end's own certificate alone, so those above it bound the context.
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
    """Say whether `certificate` says that it is for `purpose`: OpenSSL takes silence for a yes."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return purpose in usage.value
