"""Watching a user's configuration directory: which builds count, and for how long."""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import BEGAN, unit
from twisted_distcc.cli.monitor.build_view import HERE
from twisted_distcc.cli.monitor.watching import Watcher, limits_of
from twisted_distcc.client.journal.journal_file import JournalFile
from twisted_distcc.client.journal.state_folder import StateFolder
from twisted_distcc.client.journal.state_format import COMPILE, State


class WatcherTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = self.mktemp()
        self.journal = JournalFile(self.folder)
        self.time = BEGAN + 10

    def watcher(self) -> Watcher:
        return Watcher(self.folder, {HERE: 4, "red": 4}, lambda: self.time)

    def test_news(self) -> None:
        """What was there before counts, but is no news; what comes is news once."""
        self.journal.append([unit("a.c")])
        watcher = self.watcher()
        self.assertEqual(watcher.look()[1], [])
        self.journal.append([unit("b.c", after=1)])
        view, news = watcher.look()
        self.assertEqual([record.file for record in news], ["b.c"])
        self.assertEqual([record.file for record in view.build], ["a.c", "b.c"])
        self.assertEqual(watcher.look()[1], [])

    def test_builds(self) -> None:
        """Builds at the same time count together; a build that is over counts no more."""
        self.journal.append([unit("a.c", folder="/a"), unit("b.c", folder="/b")])
        watcher = self.watcher()
        self.journal.append([unit("c.c", folder="/a", after=2)])
        self.assertEqual(len(watcher.look()[0].build), 3)
        self.time += 55
        self.journal.append([unit("d.c", folder="/b", after=50)])
        self.assertEqual([one.file for one in watcher.look()[0].build], ["b.c", "d.c"])

    def test_hour(self) -> None:
        """The last hour has all builds, and what was before it is forgotten."""
        self.journal.append([unit("a.c"), unit("b.c", after=600, folder="/b")])
        self.time += 1800
        watcher = self.watcher()
        self.assertEqual({one.file for one in watcher.hour}, {"a.c", "b.c"})
        self.time += 2000
        self.assertEqual({one.file for one in watcher.hour}, {"b.c"})

    def test_states(self) -> None:
        """Units in flight have the age of their process."""
        StateFolder(self.folder).write(State(os.getpid(), "a.c", "red", 0, COMPILE))
        [job] = self.watcher().look()[0].hosts[0].jobs
        self.assertGreater(job.age, 0)


class LimitsTests(SynchronousTestCase):
    def test_limits(self) -> None:
        """Hosts are called as monitors call them; those that are listed twice add up."""
        limits = limits_of({"DISTCC_HOSTS": "red:99/3,lzo red:99/2 @blue localhost/2 --localslots=7"})
        self.assertEqual(limits["red:99"], 5)
        self.assertIn("@blue", limits)
        self.assertEqual(next(iter(limits)), HERE)
