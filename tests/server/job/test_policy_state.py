"""The policy in force: what its file says, and says when it is read again."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.policy.reading import BadPolicyError
from twisted_distcc.policy.rules import Wish
from twisted_distcc.policy.verdict import ALLOWED
from twisted_distcc.server.job.policy_state import PolicyInForce
from twisted_distcc.server.options.config import policy_of

RULE = '[[rule]]\nname = "all"\nwho = ["tls:{}"]\nverdict = "allow"\n'


class PolicyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.file = Path(self.mktemp()).absolute()
        self.file.write_text(RULE.format("alice"))

    def allowed(self, policy: PolicyInForce) -> list[str]:
        """Return who is allowed something, of two."""
        wish = Wish(("/gcc",))
        names = ("alice", "bob")
        return [n for n in names if policy.decide(Peer(f"tls:{n}"), wish).verdict == ALLOWED]

    def test_no_policy(self) -> None:
        """Without one there is nothing to read again, and no certificate is served."""
        policy = PolicyInForce(policy_of(None, ()))
        policy.renew()
        self.assertEqual(self.allowed(policy), [])
        decision = policy.decide(tcp_peer("192.0.2.1", 1), Wish(("/gcc",)))
        self.assertEqual(decision.verdict, ALLOWED)
        self.assertIsNone(policy.file)

    def test_users(self) -> None:
        """--allow-user is a policy without a file."""
        policy = PolicyInForce(policy_of(None, ("bob",)))
        policy.renew()
        self.assertEqual(self.allowed(policy), ["bob"])

    def test_read_again(self) -> None:
        """What the file says now holds from now on, wherever the server's working directory is."""
        policy = PolicyInForce(policy_of(os.path.relpath(self.file), ()))
        self.assertEqual(self.allowed(policy), ["alice"])
        self.file.write_text(RULE.format("bob"))
        self.assertEqual(self.allowed(policy), ["alice"])
        policy.renew()
        self.assertEqual((self.allowed(policy), policy.file), (["bob"], str(self.file)))

    def test_unusable_when_read_again(self) -> None:
        """Rules that are invalid, or gone, leave those in force that were, and it is said."""
        policy = PolicyInForce(policy_of(str(self.file), ()))
        for break_it in (lambda: self.file.write_text("[rule]"), self.file.unlink):
            break_it()
            with self.assertRaisesRegex(BadPolicyError, str(self.file)):
                policy.renew()
            self.assertEqual(self.allowed(policy), ["alice"])

    def test_unreadable(self) -> None:
        """A file that is none, or no text, is refused with its path."""
        self.file.write_bytes(b"\xff")
        for path in (str(self.file), "/no/such/policy", "/"):
            with self.assertRaisesRegex(BadPolicyError, path):
                policy_of(path, ())
