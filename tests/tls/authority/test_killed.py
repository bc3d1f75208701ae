"""Commands that are killed, at any moment: what is there afterwards is whole."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from unittest.mock import patch

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

from tests.tls.authority.making import AuthorityTestCase
from twisted_distcc.tls.authority import Authority
from twisted_distcc.tls.authority import keeping as module

WHOLE = {"certificate.pem", "key.pem", "ca.pem", "crl.pem"}
KILLED = 9
# What changes a folder, or begins to change a file.
MOMENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir"}


class KilledTestCase(AuthorityTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.authority.issue_user("alice")
        self.authority.issue_user("bob")
        self.original = self.place()
        shutil.copytree(self.folder, self.original)

    def killed_at(self, moment: int, step: Callable[[Authority], object]) -> bool:
        """Do `step` in a process that ends at that `moment`; say whether it was that long."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.original, self.folder)
        child = os.fork()
        if not child:
            _end_at(moment)
            try:
                step(Authority(self.folder, self.calendar))
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED

    def at_each_moment(self, step: Callable[[Authority], object]) -> int:
        """Kill `step` everywhere, with a whole bundle of bob's after each; give how often that was."""
        moment = 0
        while self.killed_at(moment, step):
            self.assert_whole("bob")
            self.look()
            moment += 1
        return moment

    def look(self) -> None:
        """Look at what else should be there."""

    def assert_whole(self, name: str) -> None:
        folder = self.folder / "users" / name
        names = {name for name in os.listdir(folder) if not name.startswith(".unfinished-")}
        self.assertEqual(names, WHOLE)
        certificate = load_pem_x509_certificate((folder / "certificate.pem").read_bytes())
        key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
        self.assertEqual(certificate.public_key(), key.public_key())


def _end_at(moment: int) -> None:
    """End this process as if it were killed, when it is to change the disk for the so manieth time."""
    left = moment

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in MOMENTS and not str(arguments[0]).endswith((".pyc", ".py")):
            left -= 1
            if left < 0:
                os._exit(KILLED)

    sys.addaudithook(watch)


class RenewalTests(KilledTestCase):
    def look(self) -> None:
        self.assert_whole("alice")

    def test_renewal(self) -> None:
        """There is the old bundle or the new one, and the next command clears up."""
        moments = self.at_each_moment(lambda authority: authority.renew(["alice"]))
        self.assertGreater(moments, 20)
        self.killed_at(moments - 2, lambda authority: authority.renew(["alice"]))
        self.assertEqual(len(os.listdir(self.folder / "users")), 3)
        Authority(self.folder, self.calendar).renew_list()
        self.assertEqual(set(os.listdir(self.folder / "users")), {"alice", "bob"})


class RevocationTests(KilledTestCase):
    def look(self) -> None:
        """The bundle of who is revoked is whole or gone."""
        if (self.folder / "users" / "alice").exists():
            self.assert_whole("alice")

    def test_revocation(self) -> None:
        """No key stays where half a bundle was, and its name is free."""
        moments = self.at_each_moment(lambda authority: authority.revoke("alice"))
        self.assertGreater(moments, 20)
        self.killed_at(moments - 2, lambda authority: authority.revoke("alice"))
        Authority(self.folder, self.calendar).issue_user("alice")
        self.assertEqual(set(os.listdir(self.folder / "users")), {"alice", "bob"})


class WithoutExchangeTests(KilledTestCase):
    """A file system that cannot exchange folders."""

    def setUp(self) -> None:
        super().setUp()
        never = patch.object(module, "_exchanged", lambda *_: False)
        never.start()
        self.addCleanup(never.stop)

    def look(self) -> None:
        """The next command has a whole bundle, if there was none for a moment."""
        Authority(self.folder, self.calendar).renew_list()
        self.assert_whole("alice")
        self.assertEqual(set(os.listdir(self.folder / "users")), {"alice", "bob"})

    def test_renewal(self) -> None:
        """Who is killed between two steps leaves the old bundle to be put back."""
        self.assertGreater(self.at_each_moment(lambda authority: authority.renew(["alice"])), 20)
