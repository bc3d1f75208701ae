"""What OpenSSL is told: TLS 1.3, a certificate on both sides, and what both are looked at for.

In: `Credentials`.  Out: contexts for servers and for clients, and connections that say why the other
end is not trusted.  Nobody looks at it again when a session goes on.  A context has ticket keys of its
own, so no session outlives the context that it began in; whoever revokes makes a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier
from OpenSSL import SSL, crypto

from twisted_distcc.tls.credentials import Credentials
from twisted_distcc.tls.faults import what_is_wrong, wrong_purpose
from twisted_distcc.tls.names import answers_to, common_name, holder

_SESSION_CONTEXT: Final = b"twisted_distcc"
# Seconds.  A build's compiles follow each other closely; an hour is also how long a session may outlive
# what only time brings, such as the end of a list of revoked certificates.
_SESSION_LIFETIME: Final = 3600
_REVOCATION: Final = crypto.X509StoreFlags.CRL_CHECK | crypto.X509StoreFlags.CRL_CHECK_ALL


class Connection(SSL.Connection):
    """One side of a connection, without a socket, and what is known of the other end.

    Attributes:
        expected: the name that a server has to have; a client has none.
        doubt: why the other end is not trusted; empty as long as nothing speaks against it.
    """

    def __init__(self, context: SSL.Context, expected: str = "") -> None:
        super().__init__(context)
        self.expected = expected
        self.doubt = ""

    @property
    def certificate(self) -> x509.Certificate | None:
        """The certificate that the other end has shown, now or when its session began."""
        return self.get_peer_certificate(as_cryptography=True)


_Objection = Callable[[x509.Certificate, str], str]
"""Gives what speaks against a certificate that OpenSSL takes, and the name expected in it."""


def server_context(credentials: Credentials) -> SSL.Context:
    """Make the context of a server: it wants a user's certificate."""
    context = _context(credentials)
    context.set_session_id(_SESSION_CONTEXT)
    context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
    _verify(context, _objection_to_client, server=False)
    return context


def client_context(credentials: Credentials) -> SSL.Context:
    """Make the context of a client: it wants the certificate of the very server that it means."""
    context = _context(credentials)
    _verify(context, _objection_to_server, server=True)
    return context


def client_connection(
    context: SSL.Context, name: str, sni: bytes | None, session: SSL.Session | None
) -> Connection:
    """Begin the client's side of a connection to `name`, going on with `session` if it can."""
    connection = Connection(context, name)
    if sni is not None:
        connection.set_tlsext_host_name(sni)
    if session is not None:
        connection.set_session(session)
    return connection


def _context(credentials: Credentials) -> SSL.Context:
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_3_VERSION)
    context.set_timeout(_SESSION_LIFETIME)
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


def _verify(context: SSL.Context, objection: _Objection, *, server: bool) -> None:
    """Have the certificates of the other end looked at; `server` says which end that is."""

    def look(ours: SSL.Connection, shown: crypto.X509, error: int, depth: int, is_good: int) -> bool:
        assert isinstance(ours, Connection)
        try:
            certificate = shown.to_cryptography()
            if not is_good:
                ours.doubt = what_is_wrong(certificate, error, server=server)
            elif depth == 0:
                ours.doubt = objection(certificate, ours.expected)
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
