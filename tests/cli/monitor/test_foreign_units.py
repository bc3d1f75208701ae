"""Units of C distcc, which are known only as long as they last."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import BEGAN
from twisted_distcc.cli.monitor import foreign_units
from twisted_distcc.cli.monitor.foreign_units import BY_DISTCC, ForeignUnits
from twisted_distcc.cli.monitor.watched_processes import folder_of, is_c_distcc
from twisted_distcc.client.journal.process_age import age_of
from twisted_distcc.client.journal.state_format import COMPILE, PREPROCESS, State

NOBODY = 999_999_999


class ForeignTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.time = BEGAN
        self.units = ForeignUnits(lambda: self.time)
        self.patch(foreign_units, "is_c_distcc", lambda process: process < 100)
        self.patch(foreign_units, "age_of", lambda process: 2.0)

    def test_ended(self) -> None:
        """A unit that is in flight no more has ended, on the host where it was seen last."""
        for state in (
            State(1, "a.c", "localhost", 0, PREPROCESS),
            State(1, "a.c", "red", 3, COMPILE),
            State(1, "a.c", "red", 3, COMPILE),
        ):
            self.assertEqual(self.units.ended([state, State(2, "b.c", "localhost", 0, COMPILE)]), [])
            self.time += 1
        [a, b] = self.units.ended([])
        self.assertEqual((a.file, a.host, a.slot, a.became), ("a.c", "red", 3, "text"))
        self.assertEqual((b.file, b.host, b.became, b.reason), ("b.c", "", "local", BY_DISTCC))
        self.assertEqual((a.began, a.took), (BEGAN - 2, 5.0))
        self.assertEqual(self.units.ended([]), [])

    def test_no_host(self) -> None:
        """What is not seen with a host is not known to have been compiled at all."""
        self.units.ended([State(1, "a.c", "localhost", 0, PREPROCESS)])
        self.assertEqual(self.units.ended([]), [])

    def test_ours(self) -> None:
        """Our own units are in the journal."""
        self.units.ended([State(100, "a.c", "red", 0, COMPILE)])
        self.assertEqual(self.units.ended([]), [])


class ProcessTests(SynchronousTestCase):
    def test_this_one(self) -> None:
        """A process has an age and a folder; this one is not C distcc."""
        self.assertGreater(age_of(os.getpid()), 0)
        self.assertLess(age_of(os.getpid()), age_of(1) + 1)
        self.assertEqual(folder_of(os.getpid()), os.getcwd())
        self.assertFalse(is_c_distcc(os.getpid()))

    def test_none(self) -> None:
        """One that has ended has none of these."""
        self.assertEqual((age_of(NOBODY), folder_of(NOBODY), is_c_distcc(NOBODY)), (0.0, "", False))
