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

from twisted_distcc.tls.credentials import BadCredentialsError, Credentials, SigningKey, day, load
from twisted_distcc.tls.files import CredentialFiles
from twisted_distcc.tls.names import holder


class Keyring:
    """What the files hold, and a context made of it.

    Args:
        files: where the credentials are.
        make: makes a context; it is called once for each state of the files.
        seconds: the wall clock, in seconds since the epoch.

    Raises:
        BadCredentialsError: if they cannot be used.
    """

    def __init__(
        self,
        files: CredentialFiles,
        make: Callable[[Credentials], SSL.Context],
        seconds: Callable[[], float],
    ) -> None:
        self.files = files
        self._make = make
        self._seconds = seconds
        self._stamp = files.stamp()
        self._read()

    def now(self) -> datetime:
        """Give the time by this keyring's clock."""
        return datetime.fromtimestamp(self._seconds(), UTC)

    def objection(self, certificate: x509.Certificate) -> str:
        """Give what speaks against the other end's `certificate` by now, or nothing.

        It was good when OpenSSL looked at it, by a context that may be older: nobody does so again when
        a session goes on, and a handshake goes on with what it began with.
        """
        end = certificate.not_valid_after_utc
        if self.now() > end:
            return f"the certificate of {holder(certificate)} expired on {day(end)}"
        if self.credentials.has_revoked(certificate):
            return f"the certificate of {holder(certificate)} was revoked"
        return ""

    def renew(self) -> None:
        """Read the files again, for connections to come.

        Raises:
            BadCredentialsError: if they cannot be used; everything stays as it was.
        """
        self._stamp = self.files.stamp()
        self._read(self.credentials.key)

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
            context = self._make(credentials)
        except SSL.Error as error:
            reason = "; ".join(str(entry[-1]) for entry in error.args[0])
            raise BadCredentialsError(
                f"OpenSSL cannot use the certificate {self.files.certificate}: {reason}"
            ) from error
        self.credentials: Credentials = credentials
        self.context: SSL.Context = context
