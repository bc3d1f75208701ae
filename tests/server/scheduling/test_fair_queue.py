"""The line before the seats: whose turn it is, whatever the others do."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.policy.rules import PLAIN, Terms
from twisted_distcc.server.scheduling.fair_queue import Line, Ticket


class LineTestCase(SynchronousTestCase):
    """A line of tickets whose turns are written `identity` and a number."""

    def setUp(self) -> None:
        self.line: Line[str] = Line()

    def join(self, identity: str, count: int = 1, terms: Terms = PLAIN) -> list[Ticket[str]]:
        tickets = [Ticket(identity, terms, f"{identity}{number}") for number in range(count)]
        for ticket in tickets:
            self.line.join(ticket)
        return tickets

    def called(self, most: int = 1000) -> list[str]:
        """Call until nobody may be called; all keep their slots."""
        found: list[str] = []
        while len(found) < most and (ticket := self.line.call()) is not None:
            found.append(ticket.turn)
        return found


class OrderTests(LineTestCase):
    def test_nobody(self) -> None:
        """An empty line has nobody to call."""
        self.assertIsNone(self.line.call())
        self.assertEqual((len(self.line), self.line.identities), (0, frozenset()))

    def test_one_identity(self) -> None:
        """What comes first goes first."""
        self.join("a", 3)
        self.assertEqual(self.called(), ["a0", "a1", "a2"])

    def test_in_turn(self) -> None:
        """Identities take turns, whoever has more, and in the order in which they came."""
        self.join("a", 4)
        self.join("b", 2)
        self.join("c", 1)
        self.assertEqual(self.called(), ["a0", "b0", "c0", "a1", "b1", "a2", "a3"])

    def test_a_newcomer_waits_one_round_at_most(self) -> None:
        """Whatever one identity has in line, another's job is called after one of each."""
        self.join("a", 1000)
        self.join("b", 1000)
        self.called(7)
        self.join("c")
        self.assertIn("c0", self.called(3))

    def test_one_at_a_time_is_no_disadvantage(self) -> None:
        """Who joins again only after his job was called has every other turn."""
        self.join("a", 5)
        order = []
        for _ in range(4):
            self.join("b")
            order += self.called(2)
        self.assertEqual([turn[0] for turn in order], ["a", "b"] * 4)

    def test_priority(self) -> None:
        """The higher number goes first, whoever came first, and turns are taken within it."""
        self.join("a", 2, Terms(priority=-1))
        self.join("b", 2)
        self.join("c", 2, Terms(priority=5))
        self.join("d", 2, Terms(priority=5))
        self.assertEqual(self.called(), ["c0", "d0", "c1", "d1", "b0", "b1", "a0", "a1"])


class SlotTests(LineTestCase):
    def test_never_more_than_its_slots(self) -> None:
        """An identity with all of its slots in use is passed over, until one is free."""
        tickets = self.join("a", 4, Terms(slots=2))
        self.join("b", 3)
        self.assertEqual(self.called(), ["a0", "b0", "a1", "b1", "b2"])
        self.assertEqual((len(self.line), self.line.identities), (2, {"a"}))
        self.line.release(tickets[0])
        self.assertEqual(self.called(), ["a2"])

    def test_priority_is_no_way_around(self) -> None:
        """Slots are counted over all priorities, and a lower one goes on meanwhile."""
        self.join("a", 1, Terms(slots=1, priority=9))
        self.join("a", 1, Terms(slots=1))
        self.join("b", 1, Terms(priority=-9))
        self.assertEqual(self.called(), ["a0", "b0"])

    def test_slots_are_of_the_job(self) -> None:
        """Jobs under a rule that gives more are no help to one under a rule that gives fewer."""
        self.join("a", 2)
        self.join("a", 1, Terms(slots=1))
        self.assertEqual(self.called(), ["a0", "a1"])
        self.assertEqual(len(self.line), 1)

    def test_nothing_is_kept_of_who_is_gone(self) -> None:
        """A thousand identities that came and went leave nothing behind."""
        for number in range(1000):
            (ticket,) = self.join(str(number), 1, Terms(priority=number))
            self.assertIs(self.line.call(), ticket)
            self.line.release(ticket)
        self.assertEqual((self.line._waiting, self.line._in_use), ({}, {}))


class LeavingTests(LineTestCase):
    def test_those_behind_move_up(self) -> None:
        """A ticket that leaves is not called, and its identity keeps its turn."""
        tickets = self.join("a", 3)
        self.join("b")
        self.line.leave(tickets[0])
        self.assertEqual(len(self.line), 3)
        self.assertEqual(self.called(), ["a1", "b0", "a2"])

    def test_the_last_of_an_identity(self) -> None:
        """With its last ticket an identity is out of the line."""
        (ticket,) = self.join("a")
        self.join("b")
        self.line.leave(ticket)
        self.assertEqual(self.line.identities, {"b"})

    def test_the_very_ticket_leaves(self) -> None:
        """Of two that are equal in all but being another, the one that is meant goes."""
        first, second = (Ticket("a", PLAIN, "same") for _ in range(2))
        self.line.join(first)
        self.line.join(second)
        self.line.leave(second)
        self.assertIs(self.line.call(), first)
