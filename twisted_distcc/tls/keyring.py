"""Credentials that stay as new as their files.

In: the names of files, what to make of them, and a clock.  Out: the context for the next connection.
Files that changed and cannot be used leave the old credentials in place.  This module refuses to know
who asks when: a server looks every half second, an agent with each job.
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
    """What the files hold, and a context made of it.

    Args:
        files: where the credentials are.
        make: makes a context, at a time, from what the files hold.
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
        """Give the time by this keyring's clock."""
        return datetime.fromtimestamp(self._seconds(), UTC)

    @property
    def context(self) -> Context:
        """The context for the next connection: a new one when the last is no longer current."""
        now = self.now()
        if not self._context.is_current(now):
            self._context = self._make(self.credentials, now)
        return self._context

    def objection(self, certificate: x509.Certificate) -> str:
        """Return what speaks against the other end's `certificate` by now, or nothing.

        It was good when OpenSSL verified it, by a context that may be older: nobody does so again when
        a session is resumed, and a handshake goes on with what it began with.
        """
        clause = self._clause(certificate, self.now())
        return clause and f"the certificate of {holder(certificate)} {clause}"

    def end_of(self, connection: Connection) -> datetime:
        """Return until when the other end of `connection` is trusted, unless it is revoked before."""
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
            return "cannot be looked up: the list of revoked certificates has expired"
        return self._authority_clause(certificate, now)

    def _authority_clause(self, certificate: x509.Certificate, now: datetime) -> str:
        end = self.credentials.authority_end(certificate)
        if end is not None and now > end:
            return f"was made by an authority that expired on {day(end)}"
        if certificate.issuer in self._dropped:
            return "was made by an authority that is trusted no more"
        return ""

    def renew(self) -> None:
        """Read the files again, for connections to come.

        Raises:
            BadCredentialsError: if they cannot be used; everything stays as it was.
        """
        self._stamp = self.files.stamp()
        before = self.credentials.authority_names
        self._read(self.credentials.key)
        self._dropped = before - self.credentials.authority_names

    def renew_if_changed(self) -> bool:
        """Read the files again if one has changed since they were last read; say whether it has.

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
