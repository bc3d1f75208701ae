"""The sessions of a process: one with each server, opened when wanted, and again when it was lost."""

from __future__ import annotations

import os

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.host_faults import CannotConnectError, LostConnectionError
from twisted_distcc.client.backends.reconnecting import FIRST_PAUSE, LONGEST_PAUSE
from twisted_distcc.client.backends.session_client import ClientSession
from twisted_distcc.client.backends.sessions import Sessions
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.testing.memory_farm import MemoryFarm, ScriptedCompile
from twisted_distcc.testing.network import HangUp, MemoryEndpoint


class CountedEndpoint(MemoryEndpoint):
    """Counts the sessions that are opened, and keeps the latest."""

    opened = 0
    latest: ClientSession

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        self.opened += 1
        connected = super().connect(protocolFactory)
        connected.addCallback(self._keep)
        return connected

    def _keep(self, protocol: IProtocol) -> IProtocol:
        assert isinstance(protocol, ClientSession)
        self.latest = protocol
        return protocol


class SessionsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = self.mktemp()
        os.mkdir(self.folder)
        self.farm = MemoryFarm(ScriptedCompile(*(Reply(0) for _ in range(20))), directory=self.folder)
        self.clock = self.farm.clock
        self.endpoint = CountedEndpoint(self.farm.server, self.clock)
        self.chance = 1.0
        self.sessions = Sessions(self.clock, lambda: self.chance)

    def ask(self) -> Deferred[Reply | None]:
        request = Request((b"gcc", b"-c", b"a.i"), Body.of(b"int a;"))
        asked = Deferred.fromCoroutine(
            self.sessions.compile("red", lambda: self.endpoint, request, self.folder)
        )
        self.clock.advance(0)
        return asked

    def served(self) -> None:
        """A job is served at once."""
        reply = self.successResultOf(self.ask())
        assert reply is not None
        self.assertEqual(reply.status, 0)

    def lose(self) -> None:
        """The connection is lost."""
        self.endpoint.latest.fail(LostConnectionError("is lost"))
        self.clock.advance(0)

    def test_kept(self) -> None:
        """One session serves one job after another."""
        for _ in range(3):
            self.served()
        self.assertEqual(self.endpoint.opened, 1)

    def test_lost(self) -> None:
        """The next attempt after a lost session waits, for all jobs at once, and each job is served."""
        self.served()
        self.chance = 0.5
        self.lose()
        asked = [self.ask() for _ in range(3)]
        self.clock.advance(FIRST_PAUSE / 2 - 0.1)
        self.assertEqual([one.called for one in asked], [False] * 3)
        self.clock.advance(0.1)
        for one in asked:
            self.assertIsNotNone(self.successResultOf(one))
        self.assertEqual(self.endpoint.opened, 2)

    def test_away(self) -> None:
        """So it does after the server said that it is going away, if no more time has passed."""
        self.served()
        self.farm.server.give_up_reading()
        self.clock.advance(0)
        asked = self.ask()
        self.assertNoResult(asked)
        self.clock.advance(FIRST_PAUSE)
        self.assertTrue(asked.called)
        asked.addErrback(lambda _: None)

    def test_later(self) -> None:
        """A job that comes later waits for nothing."""
        self.served()
        self.lose()
        self.clock.advance(FIRST_PAUSE)
        self.served()

    def test_unreachable(self) -> None:
        """Attempts come ever more slowly while the server cannot be reached."""
        self.endpoint.reachable = False
        waited = []
        for _ in range(5):
            since, asked = self.clock.seconds(), self.ask()
            while not asked.called:
                self.clock.advance(0.5)
            self.failureResultOf(asked, CannotConnectError)
            waited.append(self.clock.seconds() - since)
        self.assertEqual(waited, [0.0, 1.0, 2.0, LONGEST_PAUSE, LONGEST_PAUSE])

    def test_given_up(self) -> None:
        """A job that is given up while it waits opens nothing, and the next one is served."""
        self.served()
        self.lose()
        asked = self.ask()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.clock.advance(2 * FIRST_PAUSE)
        self.assertEqual(self.endpoint.opened, 1)
        self.served()

    def test_half_open(self) -> None:
        """A session that was silent is asked first; if it is dead, a new one takes the job."""
        self.served()
        self.patch(self.endpoint.latest.transport, "write", lambda _: None)
        self.clock.advance(21)
        asked = self.ask()
        self.assertNoResult(asked)
        for _ in range(10):
            self.clock.advance(1)
        self.assertIsNotNone(self.successResultOf(asked))
        self.assertEqual(self.endpoint.opened, 2)

    def test_idle(self) -> None:
        """A session that nobody uses is closed, and what comes then waits for nothing."""
        self.served()
        for _ in range(40):
            self.clock.advance(20)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.served()
        self.assertEqual(self.endpoint.opened, 2)

    def test_older(self) -> None:
        """A server that hangs up on the greeting speaks earlier versions, until in doubt."""
        self.endpoint.on_reply = HangUp()
        self.assertIsNone(self.successResultOf(self.ask()))
        self.assertIsNone(self.successResultOf(self.ask()))
        self.assertFalse(self.sessions.may_speak("red"))
        self.assertEqual(self.endpoint.opened, 1)
        self.endpoint.on_reply = None
        self.sessions.forget("red")
        self.served()
