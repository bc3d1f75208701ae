"""Figures: ratios pair by pair, their medians and spread, and how they are shown."""

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.figures import Comparison, NotMeasured, Reading, Remark, at_least, at_most, in_turns
from benchmarks.report import line, plain


class InTurnsTests(SynchronousTestCase):
    """Both sides are measured in turns."""

    def test_order(self):
        """Ours and theirs alternate, and the pairs keep who was who."""
        taken: list[str] = []

        def side(name: str) -> str:
            taken.append(name)
            return f"{name}{len(taken)}"

        pairs = in_turns(2, lambda: side("ours"), lambda: side("theirs"))
        self.assertEqual(taken, ["ours", "theirs", "ours", "theirs"])
        self.assertEqual(pairs, [("ours1", "theirs2"), ("ours3", "theirs4")])


class ComparisonTests(SynchronousTestCase):
    """A comparison is the median of ratios of neighbours, not the ratio of medians."""

    def test_slow_moment_hits_both_sides(self):
        """A machine that was slow for one pair does not move the ratio."""
        found = Comparison("rate", "jobs/s", (90.0, 9.0, 90.0), (100.0, 10.0, 100.0))
        self.assertAlmostEqual(found.ratio, 0.9)

    def test_samples_must_be_pairs(self):
        """A sample without its neighbour cannot be compared."""
        with self.assertRaises(ValueError):
            _ = Comparison("rate", "jobs/s", (1.0, 2.0), (1.0,)).ratio


class LineTests(SynchronousTestCase):
    """What a person reads."""

    def test_comparison(self):
        """Both medians, the ratio, its spread and the budget stand in one line."""
        figure = Comparison("rate", "jobs/s", (90.0, 80.0, 70.0), (100.0,) * 3, at_least(0.8))
        shown = " ".join(line(figure).split())
        self.assertEqual(shown, "rate ours 80 C 100 jobs/s ratio 0.80 (0.70 to 0.90) budget ≥ 0.8")

    def test_reading(self):
        """One side alone shows its median and its spread."""
        shown = " ".join(line(Reading("idle", "MiB", (48.0, 52.0, 50.0), at_most(60))).split())
        self.assertEqual(shown, "idle 50 MiB (48 to 52) budget ≤ 60")

    def test_no_budget(self):
        """A figure without a budget ends with its spread, and without blanks."""
        self.assertTrue(line(Reading("idle", "MiB", (50.0,))).endswith("(50 to 50)"))

    def test_remark(self):
        """A remark is its sentence."""
        self.assertEqual(line(Remark("nothing differs")).strip(), "nothing differs")

    def test_not_measured(self):
        """A row that ends early says so, and why."""
        self.assertEqual(line(NotMeasured("no tdistcc")).strip(), "not measured: no tdistcc")


class PlainTests(SynchronousTestCase):
    """What a program reads."""

    def test_comparison(self):
        """Every sample is kept beside the ratio."""
        self.assertEqual(
            plain(Comparison("rate", "jobs/s", (80.0,), (100.0,), at_least(0.8))),
            {
                "label": "rate",
                "unit": "jobs/s",
                "ours": [80.0],
                "theirs": [100.0],
                "ratio": 0.8,
                "budget": "≥ 0.8",
            },
        )

    def test_reading(self):
        """Every sample is kept beside the median."""
        self.assertEqual(
            plain(Reading("idle", "MiB", (48.0, 50.0))),
            {
                "label": "idle",
                "unit": "MiB",
                "samples": [48.0, 50.0],
                "value": 49.0,
                "budget": None,
            },
        )

    def test_remark(self):
        """A remark has no figures."""
        self.assertEqual(plain(Remark("nothing differs")), {"remark": "nothing differs"})

    def test_not_measured(self):
        """A program finds the reason under a name of its own."""
        self.assertEqual(plain(NotMeasured("no tdistcc")), {"not measured": "no tdistcc"})
