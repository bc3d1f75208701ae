"""The agent's side of a connection, and when an agent ends; with a clock, and no process."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.agent.context import context_of
from twisted_distcc.agent.frames import (
    ELSEWHERE,
    EXIT,
    HEADER_LENGTH,
    MESSAGE,
    REQUEST,
    RUN,
    STALE,
    STDERR,
    STDOUT,
    frame,
    pack_request,
    parse_header,
)
from twisted_distcc.agent.resident import LOOK, AgentFactory, AgentProtocol
from twisted_distcc.client.dispatch import Dispatcher
from twisted_distcc.client.invocation import Finished, Invocation, Outcome, Report, RunHere, Terminal
from twisted_distcc.client.scheduling.slots import SlotDirectory
from twisted_distcc.runtime.peer_credentials import peer_credentials

STAMP = b"0.1 17"
IDLE = 2 * LOOK


class FakeDispatcher:
    """Sees to commands when the test says so."""

    def __init__(self) -> None:
        self.invocations: list[Invocation] = []
        self.reports: list[Report] = []
        self.outcomes: list[Deferred[Outcome]] = []
        self.cancelled = 0
        self.snapshots: list[int] = []  # how many invocations began in each

    in_place = Dispatcher.in_place

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        before = len(self.invocations)
        yield
        self.snapshots.append(len(self.invocations) - before)

    async def run(self, invocation: Invocation, report: Report) -> Outcome:
        self.invocations.append(invocation)
        self.reports.append(report)
        outcome: Deferred[Outcome] = Deferred(self._cancel)
        self.outcomes.append(outcome)
        return await outcome

    def _cancel(self, _: Deferred[Outcome]) -> None:
        self.cancelled += 1


class FakeUnixTransport(StringTransport):
    """The agent's end of a connection, whose other end is held by this process's user."""

    def __init__(self, handle: socket.socket) -> None:
        super().__init__()
        self._handle = handle

    def getHandle(self) -> socket.socket:
        return self._handle


class AgentTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.dispatcher = FakeDispatcher()
        self.events: list[str] = []
        self.has_company = True
        self.pair = socket.socketpair()
        for end in self.pair:
            self.addCleanup(end.close)
        self.factory = AgentFactory(
            self.dispatcher,  # type: ignore[arg-type]
            self.clock,
            STAMP,
            lambda outdated: self.events.append("outdated" if outdated else "retired"),
            lambda: self.events.append("ended"),
            context_of("self"),
            lambda: self.has_company,
            IDLE,
        )

    def connect(self) -> tuple[AgentProtocol, FakeUnixTransport]:
        protocol = self.factory.buildProtocol(None)
        assert isinstance(protocol, AgentProtocol)
        transport = FakeUnixTransport(self.pair[0])
        protocol.makeConnection(transport)
        return protocol, transport

    def ask(self, *argv: str, stamp: bytes = STAMP) -> tuple[AgentProtocol, FakeUnixTransport]:
        protocol, transport = self.connect()
        protocol.dataReceived(request(*argv, stamp=stamp))
        self.clock.advance(0)
        return protocol, transport

    @staticmethod
    def lose(protocol: AgentProtocol) -> None:
        protocol.connectionLost(Failure(ConnectionError()))


def request(*argv: str, stamp: bytes = STAMP) -> bytes:
    words = [os.fsencode(word) for word in argv or ("gcc", "-c", "x.c")]
    return frame(
        REQUEST, pack_request(stamp, 0, 0o27, b"72,80", b"/work\xff", words, [b"PATH=/bin", b"A=b=c"])
    )


def frames(written: bytes) -> list[tuple[bytes, bytes]]:
    found = []
    while written:
        kind, length = parse_header(written[:HEADER_LENGTH])
        found.append((kind, written[HEADER_LENGTH : HEADER_LENGTH + length]))
        written = written[HEADER_LENGTH + length :]
    return found


class CommandTests(AgentTestCase):
    def test_commands_that_wait_begin_together(self) -> None:
        """Commands that arrive in one turn look at the files of all of them once; later ones, again."""
        for _ in range(2):
            self.connect()[0].dataReceived(request())
        self.assertEqual(self.dispatcher.invocations, [])
        self.clock.advance(0)
        self.ask()
        self.assertEqual(self.dispatcher.snapshots, [2, 1])

    def test_one_that_is_gone_before_it_begins(self) -> None:
        """A command whose caller hangs up in the same turn is not begun."""
        protocol, _ = self.connect()
        protocol.dataReceived(request())
        self.lose(protocol)
        self.clock.advance(0)
        self.assertEqual(self.dispatcher.invocations, [])

    def test_a_command_arrives(self) -> None:
        """The command, its folder, environment, umask and terminal arrive as they were."""
        self.ask("gcc", "-c", "caf\udce9.c")
        self.assertEqual(
            self.dispatcher.invocations,
            [
                Invocation(
                    ("gcc", "-c", "caf\udce9.c"),
                    "/work\udcff",
                    {"PATH": "/bin", "A": "b=c"},
                    0o27,
                    Terminal(80, 72),
                )
            ],
        )

    def test_byte_by_byte(self) -> None:
        """A request may come in as many pieces as it likes."""
        protocol, _ = self.connect()
        for byte in request():
            self.assertEqual(self.dispatcher.invocations, [])
            protocol.dataReceived(bytes([byte]))
            self.clock.advance(0)
        self.assertEqual(len(self.dispatcher.invocations), 1)

    def test_finished(self) -> None:
        """What the compiler said comes back, and then the verdict; the connection ends."""
        _, transport = self.ask()
        self.dispatcher.outcomes[0].callback(Finished(3, b"out", b"err"))
        self.assertEqual(frames(transport.value()), [(STDOUT, b"out"), (STDERR, b"err"), (EXIT, b"3")])
        self.assertTrue(transport.disconnecting)

    def test_long_messages(self) -> None:
        """What the compiler said comes in as many frames as it takes."""
        _, transport = self.ask()
        with patch("twisted_distcc.agent.resident.LARGEST", 4):
            self.dispatcher.outcomes[0].callback(Finished(0, b"", b"warnings\n"))
        told = [(STDERR, b"warn"), (STDERR, b"ings"), (STDERR, b"\n")]
        self.assertEqual(frames(transport.value()), [(STDOUT, b""), *told, (EXIT, b"0")])

    def test_messages(self) -> None:
        """Words of our own come while the command runs, apart from the compiler's."""
        _, transport = self.ask()
        self.dispatcher.reports[0].warn("red hung up")
        self.assertEqual(frames(transport.value()), [(MESSAGE, b"tdistcc: Warning: red hung up\n")])

    def test_to_be_run_there(self) -> None:
        """The compiler is named, and its slot is held until the connection ends with it."""
        slots = SlotDirectory(self.mktemp())
        slot = slots.try_acquire("localhost", 1)
        protocol, transport = self.ask()
        self.dispatcher.outcomes[0].callback(RunHere("/bin/caf\udce9", "why not", slot))
        self.assertEqual(frames(transport.value()), [(RUN, b"/bin/caf\xe9")])
        self.assertFalse(transport.disconnecting)
        self.assertIsNone(slots.try_acquire("localhost", 1))
        self.lose(protocol)
        again = slots.try_acquire("localhost", 1)
        assert again is not None
        again.release()

    def test_told_that_the_compiler_has_ended(self) -> None:
        """Who wants to know is told, once, when the connection ends, and not before."""
        told: list[str] = []
        protocol, _ = self.ask()
        ended = RunHere("/bin/gcc", "why not", ended=lambda: told.append("ended"))
        self.dispatcher.outcomes[0].callback(ended)
        self.assertEqual(told, [])
        self.lose(protocol)
        self.assertEqual(told, ["ended"])

    def test_interrupted(self) -> None:
        """When tdistcc goes, its command is cancelled, and no fault is logged."""
        protocol, transport = self.ask()
        self.lose(protocol)
        self.assertEqual(self.dispatcher.cancelled, 1)
        self.assertEqual(transport.value(), b"")

    def test_a_fault_of_ours(self) -> None:
        """An error that nobody foresaw is logged, and the compiler is run in place."""
        _, transport = self.ask("/bin/sh", "-c", "x.c")
        self.dispatcher.outcomes[0].errback(ZeroDivisionError())
        (kind, words), verdict = frames(transport.value())
        self.assertEqual((kind, verdict), (MESSAGE, (RUN, b"/bin/sh")))
        self.assertIn(b"its log says why", words)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_rubbish(self) -> None:
        """Who sends no request is let go, and nothing is run."""
        for bytes_ in (b"GET / HTTP/1.1\r\n\r\n", frame(EXIT, b"0"), frame(REQUEST, b"rubbish")):
            protocol, transport = self.connect()
            protocol.dataReceived(bytes_)
            self.assertTrue(transport.disconnecting, bytes_)
        self.assertEqual(self.dispatcher.invocations, [])

    def test_another_context(self) -> None:
        """Who has another context is sent away, and his command is not looked at."""
        self.factory.context = b"another"
        _, transport = self.ask(stamp=b"0.2 18")
        self.assertEqual(frames(transport.value()), [(ELSEWHERE, b"")])
        self.assertTrue(transport.disconnecting)
        self.assertEqual((self.dispatcher.invocations, self.events), ([], []))

    def test_a_context_that_cannot_be_seen(self) -> None:
        """So is a process that the kernel does not show us."""
        refusal = PermissionError(13, "Permission denied")
        with patch("twisted_distcc.agent.handed_over.context_of", side_effect=refusal):
            _, transport = self.ask()
        self.assertEqual(frames(transport.value()), [(ELSEWHERE, b"")])

    def test_another_user(self) -> None:
        """A connection of another user is closed at once, and not read."""
        with patch("twisted_distcc.agent.resident.os.getuid", return_value=os.getuid() + 1):
            _, transport = self.connect()
        self.assertTrue(transport.disconnected)
        self.assertEqual(transport.value(), b"")

    def test_whose_connection_it_is(self) -> None:
        """The kernel says who is at the other end."""
        self.assertEqual(peer_credentials(self.pair[0]).uid, os.getuid())


