"""Who gets a certificate, for how long, and who no more."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from cryptography import x509

from tests.tls.authority.making import SCOPE, AuthorityTestCase
from twisted_distcc.tls.authority import Authority, Bundle
from twisted_distcc.tls.authority.issued import Issued, State
from twisted_distcc.tls.authority.ledger import AuthorityError, Ledger
from twisted_distcc.tls.authority.subject_names import BadNameError


def all_files(folder: Path) -> dict[str, bytes]:
    """Give all that a folder holds."""
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


class RulesTestCase(AuthorityTestCase):
    """What these tests ask an authority."""

    def states(self) -> list[tuple[str, State]]:
        return [(each.name, each.state) for each in self.authority.overview().issued]

    def revoked_list(self, folder: Path | None = None) -> x509.CertificateRevocationList:
        return x509.load_pem_x509_crl(((folder or self.folder) / "crl.pem").read_bytes())

    def revoked(self) -> set[int]:
        return {entry.serial_number for entry in self.revoked_list()}

    def refused(self, error: type[Exception], words: str, call: object, *arguments: object) -> None:
        """Assert that a call is refused with these words, and changes no file."""
        before = all_files(self.folder)
        assert callable(call)
        self.assertIn(words, str(self.assertRaises(error, call, *arguments)))
        self.assertEqual(all_files(self.folder), before)


class CreateTests(RulesTestCase):
    """A new authority."""

    def test_certificate(self) -> None:
        """It signs certificates and lists, none that sign others, within its scope, for ten years."""
        certificate = x509.load_pem_x509_certificate((self.folder / "certificate.pem").read_bytes())
        critical = {each.value for each in certificate.extensions if each.critical}
        self.assertIn(x509.BasicConstraints(ca=True, path_length=0), critical)
        assert SCOPE is not None
        self.assertIn(SCOPE.extension(), critical)
        (usage,) = (each for each in critical if isinstance(each, x509.KeyUsage))
        self.assertTrue(usage.key_cert_sign and usage.crl_sign)
        self.assertFalse(usage.digital_signature)
        self.assertEqual(certificate.not_valid_after_utc, self.calendar.now + timedelta(days=3650))
        self.assertEqual(self.authority.overview().scope, SCOPE)

    def test_private(self) -> None:
        """Folders are their owner's alone, and so are keys; an open umask changes nothing."""
        self.addCleanup(os.umask, os.umask(0))
        folder = self.place()
        authority = Authority.create(folder, None, self.calendar)
        authority.issue_user("alice")
        authority.issue_server(["build1"])
        modes = Counter(
            (path.name if path.is_file() else "folder", path.stat().st_mode & 0o777)
            for path in [folder, *folder.rglob("*")]
        )
        expected = {("folder", 0o700): 6, ("key.pem", 0o600): 3, ("certificate.pem", 0o644): 3}
        self.assertEqual({key: modes[key] for key in expected}, expected)
        self.assertEqual({mode for name, mode in modes if name in ("folder", "key.pem")}, {0o700, 0o600})

    def test_nothing_overwritten(self) -> None:
        """A second one in the same place is refused, and so is one where something else is."""
        self.refused(AuthorityError, "stays as it is", Authority.create, self.folder, None)
        other = self.place()
        other.write_text("mine")
        self.refused(AuthorityError, "stays as it is", Authority.create, other, None)
        self.assertEqual(other.read_text(), "mine")

    def test_two_are_different(self) -> None:
        """No two authorities have the same name."""
        other = Authority.create(self.place(), SCOPE, self.calendar)
        names = {
            x509.load_pem_x509_certificate((folder / "certificate.pem").read_bytes()).subject
            for folder in (self.folder, other.folder)
        }
        self.assertEqual(len(names), 2)

    def test_no_authority(self) -> None:
        """Where there is none, that is said, with the command that makes one."""
        nowhere = Authority(self.place())
        for call in (nowhere.overview, nowhere.renew_list, lambda: nowhere.issue_user("alice")):
            self.assertIn("certs init", str(self.assertRaises(AuthorityError, call)))


