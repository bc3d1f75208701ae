"""Clients share the reactor's time, however many connections each of them has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.server.scheduling.time_shares import CLIENT, TURN, TimeShares

PIECE = CLIENT // 4


class Reading:
    """Has so many pieces to read, and writes down in the diary when it does."""

    def __init__(self, who: str, pieces: int, diary: list[str], cost: int = PIECE) -> None:
        self._who = who
        self.pieces = pieces
        self._diary = diary
        self._cost = cost

    @property
    def has_more(self) -> bool:
        return self.pieces > 0

    def read_some(self) -> int:
        if not self.has_more:
            return 0
        self.pieces -= 1
        self._diary.append(self._who)
        return self._cost


class TimeSharesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.due: list[Callable[[], None]] = []
        self.shares = TimeShares(self.due.append)
        self.diary: list[str] = []

    def turn(self) -> Counter[str]:
        """Let the reactor turn once; count what each client read in it."""
        due, before = self.due.copy(), len(self.diary)
        self.due.clear()
        for call in due:
            call()
        return Counter(self.diary[before:])

    def reading(self, who: str, pieces: int) -> Reading:
        reading = Reading(who, pieces, self.diary)
        self.shares.read(reading, who)
        return reading

    def test_at_once(self) -> None:
        """What costs no more than a client has is read at once, and no turn is asked for."""
        self.reading("ada", 4)
        self.assertEqual((self.diary, self.due), (["ada"] * 4, []))

    def test_in_turns(self) -> None:
        """What costs more is read in the turns that follow, each of them as much."""
        reading = self.reading("ada", 10)
        self.assertEqual([len(self.diary), *(self.turn()["ada"] for _ in range(2))], [4, 4, 2])
        self.assertEqual((reading.pieces, self.due), (0, []))

    def test_two_hundred_connections(self) -> None:
        """Beside two hundred connections of one client, one of another has as many turns as they."""
        crowd = [self.reading("eve", 50) for _ in range(200)]
        self.reading("ada", 50)
        while self.diary.count("ada") < 50:
            read = self.turn()
            self.assertLessEqual(read["eve"], 4)
            self.assertEqual(read["ada"], 4 if self.diary.count("ada") < 50 else read["ada"])
        self.assertLessEqual(self.diary.count("eve"), 4 + 50)
        self.assertEqual(sum(one.pieces for one in crowd), 200 * 50 - self.diary.count("eve"))

    def test_one_that_comes_later(self) -> None:
        """Who comes while others wait reads at once what he has time for."""
        for _ in range(100):
            self.reading("eve", 50)
        self.reading("ada", 3)
        self.assertEqual(self.diary[-3:], ["ada"] * 3)

    def test_connections_of_one_client(self) -> None:
        """A client's own connections take turns as well."""
        first, second = self.reading("ada", 20), self.reading("ada", 20)
        self.turn()
        self.assertEqual((first.pieces, second.pieces), (20 - 4 - 2, 20 - 2))

    def test_many_clients(self) -> None:
        """However many clients there are, a turn costs no more; those left out are the next."""
        names = [f"client {number}" for number in range(40)]
        for name in names:
            self.reading(name, 9)
        while self.due:
            self.assertLessEqual(self.turn().total(), TURN // PIECE)
        self.assertEqual(Counter(self.diary), dict.fromkeys(names, 9))

    def test_once_in_line(self) -> None:
        """A connection that gets more to read while it waits has one place all the same."""
        reading = self.reading("eve", 9)
        self.shares.read(reading, "eve")
        self.turn()
        self.assertEqual(len(self.diary), 8)

    def test_one_that_is_gone(self) -> None:
        """A connection that is gone is forgotten at once, before its turn."""
        for _ in range(200):
            self.shares.forget(self.reading("eve", 50), "eve")
        last = self.reading("eve", 50)
        self.turn()
        self.assertEqual((last.pieces, self.turn()["eve"]), (50 - 4, 4))

    def test_read_from_within(self) -> None:
        """A connection that begins to read because another has read loses no turn."""
        later, shares = Reading("ada", 2, self.diary), self.shares

        class Starting(Reading):
            def read_some(self) -> int:
                shares.read(later, "ada")
                return super().read_some()

        shares.read(Starting("ada", 6, self.diary), "ada")
        while self.due:
            self.turn()
        self.assertEqual((len(self.diary), later.pieces), (8, 0))