class LifeTests(AgentTestCase):
    def test_idle(self) -> None:
        """An agent without a command retires after a while, and ends."""
        self.clock.advance(IDLE - 1)
        self.assertEqual(self.events, [])
        self.clock.advance(1)
        self.assertEqual(self.events, ["retired", "ended"])

    def test_not_while_it_has_a_command(self) -> None:
        """However long a command takes, its agent stays, and a while longer."""
        protocol, _ = self.ask()
        self.clock.advance(100 * IDLE)
        self.assertEqual(self.events, [])
        self.dispatcher.outcomes[0].callback(Finished(0))
        self.lose(protocol)
        self.clock.advance(IDLE - 1)
        self.assertEqual(self.events, [])
        self.clock.advance(1)
        self.assertEqual(self.events, ["retired", "ended"])

    def test_sent_away(self) -> None:
        """Those that it sends away do not keep it alive, while they wait nor after it."""
        self.clock.advance(IDLE - 1)
        with patch.object(self.factory, "context", b"another"):
            gone, _ = self.ask()
            self.lose(gone)
            self.ask()
        self.clock.advance(1)
        self.assertEqual(self.events, ["retired", "ended"])

    def test_where_nobody_else_is(self) -> None:
        """An agent that is idle ends soon when nobody is left who could call it."""
        protocol, _ = self.ask()
        self.has_company = False
        self.clock.advance(100 * IDLE)
        self.dispatcher.outcomes[0].callback(Finished(0))
        self.lose(protocol)
        self.clock.advance(LOOK - 1)
        self.assertEqual(self.events, [])
        self.clock.advance(1)
        self.assertEqual(self.events, ["retired", "ended"])

    def test_another_installation(self) -> None:
        """A tdistcc of another installation is told to start another agent; this one ends."""
        protocol, transport = self.ask(stamp=b"0.2 18")
        self.assertEqual(frames(transport.value()), [(STALE, b"")])
        self.assertEqual(self.dispatcher.invocations, [])
        self.assertEqual(self.events, ["outdated"])
        self.lose(protocol)
        self.assertEqual(self.events, ["outdated", "ended"])

    def test_it_sees_its_commands_through(self) -> None:
        """An agent that has retired ends when its last command has."""
        old, transport = self.ask()
        new, _ = self.ask(stamp=b"0.2 18")
        self.lose(new)
        self.assertEqual(self.events, ["outdated"])
        self.dispatcher.outcomes[0].callback(Finished(0))
        self.assertEqual(frames(transport.value())[-1], (EXIT, b"0"))
        self.lose(old)
        self.assertEqual(self.events, ["outdated", "ended"])

    def test_it_retires_once(self) -> None:
        """Two calls of another installation make it retire once."""
        for _ in range(2):
            self.lose(self.ask(stamp=b"0.2 18")[0])
        self.assertEqual(self.events[0], "outdated")
        self.assertEqual(self.events.count("outdated"), 1)

    def test_told_to_end(self) -> None:
        """An agent that is told to end gives its commands up first, and says when it has."""
        protocol, transport = self.ask()
        gone = self.factory.interrupt()
        self.assertTrue(transport.disconnected)
        self.assertEqual(self.events, ["retired"])
        self.assertNoResult(gone)
        self.lose(protocol)
        self.assertEqual(self.dispatcher.cancelled, 1)
        self.successResultOf(gone)
        self.assertEqual(self.events, ["retired"])

    def test_told_to_end_when_idle(self) -> None:
        """An agent without commands has nothing to give up."""
        self.successResultOf(self.factory.interrupt())
        self.assertEqual(self.events, ["retired"])

    def test_told_to_end_at_its_end(self) -> None:
        """Nor has one that has retired."""
        self.clock.advance(IDLE)
        self.successResultOf(self.factory.interrupt())
        self.assertEqual(self.events, ["retired", "ended"])
