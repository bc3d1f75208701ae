"""Helpers of a busy agent: when they are started, and when they end."""

from __future__ import annotations

from unittest.mock import patch

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.agent.helper import Quiet
from twisted_distcc.agent.helpers import OUTDATED, Ended, Helpers, most_processes


class FakeHelper:
    """A helper that only notes that it was let go."""

    def __init__(self, ended: Ended) -> None:
        self.ended = ended
        self.is_let_go = False

    def let_go(self) -> None:
        self.is_let_go = True


class HelpersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.used = 0.0
        self.started: list[FakeHelper] = []
        self.outdated = 0
        self.helpers = Helpers(self.clock, self.start, 3, self.find_outdated, lambda: self.used)

    def start(self, ended: Ended) -> FakeHelper:
        helper = FakeHelper(ended)
        self.started.append(helper)
        return helper

    def find_outdated(self) -> None:
        self.outdated += 1

    def work(self, share: float, seconds: float = 1) -> None:
        """Use this share of a processor for a while; then a command arrives."""
        self.clock.advance(seconds)
        self.used += share * seconds
        self.helpers.look()

    def test_busy(self) -> None:
        """Each second in which an agent is busy brings one helper more, up to the most."""
        counts = []
        for share in (0.5, 0.79, 0.9, 0.3, 1.0, 1.0, 1.0):
            self.work(share)
            counts.append(len(self.started))
        self.assertEqual(counts, [0, 0, 1, 1, 2, 2, 2])

    def test_many_commands_at_once(self) -> None:
        """A burst of commands alone starts none: what counts is the time that they take."""
        for _ in range(1000):
            self.work(1, 0.0001)
        self.assertEqual(self.started, [])

    def test_busy_long_ago(self) -> None:
        """One that was busy before a long pause is not busy now."""
        self.work(1, 0.9)
        self.work(0.01, 60)
        self.assertEqual(self.started, [])

    def test_alone(self) -> None:
        """On a machine of few processors there are none."""
        self.helpers = Helpers(self.clock, self.start, 1, self.find_outdated, lambda: self.used)
        self.work(1)
        self.work(1)
        self.assertEqual(self.started, [])

    def test_one_that_ends(self) -> None:
        """A helper that ended, whatever the reason, is replaced if that is needed."""
        self.work(1)
        self.work(1)
        self.started[0].ended(-1)
        self.work(0.1)
        self.assertEqual(len(self.started), 2)
        self.work(1)
        self.assertEqual(len(self.started), 3)
        self.assertEqual(self.outdated, 0)

    def test_one_that_is_outdated(self) -> None:
        """The agent hears of a tdistcc of another installation that called a helper."""
        self.work(1)
        self.started[0].ended(OUTDATED)
        self.assertEqual(self.outdated, 1)

    def test_let_go(self) -> None:
        """Helpers are let go with the agent, which then starts none."""
        self.work(1)
        self.helpers.let_go()
        self.assertTrue(self.started[0].is_let_go)
        self.work(1)
        self.assertEqual(len(self.started), 1)


class QuietTests(SynchronousTestCase):
    def test_little_to_do(self) -> None:
        """A helper leaves once it has used less than a fifth of the time between two looks."""
        left: list[float] = []
        used = 0.0
        quiet = Quiet(lambda: left.append(used), lambda: used)
        for seconds in (9.0, 2.5, 1.0):
            used += seconds
            quiet.look()
        self.assertEqual(left, [12.5])


class MostTests(SynchronousTestCase):
    def test_processors(self) -> None:
        """Half of the processors are left to others, but two processes may be wherever two can run."""
        table = ((1, 1), (2, 2), (3, 2), (4, 2), (8, 4), (16, 4), (128, 4))
        for processors, most in table:
            with patch("os.sched_getaffinity", return_value=set(range(processors))):
                self.assertEqual(most_processes(), most, processors)
