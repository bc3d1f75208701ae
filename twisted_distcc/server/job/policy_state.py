"""The policy in force: read from its file at the start, and again when the administrator asks for it."""

from __future__ import annotations

import os
from collections.abc import Sequence

from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.reading import BadPolicyError, parse_policy
from twisted_distcc.policy.rules import Decision, Policy, Wish, allow_users, decide_without_rules


def read_policy(path: str) -> Policy:
    """Read the policy in the file `path`.

    Raises:
        BadPolicyError: if it cannot be read, or is invalid.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise BadPolicyError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadPolicyError(f"{path}: this is no text in UTF-8") from None
    return parse_policy(text, path)


def policy_of(path: str | None, users: Sequence[str]) -> Policy | None:
    """Return the policy that the options `--policy` and `--allow-user` mean, if they mean any.

    Raises:
        BadPolicyError: if the file is unusable, or both are given.
    """
    if path and users:
        raise BadPolicyError(
            "--allow-user cannot be combined with --policy: add a rule to the policy file instead"
        )
    if path:
        return read_policy(os.path.abspath(path))
    return allow_users(tuple(users)) if users else None


class PolicyInForce:
    """The policy that decides now; `None` is to have no rules."""

    def __init__(self, policy: Policy | None) -> None:
        self._policy = policy

    @property
    def file(self) -> str | None:
        """The file that `renew` reads, if there is one."""
        return None if self._policy is None else self._policy.file

    def decide(self, peer: Peer, wish: Wish) -> Decision:
        """Say whether `peer` may have what it wishes."""
        decide = decide_without_rules if self._policy is None else self._policy.decide
        return decide(peer, wish)

    def renew(self) -> None:
        """Read the file again; without one there is nothing to read.

        Raises:
            BadPolicyError: if it is unusable; the rules stay as they were.
        """
        if self.file is not None:
            self._policy = read_policy(self.file)
