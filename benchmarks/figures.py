"""What a benchmark finds out: figures of one side, or of both, beside the budget they have.

What enters: samples, as numbers.
What leaves: medians, ratios and their spread.
What it refuses to know: how a sample was taken, and how a figure is printed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias, TypeVar

_Sample = TypeVar("_Sample")


@dataclass(frozen=True, slots=True)
class Budget:
    """A bound that DESIGN.md gives; it is printed beside a figure and never asserted."""

    bound: float
    at_most: bool

    def __str__(self) -> str:
        return f"{'≤' if self.at_most else '≥'} {self.bound:g}"


def at_most(bound: float) -> Budget:
    return Budget(bound, at_most=True)


def at_least(bound: float) -> Budget:
    return Budget(bound, at_most=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Samples of both sides, taken in turns: those at one index are neighbours in time.

    The budget is one for the ratio.
    """

    label: str
    unit: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    budget: Budget | None = None

    @property
    def ratios(self) -> tuple[float, ...]:
        """Ours divided by theirs, pair by pair: what slows the machine for a while slows both."""
        return tuple(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def ratio(self) -> float:
        return median(self.ratios)


@dataclass(frozen=True, slots=True)
class Reading:
    """Samples of one side alone; the budget is one for their median."""

    label: str
    unit: str
    samples: tuple[float, ...]
    budget: Budget | None = None

    @property
    def value(self) -> float:
        return median(self.samples)


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence that belongs to a row: what was checked besides."""

    text: str


@dataclass(frozen=True, slots=True)
class NotMeasured:
    """The rest of a row could not be measured, and why."""

    reason: str


Figure: TypeAlias = Comparison | Reading | Remark | NotMeasured


def in_turns(rounds: int, *sides: Callable[[], _Sample]) -> list[tuple[_Sample, ...]]:
    """Return `rounds` samples of each side, taken one after the other: A B A B …"""
    return [tuple(side() for side in sides) for _ in range(rounds)]
