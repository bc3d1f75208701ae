"""One client who sends as much as he can, on all connections that he gets, and an honest one beside him.

`tests.hostile.floods` measures how long the honest job takes; here is counted what is done for whom.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from unittest.mock import patch

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from tests.hostile import floods
from tests.hostile.attack import AttackTestCase
from tests.hostile.floods import Flood
from tests.server.in_memory import ConnectionTestCase, Transport, no_process
from tests.server.talk import request_bytes
from twisted_distcc.cmdline import classify
from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.policy.access import everyone
from twisted_distcc.runtime.bulk import Bulk, Turns
from twisted_distcc.server.connection.conversation import Conversation, Next
from twisted_distcc.server.connection.server_protocol import DistccServerFactory, DistccServerProtocol
from twisted_distcc.server.scheduling.time_shares import CLIENT, TimeShares

EVE, ADA = "192.0.2.66", "192.0.2.9"
EVE_IDENTITY = f"tcp:{EVE}"
# What comes of a connection at a time.
PIECE = 64 * 1024
COMPILE = ("gcc", "-c", "x.c")


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection, and what its client has sent and the server not taken yet."""

    who: str
    protocol: DistccServerProtocol
    transport: Transport


class TurnTests(ConnectionTestCase):
    """Bytes that the server reads for each client, between two looks at the network."""

    def setUp(self) -> None:
        super().setUp()
        self.factory = DistccServerFactory(self.compile, self.clock, self.factory.bulk, admit=everyone)
        self.due: list[Callable[[], None]] = []
        self.factory.shares = TimeShares(self.due.append)
        self.read: Counter[str] = Counter()
        feed = Conversation.feed

        def counted(conversation: Conversation, data: bytes) -> Next:
            self.read[conversation._peer.identity.removeprefix("tcp:")] += len(data)
            return feed(conversation, data)

        self.patch(Conversation, "feed", counted)

    def opened(self, who: str) -> Opened:
        protocol = self.factory.buildProtocol(None)
        assert isinstance(protocol, DistccServerProtocol)
        transport = Transport(peerAddress=IPv4Address("TCP", who, 4000))
        protocol.makeConnection(transport)
        return Opened(who, protocol, transport)

    def turn(self) -> Counter[str]:
        """Let the reactor turn once; return what was read for whom."""
        due = self.due.copy()
        self.read.clear()
        self.due.clear()
        for call in due:
            call()
        return self.read.copy()

    def have_turns(self) -> None:
        while self.due:
            self.turn()

    def test_tiny_tokens(self) -> None:
        """Of two hundred connections of tiny tokens no more is read in a turn than of one."""
        crowd = [self.opened(EVE) for _ in range(200)]
        for one in crowd:
            one.protocol.dataReceived(floods.entries(5000)[:PIECE])
        ada = self.opened(ADA)
        ada.protocol.dataReceived(request_bytes())
        self.assertLessEqual(self.read[EVE], CLIENT)
        self.assertEqual(len(self.compile.asked), 1)  # at once, whatever waits
        for _ in range(20):
            self.assertLessEqual(self.turn()[EVE], CLIENT)

    def test_nothing_more_is_taken(self) -> None:
        """A connection that waits for its turn is not read from: what waits is what came at a time."""
        eve = self.opened(EVE)
        eve.protocol.dataReceived(floods.entries(5000)[:PIECE])
        self.assertEqual(eve.transport.producerState, "paused")
        while eve.transport.producerState == "paused":
            self.assertGreater(self.turn()[EVE], 0)
        self.assertEqual(len(eve.protocol._input._unread), 0)

    def test_hung_up(self) -> None:
        """Of clients who send and hang up nothing is kept, nor read, when their turn would come."""
        crowd = [self.opened(EVE) for _ in range(50)]
        self.have_turns()
        for one in crowd:
            one.protocol.dataReceived(floods.entries(5000)[:PIECE])
            one.protocol.connectionLost()
        self.turn()
        self.assertEqual(sum(len(one.protocol._input._unread) for one in crowd), 0)
        self.assertEqual(self.turn(), Counter())

    def test_connections(self) -> None:
        """A hundred connections that are opened at once are let in over some turns."""
        for _ in range(100):
            self.opened(EVE)
        self.assertLess(self.factory.admission.holdings.connections.taken(EVE_IDENTITY), 20)
        self.have_turns()
        self.assertEqual(self.factory.admission.holdings.connections.taken(EVE_IDENTITY), 100)

    def test_whole_requests(self) -> None:
        """Requests that are refused at once are few in a turn, too, however small they are."""
        crowd = [self.opened(EVE) for _ in range(50)]
        self.have_turns()
        for one in crowd:
            one.protocol.dataReceived(request_bytes())
        self.assertLess(len(self.compile.asked), 10)
        self.have_turns()
        self.assertEqual(len(self.compile.asked), 50)

    def test_bulk(self) -> None:
        """An honest body, whose bytes cost little, is read as it comes."""
        ada = self.opened(ADA)
        ada.protocol.dataReceived(request_bytes(source=bytes(PIECE - 200)))
        self.assertEqual((len(self.compile.asked), ada.transport.producerState), (1, "producing"))


class BodyTests(SynchronousTestCase):
    """Where bodies are expanded."""

    def setUp(self) -> None:
        self.turns = Turns.shared()

    def test_small_ones_that_become_large(self) -> None:
        """A body of some kilobytes that becomes megabytes is expanded in a thread, one for a client."""
        asked: list[Callable[[], Body]] = []

        def in_thread(work: Callable[[], Body]) -> Deferred[Body]:
            asked.append(work)
            return Deferred()

        for client, zeros in (("eve", 3000), ("eve", 3000), ("ada", IN_MEMORY - 10)):
            body = Body.of(floods.bursting(zeros))
            bulk = Bulk(no_process, in_thread, turns=self.turns, client=client)
            Deferred.fromCoroutine(bulk.expand(body, 1 << 30))
        bodies = [work() for work in asked]
        self.assertEqual([body.length for body in bodies], [765_035, 16_709_165])
        for body in bodies:
            body.discard()


class CommandTests(SynchronousTestCase):
    """Commands that are made to be judged for long."""

    def test_pieces(self) -> None:
        """Options for other programs are counted before they are judged, all of a command together."""
        for words in (
            ["-Wa," + ",".join(["-W"] * 700_000)],
            ["-Wp," + ",".join(["-DX"] * 1001)],
            ["-Wa,-W,-W"] * 501,
            ["-Xassembler", "-W"] * 1001,
        ):
            with patch.object(classify, "_for_assembler", wraps=classify._for_assembler) as judged:
                result = parse((*COMPILE, *words), arrived=True)
            assert isinstance(result, StayLocal), words[0][:9]
            self.assertIn("more than 1000 options to other programs", result.reason)
            self.assertLessEqual(judged.call_count, 1000)

    def test_as_many_as_builds_have(self) -> None:
        """Hundreds of them are as good as ever."""
        words = [f"-Wa,--defsym,X{number}=1" for number in range(400)]
        self.assertIsInstance(parse((*COMPILE, *words), arrived=True), Compilation)


class BesideTests(AttackTestCase):
    async def test_beside_a_flood(self) -> None:
        """Beside sixty-four connections of bursting bodies honest jobs are done, and nothing is left."""
        server = await self.besieged()
        flood = Flood("bursting", 64, floods.packed(floods.bursting(48_000)))
        self.begin_watch()
        await deferToThread(floods.compare, flood, server.port, 3)  # it asserts that the jobs are done
        self.assert_light(200 << 20)
        await self.nothing_is_left()
