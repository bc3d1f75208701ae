"""One connection of a server in memory: a transport that writes down, a clock, and a scripted `compile`.

In: bytes that a client sends.  Out: what the server answers, and what it did with the connection.  It
refuses to know what a real compiler is.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.server.talk import Answer, answer_of
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import ALLOWED, Verdict
from twisted_distcc.runtime.bulk import Bulk
from twisted_distcc.runtime.processes import Command, RunningProcess
from twisted_distcc.server.connection.server_protocol import DistccServerFactory, DistccServerProtocol
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.scheduling.admission import Admission
from twisted_distcc.wire.limits import Limits

DEADLINES = Deadlines(idle=60, receive=600, send=300)
LIMITS = Limits(source=4_000_000, argument=1000, command=2000)


class Transport(StringTransport):
    """Writes down what is sent, and which ends were closed."""

    aborting = False
    write_closed = False

    def abortConnection(self) -> None:
        self.aborting = True
        super().abortConnection()

    def loseWriteConnection(self) -> None:
        self.write_closed = True


class ScriptedCompile:
    """Gives each request a Deferred that the test fires; what it holds is cancelled with the job."""

    def __init__(self) -> None:
        self.asked: list[tuple[Request, Peer]] = []
        self.sources: list[bytes] = []
        self.answers: list[Deferred[Reply]] = []
        self.cancelled: list[Request] = []

    def __call__(self, request: Request, peer: Peer) -> Deferred[Reply]:
        self.asked.append((request, peer))
        self.sources.append(request.source.read())
        self.answers.append(Deferred(lambda _: self.cancelled.append(request)))
        return self.answers[-1]


def at_once(work: Callable[[], Body]) -> Deferred[Body]:
    """Run `work` here, in place of a thread."""
    done: Deferred[Body] = Deferred()
    done.callback(work())
    return done


def no_process(command: Command) -> RunningProcess:
    """Stand for the spawner where none is to be used."""
    raise AssertionError(f"{command} was started")


class ConnectionTestCase(SynchronousTestCase):
    """A factory with a clock, and connections to it."""

    def setUp(self) -> None:
        self.spool = self.mktemp()
        os.mkdir(self.spool)
        self.clock = Clock()
        self.compile = ScriptedCompile()
        self.admission = Admission(jobs=1, queue=1)
        self.verdict: Verdict = ALLOWED
        self.factory = DistccServerFactory(
            self.compile,
            self.clock,
            Bulk(no_process, at_once, self.spool),
            admit=lambda _: self.verdict,
            admission=self.admission,
            limits=LIMITS,
            deadlines=DEADLINES,
        )

    def connect(self) -> tuple[DistccServerProtocol, Transport]:
        """Connect a client from 192.0.2.9, port 4000, of whom all that comes is read at once."""
        protocol = self.factory.buildProtocol(None)
        assert isinstance(protocol, DistccServerProtocol)
        received = protocol.dataReceived

        def read_to_the_end(data: bytes) -> None:
            received(data)
            self.have_turns()

        protocol.dataReceived = read_to_the_end  # type: ignore[method-assign]
        transport = Transport(peerAddress=IPv4Address("TCP", "192.0.2.9", 4000))
        protocol.makeConnection(transport)
        return protocol, transport

    def have_turns(self) -> None:
        """Let the reactor turn until there is nothing left to read."""
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def lose(self, protocol: DistccServerProtocol) -> None:
        """Tell the server that the connection is no more."""
        protocol.connectionLost(Failure(ConnectionDone()))

    def long_reply(self) -> Reply:
        """Make a reply with an object of several pieces, in a file outside of the spool."""
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(bytes(1_000_000))
        return Reply(0, object_file=Body.adopt(path))

    def answer(self, transport: Transport, version: int = 1) -> Answer:
        """Read what was answered."""
        return answer_of(transport.value(), version)

    def assert_nothing_left(self) -> None:
        """Neither a file in the spool nor a timer on the clock is left."""
        self.assertEqual(os.listdir(self.spool), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
