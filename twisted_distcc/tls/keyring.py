"""Credentials that are reloaded when their files change.

A `Keyring` provides the context for the next connection.  If files have changed and cannot be used, the
old credentials stay in place.  A server checks the files every half second, an agent for each job.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from cryptography import x509
from OpenSSL import SSL

from twisted_distcc.tls.certificate_names import holder
from twisted_distcc.tls.contexts import Connection, Context
from twisted_distcc.tls.credentials import BadCredentialsError, Credentials, SigningKey, day, load
from twisted_distcc.tls.files import CredentialFiles


class Keyring:
    """The credentials in the files, and a context made from them.

    Args:
        files: where the credentials are.
        make: returns a context for these credentials, given the time.
        seconds: the wall clock, in seconds since the epoch.

    Raises:
        BadCredentialsError: if they cannot be used.
    """

    def __init__(
        self,
        files: CredentialFiles,
        make: Callable[[Credentials, datetime], Context],
        seconds: Callable[[], float],
    ) -> None:
        self.files = files
        self._context: Context
        self._make = make
        self._seconds = seconds
        self._stamp = files.stamp()
        self._dropped: frozenset[x509.Name] = frozenset()
        self._read()

    def now(self) -> datetime:
        """Return the time of this keyring's clock."""
        return datetime.fromtimestamp(self._seconds(), UTC)

    @property
    def context(self) -> Context:
        """The context for the next connection, renewed when it is no longer current."""
        now = self.now()
        if not self._context.is_current(now):
            self._context = self._make(self.credentials, now)
        return self._context

    def objection(self, certificate: x509.Certificate) -> str:
        """Return any current objection to the other end's `certificate`, or an empty text.

        It was valid when OpenSSL verified it, perhaps in an older context: it is not verified again when
        a session is resumed, and a handshake continues with the context it began with.
        """
        clause = self._clause(certificate, self.now())
        return clause and f"the certificate of {holder(certificate)} {clause}"

    def end_of(self, connection: Connection) -> datetime:
        """Return until when the other end of `connection` is trusted, unless it is revoked earlier."""
        certificate = connection.certificate
        assert certificate is not None, "the handshake is done"
        end = self.credentials.end_of(certificate)
        return end if connection.above_end is None else min(end, connection.above_end)

    def _clause(self, certificate: x509.Certificate, now: datetime) -> str:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if now > end:
            return f"expired on {day(end)}"
        if now < begin:
            return f"is not valid before {day(begin)}: are both clocks right?"
        if self.credentials.has_revoked(certificate):
            return "was revoked"
        if self.credentials.has_no_list_for(certificate, now):
            return "cannot be checked: the list of revoked certificates has expired"
        return self._authority_clause(certificate, now)

    def _authority_clause(self, certificate: x509.Certificate, now: datetime) -> str:
        end = self.credentials.authority_end(certificate)
        if end is not None and now > end:
            return f"was issued by an authority that expired on {day(end)}"
        if certificate.issuer in self._dropped:
            return "was issued by an authority that is no longer trusted"
        return ""

    def renew(self) -> None:
        """Read the files again, for future connections.

        Raises:
            BadCredentialsError: if they cannot be used; nothing changes then.
        """
        self._stamp = self.files.stamp()
        before = self.credentials.authority_names
        self._read(self.credentials.key)
        self._dropped = before - self.credentials.authority_names

    def renew_if_changed(self) -> bool:
        """Read the files again if one has changed since the last time; return whether one has.

        Raises:
            BadCredentialsError: as `renew` does, once for each change.
        """
        if self.files.stamp() == self._stamp:
            return False
        self.renew()
        return True

    def _read(self, known: SigningKey | None = None) -> None:
        credentials = load(self.files, self.now(), known)
        try:
            context = self._make(credentials, self.now())
        except SSL.Error as error:
            reason = "; ".join(str(entry[-1]) for entry in error.args[0])
            raise BadCredentialsError(
                f"OpenSSL cannot use the certificate {self.files.certificate}: {reason}"
            ) from error
        self.credentials: Credentials = credentials
        self._context = context
