"""Tests of a server that knows its users by their certificates.

python3 -m twisted.trial test_users
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.framework import Body, DistccClient, HostError, Reply, Request
from twisted_distcc.testing import MemoryFarm, MemoryTls, ScriptedCompile

REQUEST = Request((b"gcc", b"-c", b"a.c"), Body.of(b"int a;\n"))


class UserTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.compile = ScriptedCompile(Reply(0), Reply(0))
        self.farm = MemoryFarm(self.compile)
        self.tls = MemoryTls(self.farm.server, self.mktemp(), self.farm.clock)
        self.alice = DistccClient(self.tls.endpoint("alice"), self.tls.clock, self.farm.bulk)

    def test_known_by_name(self) -> None:
        """The compile function sees whose certificate was shown."""
        answer = self.alice.compile(REQUEST)
        self.tls.run()
        self.assertEqual(self.successResultOf(answer).status, 0)
        self.assertEqual(self.compile.jobs[0].peer.identity, "tls:alice")

    def test_revoked(self) -> None:
        """A revoked user is no longer served, and is told why."""
        self.tls.revoke("alice")
        answer = self.alice.compile(REQUEST)
        self.tls.run()
        error = self.failureResultOf(answer, HostError).value
        self.assertIn("our certificate was revoked", str(error))
        self.assertEqual(self.compile.jobs, [])
