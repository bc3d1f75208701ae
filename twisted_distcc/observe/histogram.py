"""Counts of values, by how large they are.

To add a value is one search in a short tuple and two additions::

    waited = Histogram((0.1, 1.0))
    waited.add(0.3)
    assert (waited.counts, waited.total) == ([0, 1, 0], 0.3)
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

SECONDS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 120.0)
"""Bounds for times of jobs: a sandbox takes milliseconds, a large C++ unit a minute."""


class Histogram:
    """Counts of values up to each of some bounds.

    Attributes:
        bounds: the bounds, in ascending order.
        counts: how many values were up to each bound and above the one before; the last is for those
            above all bounds.
        total: the sum of all values.
    """

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count `value`."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> Iterator[tuple[str, float]]:
        """Yield each bound, as a text, with the count of all values up to it; `+Inf` is the last."""
        names = (*map(repr, self.bounds), "+Inf")
        return zip(names, map(float, accumulate(self.counts)), strict=True)