class IssueTests(RulesTestCase):
    """First certificates."""

    def issued(self, bundle: Bundle) -> x509.Certificate:
        return x509.load_pem_x509_certificate((bundle.folder / "certificate.pem").read_bytes())

    def test_server(self) -> None:
        """A server's has all its names, in order, for a year."""
        bundle = self.authority.issue_server(["Build1.example.org", "10.0.0.5", "build1.EXAMPLE.org"])
        self.assertEqual(bundle.folder, self.folder / "servers" / "build1.example.org")
        self.assertEqual(bundle.issued.names, ("build1.example.org", "10.0.0.5"))
        self.assertEqual(bundle.issued.ends, self.calendar.now + timedelta(days=365))
        self.assertEqual(
            sorted(os.listdir(bundle.folder)), ["ca.pem", "certificate.pem", "crl.pem", "key.pem"]
        )

    def test_user(self) -> None:
        """A user's has the name, for 30 days or for as long as was asked."""
        self.assertEqual(
            self.authority.issue_user("alice").issued.ends, self.calendar.now + timedelta(days=30)
        )
        bundle = self.authority.issue_user("bob@example.org", timedelta(days=2))
        self.assertEqual(bundle.issued.ends, self.calendar.now + timedelta(days=2))
        self.assertEqual(self.issued(bundle).subject.rfc4514_string(), "CN=bob@example.org")

    def test_begins_before(self) -> None:
        """All that is signed began an hour ago: clocks of other machines may be behind."""
        hour_ago = self.calendar.now - timedelta(hours=1)
        self.assertEqual(self.authority.issue_user("alice").issued.starts, hour_ago)
        self.assertEqual(self.revoked_list().last_update_utc, hour_ago)

    def test_serials(self) -> None:
        """Serial numbers are large and all different."""
        serials = {self.authority.issue_user(f"u{n}").issued.serial for n in range(20)}
        self.assertEqual(len(serials), 20)
        self.assertGreater(max(serials), 1 << 50)

    def test_twice(self) -> None:
        """A name that has a certificate gets no second one, also in other case or when it has ended."""
        self.authority.issue_user("alice")
        self.authority.issue_user("Bob")
        self.refused(AuthorityError, "certs renew Bob", self.authority.issue_user, "bob")
        self.refused(AuthorityError, "certs renew alice", self.authority.issue_user, "alice")
        self.refused(AuthorityError, "certs renew alice", self.authority.issue_user, "Alice")
        self.calendar.pass_days(31)
        self.refused(AuthorityError, "certs renew alice", self.authority.issue_user, "alice")

    def test_after_revocation(self) -> None:
        """A name whose certificate was revoked may get another."""
        first = self.authority.issue_user("alice")
        self.authority.revoke("alice")
        second = self.authority.issue_user("alice")
        self.assertEqual(self.revoked(), {first.issued.serial})
        self.assertEqual(self.issued(second).serial_number, second.issued.serial)

    def test_in_the_way(self) -> None:
        """A folder that the authority has not made is not replaced."""
        (self.folder / "users" / "alice").mkdir(parents=True)
        (self.folder / "users" / "alice" / "notes").write_text("mine")
        self.refused(AuthorityError, "in the way", self.authority.issue_user, "alice")

    def test_outside(self) -> None:
        """A host outside of the scope is refused, as any of the names, and a user who looks like one."""
        for hosts in (["a.example.com"], ["a.example.org", "192.168.0.1"], ["fd00::1"], ["build1"]):
            self.refused(BadNameError, "may not certify", self.authority.issue_server, hosts)
        self.refused(BadNameError, "looks like the name of a host", self.authority.issue_user, "a.smith")

    def test_hostile(self) -> None:
        """A bad name touches no file."""
        self.refused(BadNameError, "'../x'", self.authority.issue_user, "../x")
        self.refused(BadNameError, "'../x'", self.authority.issue_server, ["a.example.org", "../x"])
        long = "x" * 60 + ".example.org"
        self.refused(BadNameError, "a shorter name first", self.authority.issue_server, [long])
        self.assertEqual(self.authority.issue_server(["a.example.org", long]).issued.names[1], long)

    def test_end_of_the_authority(self) -> None:
        """Nothing is good for longer than the authority, and one that has ended signs no more."""
        self.calendar.pass_days(3640)
        end = self.authority.overview().ends
        self.assertEqual(self.authority.issue_user("alice").issued.ends, end)
        self.calendar.pass_days(10)
        self.refused(AuthorityError, "make another one", self.authority.issue_user, "bob")


