"""What the live page shows of a user's builds."""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.cli.monitor.test_build_view import view
from tests.client.journal.units import BEGAN, HOSTILE, local, unit
from twisted_distcc.cli.monitor.build_snapshot import STEP, at_once, build_snapshot
from twisted_distcc.client.journal.state_format import BLOCKED, COMPILE, State
from twisted_distcc.web.snapshot import Snapshot, Table, as_json

NOW = BEGAN + 10 * STEP


def table(shown: Snapshot, title: str) -> Table:
    [found] = [one for one in shown.tables if one.title == title]
    return found


class SnapshotTests(SynchronousTestCase):
    def shown(self) -> Snapshot:
        states = (State(1, "a.c", "red", 1, COMPILE), State(2, "b.c", "", 0, BLOCKED))
        faults = (("blue", "refused the connection"),)
        build = (unit("c.c", sent=5000), unit("d.c", after=1, faults=faults), local("e.c"))
        return build_snapshot(view(*states, build=build, now=NOW), build, NOW)

    def test_now(self) -> None:
        """Lanes have the units in flight; the counts are those of the build."""
        shown = self.shown()
        self.assertEqual([(lane.name, lane.slots) for lane in shown.lanes][-1], ("This machine", 2))
        self.assertEqual([job.file for lane in shown.lanes for job in lane.jobs], ["a.c"])
        self.assertEqual(([job.file for job in shown.waiting], shown.queue), (["b.c"], 1))
        counts = {count.label: count.value for count in shown.counts}
        self.assertEqual(
            [counts[name] for name in ("In flight", "Done", "Here", "Failed")], [2, 3, 1, 0]
        )

    def test_tables(self) -> None:
        """Tables say what stayed and why, what hosts did, and what was slow or failed."""
        shown = self.shown()
        self.assertEqual(table(shown, "Compiled here, and why").rows, (("--coverage writes", 1),))
        [red, blue] = table(shown, "Hosts").rows
        self.assertEqual((red[:3], blue[0], blue[-1]), (("red", 2, 100), "blue", 1))
        self.assertEqual(table(shown, "Slowest units").rows[-1], ("e.c", "here", 0.5))
        self.assertEqual(
            table(shown, "Failures of hosts in the last hour").rows,
            ((BEGAN + 2, "blue", "refused the connection"),),
        )

    def test_curves(self) -> None:
        """Curves end with the last step that is whole, in which nothing changes any more."""
        curves = {curve.label: curve for curve in self.shown().curves}
        self.assertEqual(curves["On servers"].points[-11:-8], (0.0, 2 * 60 / STEP, 0.0))
        self.assertEqual(sum(curves["Sent"].points), 5000 * 60 / STEP)
        self.assertEqual({len(curve.points) for curve in curves.values()}, {3600 // STEP})

    def test_nothing(self) -> None:
        """Without hosts, units or anything else there is a page, too."""
        shown = build_snapshot(view(), (), NOW)
        self.assertEqual(table(shown, "Hosts").rows, ())
        self.assertEqual(json.loads(as_json(shown))["queue"], 0)

    def test_hostile(self) -> None:
        """Any name is sent as text, and is bounded."""
        build = (unit(HOSTILE * 99, host=HOSTILE), local(HOSTILE, HOSTILE))
        told = as_json(build_snapshot(view(build=build), build, NOW))
        self.assertTrue(told.isascii() and told.isprintable())
        self.assertLess(len(told), 20_000)


class AtOnceTests(SynchronousTestCase):
    def test_average(self) -> None:
        """What lasts half a step counts half, and what lasts longer than the hour counts all over."""
        self.assertEqual(at_once([(0, STEP / 2), (STEP, 2.5 * STEP)], 0)[:4], [0.5, 1.0, 0.5, 0.0])
        self.assertEqual(set(at_once([(-10 * 3600, 10 * 3600)], 0)), {1.0})
        self.assertEqual(set(at_once([(-20, -10), (4000, 5000)], 0)), {0.0})
