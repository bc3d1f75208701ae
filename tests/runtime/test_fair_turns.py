"""Places for heavy work, which clients get in turns."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.runtime.fair_turns import FairTurns


class FairTurnsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.order: list[str] = []

    def wants(self, turns: FairTurns, who: str) -> Deferred[None]:
        """Ask for a place, and write down when it is given."""
        turn = turns.acquire(who)
        turn.addCallback(lambda _: self.order.append(who))
        return turn

    def test_clients_take_turns(self) -> None:
        """Who asks a hundred times does not come before who asks once."""
        turns = FairTurns(1)
        for _ in range(100):
            self.wants(turns, "eve")
        self.wants(turns, "ada")
        turns.release("eve")
        turns.release("eve")
        turns.release("ada")
        self.assertEqual(self.order, ["eve", "eve", "ada", "eve"])

    def test_a_share(self) -> None:
        """One client gets his share at a time, though places are free; the next finds one at once."""
        turns = FairTurns(2, 1)
        for _ in range(3):
            self.wants(turns, "eve")
        self.assertEqual((self.order, turns.free), (["eve"], 1))
        self.wants(turns, "ada")
        self.assertEqual((self.order, turns.free), (["eve", "ada"], 0))
        turns.release("eve")
        self.assertEqual(self.order, ["eve", "ada", "eve"])

    def test_giving_up(self) -> None:
        """Who goes while he waits is passed over, and leaves nothing behind."""
        turns = FairTurns(1)
        self.wants(turns, "ada")
        gone = self.wants(turns, "eve")
        gone.cancel()
        self.failureResultOf(gone, CancelledError)
        self.wants(turns, "bob")
        turns.release("ada")
        turns.release("bob")
        self.assertEqual((self.order, turns.free), (["ada", "bob"], 1))