class RenewTests(RulesTestCase):
    """Later certificates."""

    def test_named(self) -> None:
        """A renewed one has a new key, the same names and life, and takes the old one's place."""
        old = self.authority.issue_server(["a.example.org", "10.0.0.5"], timedelta(days=90))
        before = all_files(old.folder)
        self.calendar.pass_days(5)
        (new,) = self.authority.renew(["a.example.org"])
        self.assertEqual(new.issued.names, old.issued.names)
        self.assertEqual(new.issued.ends, self.calendar.now + timedelta(days=90))
        self.assertEqual(new.folder, old.folder)
        for name in ("key.pem", "certificate.pem"):
            self.assertNotEqual(all_files(new.folder)[name], before[name])
        self.assertEqual(
            self.states(), [("a.example.org", State.RENEWED), ("a.example.org", State.GOOD)]
        )
        self.assertEqual(self.revoked(), set())

    def test_all_that_end_soon(self) -> None:
        """Without names, those in the last quarter of their life are renewed, once each."""
        self.authority.issue_user("alice")
        self.authority.issue_user("bob", timedelta(days=365))
        self.calendar.pass_days(22)
        self.assertEqual(self.authority.renew([]), [])
        self.calendar.pass_days(1)
        self.assertEqual(self.states()[0], ("alice", State.ENDS_SOON))
        self.assertEqual([each.issued.name for each in self.authority.renew([])], ["alice"])
        self.assertEqual(self.authority.renew([]), [])

    def test_within(self) -> None:
        """What counts as soon may be given."""
        self.authority.issue_user("alice")
        self.authority.issue_user("bob", timedelta(days=60))
        due = self.authority.renew([], timedelta(days=31), timedelta(days=3))
        self.assertEqual([each.issued.name for each in due], ["alice"])
        self.assertEqual(due[0].issued.ends, self.calendar.now + timedelta(days=3))

    def test_ended(self) -> None:
        """One that has ended comes back by name alone: its owner may have gone for good."""
        self.authority.issue_user("alice")
        self.calendar.pass_days(30)
        self.assertEqual(self.states(), [("alice", State.ENDED)])
        self.assertEqual(self.authority.renew([]), [])
        self.assertEqual(len(self.authority.renew(["alice", "alice"])), 1)

    def test_revoked(self) -> None:
        """What was revoked is not renewed."""
        self.authority.issue_user("alice")
        self.authority.revoke("alice")
        self.refused(AuthorityError, "is revoked", self.authority.renew, ["alice"])

    def test_one_unknown(self) -> None:
        """With one name that nobody has, none is renewed."""
        self.authority.issue_user("alice")
        self.refused(AuthorityError, "'bob'", self.authority.renew, ["alice", "bob"])


class RevokeTests(RulesTestCase):
    """Certificates that are taken back."""

    def serials(self, issued: list[Issued]) -> set[int]:
        return {each.serial for each in issued}

    def test_name(self) -> None:
        """All that a name has goes, renewed ones too, and the bundle with its key."""
        old, bob = self.authority.issue_user("alice"), self.authority.issue_user("bob")
        (new,) = self.authority.renew(["alice"])
        taken = {old.issued.serial, new.issued.serial}
        self.assertEqual(self.serials(self.authority.revoke("alice")), taken)
        self.assertEqual(self.revoked(), taken)
        self.assertFalse(new.folder.exists())
        self.assertTrue(bob.folder.exists())

    def test_serial(self) -> None:
        """One certificate goes by its number, in whatever way that is written; the others stay."""
        old = self.authority.issue_user("alice")
        (new,) = self.authority.renew(["alice"])
        number = f"{old.issued.serial:032X}"
        pairs = ":".join(number[at : at + 2] for at in range(0, 32, 2))
        self.assertEqual(self.serials(self.authority.revoke(pairs)), {old.issued.serial})
        self.assertTrue(new.folder.exists())
        self.assertEqual(self.states(), [("alice", State.REVOKED), ("alice", State.GOOD)])

    def test_latest(self) -> None:
        """Without the latest, the one before it counts again."""
        self.authority.issue_user("alice")
        (new,) = self.authority.renew(["alice"])
        self.authority.revoke(f"{new.issued.serial:x}")
        self.assertEqual(self.states(), [("alice", State.GOOD), ("alice", State.REVOKED)])

    def test_stays_revoked(self) -> None:
        """What is revoked stays so in all later lists, with its date; their numbers grow."""
        serial = self.authority.issue_user("alice").issued.serial
        self.authority.revoke("alice")
        day = self.calendar.now
        numbers: list[int] = []
        for step in (lambda: self.authority.issue_user("bob"), self.authority.renew_list):
            self.calendar.pass_days(3)
            step()
            (entry,) = self.revoked_list()
            self.assertEqual((entry.serial_number, entry.revocation_date_utc), (serial, day))
            number = self.revoked_list().extensions.get_extension_for_class(x509.CRLNumber)
            numbers.append(number.value.crl_number)
        self.assertEqual(numbers, sorted(set(numbers)))

    def test_bundles_follow(self) -> None:
        """Each bundle has the latest list."""
        bundle = self.authority.issue_server(["a.example.org"])
        self.authority.issue_user("alice")
        self.authority.revoke("alice")
        self.assertEqual(self.revoked_list(bundle.folder), self.revoked_list())

    def test_nothing_to_revoke(self) -> None:
        """An unknown name, a name twice, and one that has ended are refused."""
        self.authority.issue_user("alice")
        self.authority.issue_user("bob")
        self.authority.revoke("alice")
        self.calendar.pass_days(30)
        self.refused(AuthorityError, "nothing was issued to 'carol'", self.authority.revoke, "carol")
        for name in ("alice", "bob"):
            self.refused(AuthorityError, "there is nothing to revoke", self.authority.revoke, name)

    def test_ambiguous(self) -> None:
        """A name of a server and of a user needs the serial number."""
        self.authority.issue_server(["a.example.org"])
        user = self.authority.issue_user("a.example.org")
        self.refused(AuthorityError, "serial number", self.authority.revoke, "a.example.org")
        self.assertEqual(self.authority.revoke(f"{user.issued.serial:x}"), [user.issued])

    def test_other_name(self) -> None:
        """A server is found by any of its names."""
        self.authority.issue_server(["a.example.org", "10.0.0.5"])
        self.assertEqual(self.authority.revoke("10.0.0.5")[0].name, "a.example.org")


