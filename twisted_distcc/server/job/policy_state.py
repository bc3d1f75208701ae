"""What an administrator has of a server: rules for what it does, and accounts of what it did.

In: a configuration, and a log.  Out: whom to admit, what to do for them, and lines in the log and in the
audit log; rules and files are renewed when the administrator asks for it.  It is the same for every
kind of server: this module refuses to know Twisted.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.observe.lines import Log
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.reading import BadPolicyError, parse_policy
from twisted_distcc.policy.rules import Decision, Policy, Wish, allow_users, decide_without_rules
from twisted_distcc.policy.verdict import Refused, Verdict
from twisted_distcc.server.options.config import ServerConfig

if TYPE_CHECKING:
    from twisted_distcc.observe.audit import AuditLog


def read_policy(path: str) -> Policy:
    """Read the policy in the file `path`.

    Raises:
        BadPolicyError: if it cannot be read, or cannot be meant.
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
    """Give the policy that the options `--policy` and `--allow-user` mean, if they mean any.

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


class Oversight:
    """The rules in force, and where accounts go.

    Raises:
        NoAuditLogError: if the audit log that `config` names cannot be opened.
    """

    def __init__(self, config: ServerConfig, log: Log) -> None:
        self._allow = config.allow
        self._policy = config.policy
        self.log = log
        self._audit: AuditLog | None = None
        if config.audit_log is not None:
            from twisted_distcc.observe.audit import AuditLog  # twistd-stdio starts once per job

            self._audit = AuditLog(
                config.audit_log, time.time, lambda sentence: log.error("{sentence}", sentence=sentence)
            )

    @property
    def is_audited(self) -> bool:
        """Whether there is an audit log, for which it is worth while to find out more."""
        return self._audit is not None

    def admit(self, peer: Peer) -> Verdict:
        """Say whether `peer`, who comes from a network, may send a request at all."""
        verdict = self._allow.judge(peer)
        if isinstance(verdict, Refused):
            self.refused_connection(peer, verdict)
        return verdict

    def refused_connection(self, peer: Peer, refusal: Refused) -> None:
        """Account for a connection that was refused; the log has its line already."""
        if self._audit is not None:
            self._audit.refused_connection(peer, refusal)

    def decide(self, peer: Peer, wish: Wish) -> Decision:
        """Say whether `peer` may have what it wishes."""
        decide = decide_without_rules if self._policy is None else self._policy.decide
        return decide(peer, wish)

    def record(self, job: JobRecord) -> None:
        """Tell of a job that is over."""
        tell = self.log.info if job.verdict in ("done", "cancelled") else self.log.warn
        tell("{line}", line=job.line())
        if self._audit is not None:
            self._audit.job(job)

    def renew(self) -> None:
        """Begin a new file, and read the rules again; those that are unusable change nothing."""
        if self._audit is not None:
            self._audit.reopen()
        if self._policy is None or self._policy.file is None:
            return
        try:
            self._policy = read_policy(self._policy.file)
        except BadPolicyError as error:
            self.log.error("the policy stays as it was: {error}", error=error)
        else:
            self.log.info("the policy is what {file} says now", file=self._policy.file)

    def close(self) -> None:
        """Write no more accounts."""
        if self._audit is not None:
            self._audit.close()
