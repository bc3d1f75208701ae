"""What files one end's credentials are read from, and what is said of those that are of no use."""

from __future__ import annotations

import errno
import os
from dataclasses import replace as changed
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.tls.certificates import CLIENT, DAY, Authority, write
from twisted_distcc.tls import credentials
from twisted_distcc.tls.credentials import (
    BadCredentialsError,
    Credentials,
    MissingCredentialsError,
    load,
)
from twisted_distcc.tls.files import CredentialFiles

AUTHORITY = Authority()
NOW = AUTHORITY.now


class CredentialsTestCase(SynchronousTestCase):
    """One folder of good files."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.made = AUTHORITY.user("alice")
        self.files = write(self.folder, self.made, AUTHORITY)

    def load(self, now: datetime = NOW) -> Credentials:
        return load(self.files, now)

    def refused(self, *parts: str, now: datetime = NOW) -> None:
        """Assert that loading fails, with a sentence that has these parts."""
        sentence = str(self.assertRaises(BadCredentialsError, load, self.files, now))
        for part in parts:
            self.assertIn(part, sentence)


class ClosedKeyTests(CredentialsTestCase):
    """A server that has given root away reads its files again, but not root's key."""

    def setUp(self) -> None:
        super().setUp()
        self.key = self.load().key
        contents = credentials._contents

        def closed(path: str, what: str, *, secret: bool) -> bytes:
            if secret:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
            return contents(path, what, secret=secret)

        self.patch(credentials, "_contents", closed)

    def test_the_key_that_is_known(self) -> None:
        """It goes on being used, and with it whatever else is new."""
        again = load(self.files, NOW, self.key)
        self.assertEqual((again.key, again.certificate), (self.key, self.made.certificate))

    def test_none_is_known(self) -> None:
        """At the start there has to be one."""
        self.refused("key.pem", "cannot be read: Permission denied")

    def test_the_key_of_another_certificate(self) -> None:
        """A new certificate with a new key takes effect when somebody may read both."""
        other = AUTHORITY.user("bob").key
        error = self.assertRaises(BadCredentialsError, load, self.files, NOW, other)
        self.assertIn("key.pem cannot be read: Permission denied", str(error))


class FilesTests(CredentialsTestCase):
    def test_good_files(self) -> None:
        """What is in the files is what is loaded."""
        credentials = self.load()
        self.assertEqual(credentials.certificate, self.made.certificate)
        self.assertEqual(credentials.authorities, (AUTHORITY.own.certificate,))
        self.assertEqual(credentials.chain, ())
        self.assertFalse(credentials.has_revoked(self.made.certificate))

    def test_a_chain(self) -> None:
        """Certificates that follow the first are shown with it."""
        with open(self.files.certificate, "ab") as file:
            file.write(AUTHORITY.own.certificate_pem)
        self.assertEqual(self.load().chain, (AUTHORITY.own.certificate,))

    def test_missing(self) -> None:
        """The sentence names the file that is not there; a list has to be there only if it is named."""
        for name in ("certificate", "key", "ca", "crl"):
            files = changed(self.files, **{name: "/no/such.pem"})
            error = self.assertRaises(MissingCredentialsError, load, files, NOW)
            self.assertIn("/no/such.pem", str(error))
        self.assertEqual(load(changed(self.files, crl=None), NOW).revocations, ())

    def test_unreadable(self) -> None:
        """A folder in the place of a file is not read, and is named."""
        self.files = changed(self.files, ca=str(self.folder))
        self.refused(str(self.folder), "cannot be read")

    def test_rubbish(self) -> None:
        """A file without what it should hold is named, with what it should hold."""
        rubbish = self.folder / "rubbish"
        rubbish.write_text("-----BEGIN X509 CRL-----\nrubbish\n")
        rubbish.chmod(0o600)
        for name, what in (
            ("certificate", "certificate"),
            ("key", "key"),
            ("ca", "authority's certificate"),
            ("crl", "list of revoked certificates"),
        ):
            files = changed(self.files, **{name: str(rubbish)})
            sentence = str(self.assertRaises(BadCredentialsError, load, files, NOW))
            self.assertIn(f"{rubbish} holds no {what}", sentence)

    def test_a_list_that_lists_nothing(self) -> None:
        """An empty file is no list by which nothing is revoked."""
        Path(str(self.files.crl)).write_bytes(b"")
        self.refused("crl.pem", "BEGIN X509 CRL")


class KeyTests(CredentialsTestCase):
    def write_key(self, pem: bytes) -> None:
        Path(self.files.key).write_bytes(pem)

    def test_another_key(self) -> None:
        """A key that is not the certificate's is refused before anybody connects."""
        self.write_key(AUTHORITY.user("bob").key_pem)
        self.refused(self.files.key, self.files.certificate, "made together")

    def test_readable_by_others(self) -> None:
        """A key that others can read is refused, with the command that mends it."""
        for mode in (0o604, 0o660, 0o620, 0o601):
            Path(self.files.key).chmod(mode)
            self.refused(f"chmod 600 {self.files.key}")

    def test_a_password(self) -> None:
        """Nobody is there to type a password."""
        encryption = BestAvailableEncryption(b"secret")
        self.write_key(self.made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        self.refused(self.files.key, "password")

    def test_a_kind_that_tls_does_not_sign_with(self) -> None:
        """A key that OpenSSL would refuse later is refused now."""
        key = dsa.generate_private_key(2048)
        self.write_key(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.refused(self.files.key, "EC, Ed25519, Ed448 or RSA")


class TimeTests(CredentialsTestCase):
    def test_expired(self) -> None:
        """A certificate whose end has come is not shown to anybody."""
        self.refused("the certificate of alice expired on", "renew", now=NOW + 11 * DAY)

    def test_too_early(self) -> None:
        """Nor is one that has not begun."""
        self.refused("alice is not valid before", "clock", now=NOW - 11 * DAY)

    def test_an_old_list(self) -> None:
        """A list that has ended is not taken for one by which nothing more is revoked."""
        Path(str(self.files.crl)).write_bytes(AUTHORITY.revocations(ends=DAY))
        self.load()
        self.refused("list of revoked certificates expired on", "certs crl", now=NOW + 2 * DAY)


class RevocationTests(CredentialsTestCase):
    def test_by_authority_and_number(self) -> None:
        """A serial number is revoked for the authority of the list, and for no other."""
        farm, other = Authority("farm"), Authority("other")
        bob = farm.user("bob").certificate
        namesake = other.make("bob", CLIENT, serial=bob.serial_number).certificate
        farm.revoked.append(bob)
        Path(str(self.files.crl)).write_bytes(farm.revocations())
        credentials = self.load()
        self.assertTrue(credentials.has_revoked(bob))
        self.assertFalse(credentials.has_revoked(farm.user("bob").certificate))
        self.assertFalse(credentials.has_revoked(namesake))


class StampTests(CredentialsTestCase):
    def test_changes(self) -> None:
        """The stamp is another one when a file is replaced, changed or removed, and only then."""
        before = self.files.stamp()
        self.assertEqual(self.files.stamp(), before)
        Path(self.files.key).unlink()
        without = self.files.stamp()
        write(self.folder, self.made, AUTHORITY)
        self.assertEqual(len({before, without, self.files.stamp()}), 3)

    def test_without_a_list(self) -> None:
        """A list that is not named is not looked at."""
        files = CredentialFiles(self.files.certificate, self.files.key, self.files.ca)
        self.assertEqual(len(files.stamp()), 3)
