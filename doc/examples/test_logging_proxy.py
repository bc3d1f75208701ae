"""Tests of the logging proxy.

python3 -m twisted.trial test_logging_proxy
"""

from logging_proxy import LoggingProxy
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.framework import Body, Reply, Request
from twisted_distcc.testing import HangUp, MemoryFarm, ScriptedCompile

REQUEST = Request((b"gcc", b"-c", b"a.c"), Body.of(b"int a;\n"))


class LoggingProxyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.compile = ScriptedCompile(Reply(0, object_file=Body.of(b"object")))
        self.farm = MemoryFarm(self.compile)
        self.proxy = MemoryFarm(LoggingProxy(self.farm.client), self.farm.clock)

    def test_passed_on(self) -> None:
        """A job reaches the server, its reply reaches the client, and one line is logged."""
        with capturedLogs() as logged:
            reply = self.successResultOf(self.proxy.compile(REQUEST))
        self.assertEqual(reply.object_file.read(), b"object")
        self.assertEqual(self.compile.jobs[0].source, b"int a;\n")
        lines = [(event["code"], str(event["command"])) for event in logged]
        self.assertEqual(lines, [(0, "gcc -c a.c")])

    def test_server_hangs_up(self) -> None:
        """When the server fails, the person at the client is told how."""
        self.farm.endpoint.on_reply = HangUp(after=20)
        reply = self.successResultOf(self.proxy.compile(REQUEST))
        self.assertEqual(reply.exit_code, 108)
        self.assertIn(b"hung up in the middle of its reply", reply.stderr.read())
