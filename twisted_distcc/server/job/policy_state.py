"""The policy in force, which is read at the start, and again when the administrator asks for it."""

from __future__ import annotations

from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import Decision, Policy, Wish, decide_without_rules
from twisted_distcc.server.options.config import read_policy


class PolicyInForce:
    """The policy that currently decides; `None` means that there are no rules."""

    def __init__(self, policy: Policy | None) -> None:
        self._policy = policy

    @property
    def file(self) -> str | None:
        """The file that `renew` reads, if there is one."""
        return None if self._policy is None else self._policy.file

    def decide(self, peer: Peer, wish: Wish) -> Decision:
        """Decide whether `peer` may have what it wishes."""
        decide = decide_without_rules if self._policy is None else self._policy.decide
        return decide(peer, wish)

    def renew(self) -> None:
        """Read the file again, if there is one.

        Raises:
            BadPolicyError: if it is unusable; the rules stay as they were.
        """
        if self.file is not None:
            self._policy = read_policy(self.file)
