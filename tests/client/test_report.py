"""What is told of a compile: at which level, and how often."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.invocation import Report
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.report import Reminders, make_report

NOT_SENT = "failed to distribute, running locally instead"


class LevelTests(SynchronousTestCase):
    def told(self, **environ: str) -> list[bytes]:
        """Return what is written of one thing of each level."""
        lines: list[bytes] = []
        report = make_report(environ, lines.append, Reminders(Clock().seconds), UnitWatch())
        report.say("compiling")
        report.warn("red hung up")
        self.left = report.fail("no compiler")
        return lines

    def test_by_default(self) -> None:
        """What went wrong is told, in distcc's levels; what happens is not."""
        self.assertEqual(
            self.told(), [b"tdistcc: Warning: red hung up\n", b"tdistcc: ERROR: no compiler\n"]
        )
        self.assertEqual(self.left, b"")

    def test_verbose(self) -> None:
        """What happens is told as well to who asks for it."""
        self.assertEqual(len(self.told(DISTCC_VERBOSE="1")), 3)
        self.assertEqual(len(self.told(DISTCC_VERBOSE="0")), 2)

    def test_log(self) -> None:
        """A log gets all; of a compile that cannot be done standard error hears all the same."""
        self.assertEqual(len(self.told(DISTCC_LOG="log")), 3)
        self.assertEqual(self.left, b"tdistcc: ERROR: no compiler\n")


class ReminderTests(SynchronousTestCase):
    """What holds for many compiles is said to each build once in a minute."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.reminders = Reminders(self.clock.seconds)
        self.lines: list[bytes] = []

    def report(self, build: int, **environ: str) -> Report:
        return make_report(environ, self.lines.append, self.reminders, UnitWatch(build=build))

    def test_once(self) -> None:
        """The second compile of a build adds nothing, though the time that is left is another."""
        self.report(1).remind(NOT_SENT, "red is avoided for 9 s more")
        self.report(1).remind(NOT_SENT, "red is avoided for 8 s more")
        self.assertEqual(
            self.lines, [f"tdistcc: Warning: {NOT_SENT}: red is avoided for 9 s more\n".encode()]
        )

    def test_each_build(self) -> None:
        """Another build is told, and so is the same about something else."""
        self.report(1).remind(NOT_SENT, "no hosts")
        self.report(2).remind(NOT_SENT, "no hosts")
        self.report(1).remind("not counted", "no folder")
        self.assertEqual(len(self.lines), 3)

    def test_after_a_minute(self) -> None:
        """A build that goes on is told again."""
        self.report(1).remind(NOT_SENT, "no hosts")
        self.clock.advance(59)
        self.report(1).remind(NOT_SENT, "no hosts")
        self.assertEqual(len(self.lines), 1)
        self.clock.advance(1)
        self.report(1).remind(NOT_SENT, "no hosts")
        self.assertEqual(len(self.lines), 2)

    def test_log(self) -> None:
        """A log gets all of it."""
        for _ in range(2):
            self.report(1, DISTCC_LOG="log").remind(NOT_SENT, "no hosts")
        self.assertEqual(len(self.lines), 2)

    def test_many_builds(self) -> None:
        """What builds were told is forgotten in time."""
        for build in range(2000):
            self.clock.advance(1)
            self.report(build).remind(NOT_SENT, "no hosts")
        self.assertEqual(len(self.lines), 2000)
        self.assertLess(len(self.reminders._told), 1100)
