"""The policy of a server: from options, and read again."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.reading import BadPolicyError
from twisted_distcc.policy.rules import Wish
from twisted_distcc.policy.verdict import ALLOWED
from twisted_distcc.server.rulebook import Rulebook, policy_of

RULE = '[[rule]]\nname = "all"\nwho = ["tls:{}"]\nverdict = "allow"\n'


class RulebookTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.file = Path(self.mktemp()).absolute()
        self.file.write_text(RULE.format("alice"))

    def allowed(self, rules: Rulebook) -> list[str]:
        names = ("alice", "bob")
        return [
            name
            for name in names
            if rules.decide(Peer(f"tls:{name}"), Wish(("/gcc",))).verdict == ALLOWED
        ]

    def test_no_policy(self) -> None:
        """Without one everything is allowed, and there is nothing to read again."""
        rules = Rulebook(policy_of(None, ()))
        self.assertEqual(self.allowed(rules), ["alice", "bob"])
        self.assertIsNone(rules.reload())

    def test_users(self) -> None:
        """--allow-user is a policy without a file."""
        rules = Rulebook(policy_of(None, ("bob",)))
        self.assertEqual(self.allowed(rules), ["bob"])
        self.assertIsNone(rules.reload())

    def test_both(self) -> None:
        """A file and --allow-user together would leave it open which comes first."""
        with self.assertRaisesRegex(BadPolicyError, "--allow-user"):
            policy_of(str(self.file), ("bob",))

    def test_read_again(self) -> None:
        """What the file says now holds from now on, wherever the server's working directory is."""
        rules = Rulebook(policy_of(os.path.relpath(self.file), ()))
        self.assertEqual(self.allowed(rules), ["alice"])
        self.file.write_text(RULE.format("bob"))
        self.assertEqual(self.allowed(rules), ["alice"])
        self.assertEqual(rules.reload(), str(self.file))
        self.assertEqual(self.allowed(rules), ["bob"])

    def test_unusable_when_read_again(self) -> None:
        """Rules that cannot be meant, or are gone, leave those in force that were."""
        rules = Rulebook(policy_of(str(self.file), ()))
        for break_it in (lambda: self.file.write_text("[rule]"), self.file.unlink):
            break_it()
            with self.assertRaisesRegex(BadPolicyError, str(self.file)):
                rules.reload()
            self.assertEqual(self.allowed(rules), ["alice"])

    def test_unreadable(self) -> None:
        """A file that is none, or no text, is refused with its path."""
        self.file.write_bytes(b"\xff")
        for path in (str(self.file), "/no/such/policy", "/"):
            with self.assertRaisesRegex(BadPolicyError, path):
                policy_of(path, ())