class ListTests(RulesTestCase):
    """How long the list of revoked certificates is good."""

    def list_ends(self) -> datetime:
        return self.authority.overview().list_ends

    def test_outlives_certificates(self) -> None:
        """It ends more than a year from now, and after the last certificate."""
        self.assertEqual(self.list_ends(), self.calendar.now + timedelta(days=400))
        last = self.authority.issue_user("alice", timedelta(days=2000)).issued.ends
        self.assertEqual(self.list_ends(), last + timedelta(days=35))

    def test_renewed(self) -> None:
        """A new one is good for as long again, and says until when."""
        self.calendar.pass_days(399)
        self.assertEqual(self.authority.renew_list(), self.calendar.now + timedelta(days=400))
        self.assertEqual(self.list_ends(), self.calendar.now + timedelta(days=400))


class BrokenTests(RulesTestCase):
    """Folders that lack something, and commands that were killed."""

    def test_killed_before_the_bundle(self) -> None:
        """What was signed is on record: it can be renewed or revoked, though nobody has it."""
        with patch.object(Ledger, "publish_bundle", side_effect=KeyboardInterrupt):
            self.assertRaises(KeyboardInterrupt, self.authority.issue_user, "alice")
        self.assertEqual(self.states(), [("alice", State.GOOD)])
        (bundle,) = self.authority.renew(["alice"])
        self.assertEqual(len(os.listdir(bundle.folder)), 4)
        self.assertEqual(len(self.authority.revoke("alice")), 2)

    def test_killed_within_the_bundle(self) -> None:
        """Half a bundle, with its key, goes with the next command."""
        left = self.folder / "users" / ".unfinished-x"
        left.mkdir(parents=True)
        (left / "key.pem").touch()
        self.authority.issue_user("alice")
        self.assertEqual(os.listdir(self.folder / "users"), ["alice"])

    def test_bundle_taken_away(self) -> None:
        """A bundle that was moved to where it belongs is missed by nobody."""
        bundle = self.authority.issue_user("alice")
        for path in bundle.folder.iterdir():
            path.unlink()
        self.authority.renew_list()
        self.authority.renew(["alice"])
        self.authority.revoke("alice")
        self.authority.issue_user("alice")

    def test_missing(self) -> None:
        """A missing file is named; a lost list is not taken for one that revokes nobody."""
        self.authority.issue_user("alice")
        for name in ("crl.pem", "key.pem"):
            path = self.folder / name
            kept = path.read_bytes()
            path.unlink()
            self.refused(AuthorityError, f"{path} is missing", self.authority.revoke, "alice")
            path.touch(0o600)
            path.write_bytes(kept)

    def test_broken(self) -> None:
        """A file that holds something else is named."""
        bundle = self.authority.issue_user("alice")
        for name in ("crl.pem", "key.pem", "issued/000001.pem"):
            path = self.folder / name
            kept = path.read_bytes()
            path.write_text("rubbish")
            self.refused(AuthorityError, f"{path} cannot be read", self.authority.revoke, "alice")
            path.write_bytes(kept)
        self.assertTrue(bundle.folder.exists())

    def test_foreign(self) -> None:
        """The key or the list of another authority is refused."""
        other = Authority.create(self.place(), SCOPE, self.calendar)
        for name, words in (("crl.pem", "is not of the authority"), ("key.pem", "is not the key of")):
            path = self.folder / name
            kept = path.read_bytes()
            path.write_bytes((other.folder / name).read_bytes())
            self.refused(AuthorityError, words, self.authority.issue_user, "alice")
            path.write_bytes(kept)

    def test_open_key(self) -> None:
        """A key that others may read is not used any more."""
        (self.folder / "key.pem").chmod(0o640)
        self.refused(AuthorityError, "others may read", self.authority.issue_user, "alice")
