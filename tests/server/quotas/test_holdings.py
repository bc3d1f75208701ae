"""What is held for clients: shares, ceilings, and everything given back."""

from __future__ import annotations

import resource
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import IN_MEMORY, Body
from twisted_distcc.errors import EXIT_IO_ERROR
from twisted_distcc.server.daemon.descriptors import make_room
from twisted_distcc.server.quotas.holdings import CeilingMetError, Ceilings, Hold, Holdings

MIB = 1024 * 1024
SMALL = Ceilings(connections=5, words=1000, stored=10 * MIB, turned_away=2)


class HoldTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.holdings = Holdings(SMALL)

    def hold(self, who: str = "ada") -> Hold:
        return Hold(self.holdings, who)

    def refused(self, hold: Hold, length: int) -> str:
        error = self.assertRaises(CeilingMetError, hold.store, length)
        self.assertEqual(error.exit_code, EXIT_IO_ERROR)
        return str(error)

    def test_connections(self) -> None:
        """One client gets half of the connections, rounded up; together they get all, and no more."""
        ada = [self.hold() for _ in range(4)]
        for hold in ada[:3]:
            hold.connect()
        self.assertIn("at most 3 from one", str(self.assertRaises(CeilingMetError, ada[3].connect)))
        for _ in range(2):
            self.hold("bob").connect()
        self.assertRaises(CeilingMetError, self.hold("cy").connect)
        ada[0].end()
        self.hold("cy").connect()

    def test_stored(self) -> None:
        """One client gets half of the disk, over all of its connections."""
        one, another = self.hold(), self.hold()
        one.store(3 * MIB)
        another.store(2 * MIB)
        self.assertIn("no room for 1048576 bytes more", self.refused(one, MIB))
        self.hold("bob").store(5 * MIB)
        self.refused(self.hold("cy"), MIB)
        one.give_up_bodies()
        another.store(3 * MIB)

    def test_small_bodies(self) -> None:
        """Bodies that stay in memory take nothing of the disk."""
        hold = self.hold()
        hold.store(5 * MIB)
        hold.store_bodies(Body.of(b""), Body.of(bytes(IN_MEMORY)))
        self.refused(hold, IN_MEMORY + 1)

    def test_words(self) -> None:
        """Words have a ceiling by their bytes, and by what each costs beside them."""
        hold = self.hold()
        for _ in range(500 // 96):
            hold.keep_words(1, 0)
        self.assertRaises(CeilingMetError, hold.keep_words, 1, 0)
        hold.give_up_bodies()
        self.assertRaises(CeilingMetError, hold.keep_words, 1, 0)
        hold.end()
        self.hold().keep_words(1, 400)

    def test_turned_away(self) -> None:
        """Few get to hear why they may not connect."""
        first, second = self.hold(), self.hold()
        self.assertEqual([first.turn_away(), second.turn_away()], [True, False])
        first.end()
        self.assertTrue(second.turn_away())

    def test_all_is_given_back(self) -> None:
        """Of a connection that has ended nothing is counted, whatever it had, and even twice."""
        for _ in range(100):
            hold = self.hold()
            hold.connect()
            hold.keep_words(1, 100)
            hold.store(4 * MIB)
            self.refused(hold, 4 * MIB)
            hold.end()
            hold.end()
        self.assertEqual(len(self.holdings.connections._taken), 0)


class DescriptorTests(SynchronousTestCase):
    """`make_room`, with limits of the test's own."""

    def room(self, soft: int, hard: int, connections: int) -> tuple[int, int]:
        """Give for how many there is room, and what the limit is then."""
        limit = [soft]
        with (
            patch.object(resource, "getrlimit", lambda _: (limit[0], hard)),
            patch.object(resource, "setrlimit", lambda _, pair: limit.__setitem__(0, pair[0])),
        ):
            return make_room(connections), limit[0]

    def test_enough(self) -> None:
        """A limit that is high enough is left alone."""
        self.assertEqual(self.room(5000, 5000, 1000), (1000, 5000))

    def test_raised(self) -> None:
        """One that is not is raised, as far as need be."""
        self.assertEqual(self.room(1024, 1 << 20, 1000), (1000, 3200))

    def test_not_enough(self) -> None:
        """Where it cannot be raised so far, there is room for less."""
        self.assertEqual(self.room(256, 1000, 1000), (266, 1000))
        self.assertEqual(self.room(100, 100, 1000), (0, 100))
