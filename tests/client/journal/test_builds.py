"""Which units are one build."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.client.journal.units import unit
from twisted_distcc.client.journal.builds import builds_of, most_at_once

# Units as (name, seconds after the first, folder, process group), and the builds that they make up.
CASES: tuple[tuple[list[tuple[str, float, str, int]], list[str]], ...] = (
    ([], []),
    ([("a", 0, "/w", 1), ("b", 0.5, "/w", 1)], ["ab"]),
    ([("a", 0, "/w", 1), ("b", 60.9, "/w", 2)], ["ab"]),
    ([("a", 0, "/w", 1), ("b", 61.1, "/w", 1)], ["a", "b"]),
    ([("a", 0, "/w", 1), ("b", 1, "/w/sub", 1), ("c", 2, "/w/sub", 7)], ["abc"]),
    ([("a", 0, "/w", 1), ("b", 1, "/v", 2)], ["a", "b"]),
    ([("a", 0, "/w", 0), ("b", 1, "/v", 0)], ["a", "b"]),
    ([("a", 0, "/w", 1), ("b", 1, "/v", 2), ("c", 2, "/w", 2)], ["abc"]),
    ([("b", 5, "/w", 1), ("a", 0, "/w", 1)], ["ab"]),
    ([("a", 0, "/w", 1), ("x", 1, "/v", 2), ("b", 50, "/w", 1), ("c", 100, "/w", 1)], ["x", "abc"]),
)


class BuildTests(SynchronousTestCase):
    def test_builds(self) -> None:
        """Units of one folder, or one command line, without a pause; the last build is last."""
        for told, expected in CASES:
            units = [
                unit(name, after, folder=folder, build=build) for name, after, folder, build in told
            ]
            found = builds_of(units)
            self.assertEqual(["".join(one.file for one in build) for build in found], expected, told)

    def test_many(self) -> None:
        """A long build takes no longer than its length."""
        units: list[Any] = [unit(str(number), number, build=3) for number in range(5000)]
        self.assertEqual([len(build) for build in builds_of(units)], [5000])

    def test_at_once(self) -> None:
        """A unit that begins when another one ends is not beside it."""
        self.assertEqual(most_at_once([unit(after=after) for after in (0, 0.5, 0.9, 1, 5)]), 3)
        self.assertEqual(most_at_once([]), 0)
