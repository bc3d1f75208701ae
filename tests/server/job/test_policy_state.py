"""What an administrator has of a server: rules, read again, and accounts of what it did."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.observe.audit import NoAuditLogError
from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.policy.access import AllowList
from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.policy.reading import BadPolicyError
from twisted_distcc.policy.rules import Policy, Wish
from twisted_distcc.policy.verdict import ALLOWED, Refused
from twisted_distcc.server.job.policy_state import Oversight, policy_of
from twisted_distcc.server.options.config import ServerConfig

RULE = '[[rule]]\nname = "all"\nwho = ["tls:{}"]\nverdict = "allow"\n'


class Said:
    """A log that keeps what it is told, by level."""

    def __init__(self) -> None:
        self.infos: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []

    def info(self, format: str, **values: object) -> None:
        self.infos.append(format.format(**values))

    def warn(self, format: str, **values: object) -> None:
        self.warnings.append(format.format(**values))

    def error(self, format: str, **values: object) -> None:
        self.errors.append(format.format(**values))

    def failure(self, format: str, **values: object) -> None:
        raise AssertionError(format)


class OversightTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.log = Said()

    def oversight(self, policy: Policy | None = None, audit_log: str | None = None) -> Oversight:
        allow = AllowList.parse(("192.0.2.0/24",))
        config = ServerConfig(allow, (), 0, 1, (), policy=policy, audit_log=audit_log)
        made = Oversight(config, self.log)
        self.addCleanup(made.close)
        return made


class PolicyTests(OversightTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.file = Path(self.mktemp()).absolute()
        self.file.write_text(RULE.format("alice"))

    def allowed(self, oversight: Oversight) -> list[str]:
        """Give who is allowed something, of two."""
        wish = Wish(("/gcc",))
        names = ("alice", "bob")
        return [n for n in names if oversight.decide(Peer(f"tls:{n}"), wish).verdict == ALLOWED]

    def test_no_policy(self) -> None:
        """Without one there is nothing to read again, and no certificate is served."""
        oversight = self.oversight(policy_of(None, ()))
        oversight.renew()
        self.assertEqual(self.allowed(oversight), [])
        decision = oversight.decide(tcp_peer("192.0.2.1", 1), Wish(("/gcc",)))
        self.assertEqual(decision.verdict, ALLOWED)
        self.assertEqual((self.log.infos, self.log.errors), ([], []))

    def test_users(self) -> None:
        """--allow-user is a policy without a file."""
        oversight = self.oversight(policy_of(None, ("bob",)))
        oversight.renew()
        self.assertEqual(self.allowed(oversight), ["bob"])

    def test_both(self) -> None:
        """A file and --allow-user together would leave it open which comes first."""
        with self.assertRaisesRegex(BadPolicyError, "--allow-user"):
            policy_of(str(self.file), ("bob",))

    def test_read_again(self) -> None:
        """What the file says now holds from now on, wherever the server's working directory is."""
        oversight = self.oversight(policy_of(os.path.relpath(self.file), ()))
        self.assertEqual(self.allowed(oversight), ["alice"])
        self.file.write_text(RULE.format("bob"))
        self.assertEqual(self.allowed(oversight), ["alice"])
        oversight.renew()
        self.assertEqual(self.allowed(oversight), ["bob"])
        self.assertEqual(self.log.infos, [f"the policy is what {self.file} says now"])

    def test_unusable_when_read_again(self) -> None:
        """Rules that cannot be meant, or are gone, leave those in force that were, and it is said."""
        oversight = self.oversight(policy_of(str(self.file), ()))
        for break_it in (lambda: self.file.write_text("[rule]"), self.file.unlink):
            break_it()
            oversight.renew()
            self.assertIn(f"the policy stays as it was: {self.file}: ", self.log.errors.pop())
            self.assertEqual(self.allowed(oversight), ["alice"])

    def test_unreadable(self) -> None:
        """A file that is none, or no text, is refused with its path."""
        self.file.write_bytes(b"\xff")
        for path in (str(self.file), "/no/such/policy", "/"):
            with self.assertRaisesRegex(BadPolicyError, path):
                policy_of(path, ())


class AccountTests(OversightTestCase):
    done = JobRecord(tcp_peer("192.0.2.1", 1), "done", 1, "gcc")

    def test_in_the_log(self) -> None:
        """A job is one line, and a warning where somebody should know."""
        oversight = self.oversight()
        self.assertFalse(oversight.is_audited)
        for verdict in ("done", "cancelled", "refused", "failed"):
            oversight.record(replace(self.done, verdict=verdict))
        self.assertEqual((len(self.log.infos), len(self.log.warnings)), (2, 2))
        self.assertEqual(self.log.infos[0], self.done.line())

    def test_in_the_audit_log(self) -> None:
        """Jobs are told of there as well, and connections that are refused, and no others."""
        path = os.path.abspath(self.mktemp())
        oversight = self.oversight(audit_log=path)
        self.assertTrue(oversight.is_audited)
        oversight.record(self.done)
        self.assertEqual(oversight.admit(tcp_peer("192.0.2.1", 1)), ALLOWED)
        self.assertIsInstance(oversight.admit(tcp_peer("198.51.100.1", 1)), Refused)
        self.assertEqual(_told(path), [("job", "192.0.2.1"), ("connection", "198.51.100.1")])

    def test_rotated(self) -> None:
        """Renewing begins a new file."""
        path = os.path.abspath(self.mktemp())
        oversight = self.oversight(audit_log=path)
        os.rename(path, f"{path}.1")
        oversight.renew()
        oversight.record(self.done)
        self.assertEqual((len(_told(path)), _told(f"{path}.1")), (1, []))

    def test_what_goes_wrong(self) -> None:
        """An audit log that cannot be opened is an error, and one that cannot be renewed a loud line."""
        with self.assertRaises(NoAuditLogError):
            self.oversight(audit_log="/no/such/log")
        path = os.path.abspath(self.mktemp())
        oversight = self.oversight(audit_log=path)
        os.unlink(path)
        os.mkdir(path)
        oversight.renew()
        (error,) = self.log.errors
        self.assertIn(path, error)


def _told(path: str) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    return [(line["event"], line["address"]) for line in lines]
