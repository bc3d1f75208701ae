"""How figures are shown: lines for a person, plain data for a program.

What enters: figures.
What leaves: text, and what `json` can write.
What it refuses to know: where either goes.
"""

from statistics import median
from typing import assert_never

from benchmarks.figures import Budget, Comparison, Figure, NotMeasured, Reading, Remark

_LABEL_WIDTH = 52


def line(figure: Figure) -> str:
    """Return the line that shows `figure`: its medians, the ratio's spread, and its budget."""
    match figure:
        case Comparison():
            return _comparison_line(figure)
        case Reading():
            return _reading_line(figure)
        case Remark():
            return f"    {figure.text}"
        case NotMeasured():
            return f"    not measured: {figure.reason}"
        case _:
            assert_never(figure)


def plain(figure: Figure) -> dict[str, object]:
    """Return `figure` as data that `json` can write, samples included."""
    match figure:
        case Comparison():
            ours, theirs = list(figure.ours), list(figure.theirs)
            found: dict[str, object] = {"ours": ours, "theirs": theirs, "ratio": figure.ratio}
        case Reading():
            found = {"samples": list(figure.samples), "value": figure.value}
        case Remark():
            return {"remark": figure.text}
        case NotMeasured():
            return {"not measured": figure.reason}
        case _:
            assert_never(figure)
    budget = None if figure.budget is None else str(figure.budget)
    return {"label": figure.label, "unit": figure.unit, **found, "budget": budget}


def _comparison_line(figure: Comparison) -> str:
    ours, theirs = median(figure.ours), median(figure.theirs)
    sides = f"ours {ours:8.4g}   C {theirs:8.4g} {figure.unit}"
    spread = f"({min(figure.ratios):.2f} to {max(figure.ratios):.2f})"
    ratio = f"ratio {figure.ratio:5.2f} {spread}"
    return _columns(figure.label, f"{sides:39} {ratio}", figure.budget)


def _reading_line(figure: Reading) -> str:
    spread = f"({min(figure.samples):.4g} to {max(figure.samples):.4g})"
    value = f"     {figure.value:8.4g} {figure.unit} {spread}"
    return _columns(figure.label, value, figure.budget)


def _columns(label: str, value: str, budget: Budget | None) -> str:
    beside = "" if budget is None else f"budget {budget}"
    return f"    {label:{_LABEL_WIDTH}} {value:68} {beside}".rstrip()
