"""Whose toolchains are run: what a rule says of them, and what holds if it says nothing."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.policy.peer import STDIO, Peer, certified_peer, ssh_peer, tcp_peer, uid_peer
from twisted_distcc.policy.reading import parse_policy
from twisted_distcc.policy.rules import PLAIN, Terms
from twisted_distcc.policy.toolchains import obstacle

DIGEST = "0d" * 32
ALICE = certified_peer("alice", ("CN=alice",), "192.0.2.1", 1)
BOB = ssh_peer("bob", "192.0.2.2 1 192.0.2.9 22")
SOMEBODY = tcp_peer("192.0.2.3", 1)


def terms(value: str) -> Terms:
    """Return the terms of a rule with these `toolchains`."""
    text = f'[[rule]]\nname = "all"\nwho = ["*"]\nverdict = "allow"\ntoolchains = {value}\n'
    return parse_policy(text, "p").rules[0].terms


class ToolchainTests(SynchronousTestCase):
    def why(self, terms: Terms, peer: Peer, digest: str = DIGEST) -> str:
        return obstacle(terms, peer, digest) or ""

    def test_nothing_said(self) -> None:
        """A certificate and a login may bring any; an address, a user's number or nobody may not."""
        for peer in (ALICE, BOB):
            self.assertEqual(self.why(PLAIN, peer), "")
        for peer in (SOMEBODY, uid_peer(0), STDIO):
            self.assertIn(f"{peer.identity} is no certificate and no login", self.why(PLAIN, peer))

    def test_said(self) -> None:
        """A rule allows any, none, or those of which it has the digests."""
        for peer in (ALICE, SOMEBODY):
            self.assertEqual(self.why(terms('"any"'), peer), "")
            self.assertEqual(self.why(terms('"none"'), peer), 'its rule says `toolchains = "none"`')
            self.assertEqual(self.why(terms(f'["{DIGEST}"]'), peer), "")
            self.assertEqual(
                self.why(terms(f'["{"0e" * 32}"]'), peer), f"its rule does not list {DIGEST}"
            )

    def test_not_known_yet(self) -> None:
        """Where some are listed, it is worthwhile to bring one."""
        self.assertEqual(self.why(terms(f'["{DIGEST}"]'), SOMEBODY, ""), "")
        self.assertNotEqual(self.why(terms('"none"'), SOMEBODY, ""), "")
