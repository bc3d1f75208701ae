"""Programs that are kept running: how many, and for how long."""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.launcher.command import Standby
from twisted_distcc.runtime.standbys import IDLE, MOST, Standbys


@dataclass
class Program:
    """One that runs as a standby."""

    standby: Standby
    is_busy: bool = False
    has_died: bool = False
    is_closed: bool = field(default=False)

    def close(self) -> Deferred[None]:
        self.is_closed = True
        return succeed(None)


class StandbysTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.standbys = Standbys(self.clock, Program)

    def get(self, number: int, stamp: int = 0) -> Program:
        return self.standbys.get(Standby((str(number),), (), stamp))

    def test_one_of_each(self) -> None:
        """One that runs is used again, and another one if it is gone, or the machine is not the same."""
        one = self.get(1)
        self.assertIs(self.get(1), one)
        self.assertIsNot(self.get(1, stamp=1), one)
        one.has_died = True
        self.assertIsNot(self.get(1), one)

    def test_so_many(self) -> None:
        """With one too many, the one that nobody has asked for longest ends, unless it is busy."""
        programs = [self.get(number) for number in range(MOST)]
        programs[0].is_busy = True
        self.get(1)
        self.get(MOST)
        self.get(MOST + 1)
        closed = [number for number, program in enumerate(programs) if program.is_closed]
        self.assertEqual(closed, [2])

    def test_so_long(self) -> None:
        """One that nobody asks for ends, unless it is busy; then it ends when it no longer is."""
        idle, busy, wanted = (self.get(number) for number in range(3))
        busy.is_busy = True
        self.clock.advance(IDLE)
        self.get(2)
        self.clock.advance(IDLE)
        self.assertEqual([one.is_closed for one in (idle, busy, wanted)], [True, False, False])
        busy.is_busy = False
        self.clock.advance(IDLE)
        self.assertEqual([one.is_closed for one in (busy, wanted)], [True, True])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIsNot(self.get(2), wanted)

    def test_closed(self) -> None:
        """Closing ends all, and looks at nothing any more."""
        programs = [self.get(number) for number in range(3)]
        self.assertEqual(len(self.standbys.close()), 3)
        self.assertTrue(all(program.is_closed for program in programs))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.standbys.close(), [])

    def test_what_cannot_be_started(self) -> None:
        """Who asks is told, and is told again."""

        def fail(standby: Standby) -> Program:
            raise OSError("no")

        standbys = Standbys(self.clock, fail)
        for _ in range(2):
            self.assertRaises(OSError, standbys.get, Standby(("x",), ()))
