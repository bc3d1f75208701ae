"""A build as a picture (SVG): a row for each unit that was on its way at once, coloured by part.

Every browser shows it, and the name of a unit where the pointer is.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log10
from typing import Final
from xml.etree import ElementTree as ET

from twisted_distcc.cli.build_report.lanes import first_begun, in_lanes, parts_in_time
from twisted_distcc.cli.journal_access import PART_WORDS, duration, plain
from twisted_distcc.client.journal.unit_record import (
    COMPILER,
    DELIVERY,
    HOST,
    INPUTS,
    LOCAL_SLOT,
    QUEUE,
    START,
    TRANSFER,
    UnitRecord,
)

_COLOURS: Final = {
    START: "#bab0ac",
    INPUTS: "#4e79a7",
    LOCAL_SLOT: "#e15759",
    HOST: "#f28e2b",
    TRANSFER: "#76b7b2",
    QUEUE: "#b07aa1",
    COMPILER: "#3d7f35",
    DELIVERY: "#9c755f",
}
_HERE: Final = "compiling here"
_COLOUR_HERE: Final = "#8a7a1f"
_WIDTH: Final = 1200
_ROW: Final = 14
_TOP: Final = 72
_AXIS: Final = 46
_MOST_TICKS: Final = 12
_NARROWEST: Final = 0.05
_CHARACTER: Final = 5.5
"""The width of a character of a unit's name, at most; likewise that of the legend, below."""
_LEGEND_CHARACTER: Final = 6.2


def picture(units: Sequence[UnitRecord]) -> bytes:
    """Return the picture of `units`."""
    began = first_begun(units)
    elapsed = max(unit.ended for unit in units) - began or 1.0
    laid_out = list(in_lanes(units))
    rows = 1 + max(lane for lane, _ in laid_out)
    height = _TOP + rows * _ROW + 8
    root = ET.Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_WIDTH} {height}",
            "font-family": "sans-serif",
            "font-size": "12",
            "role": "img",
        },
    )
    said = f"{len(units)} units in {duration(elapsed)}"
    _child(root, "title", said)
    _rectangle(root, 0, 0, _WIDTH, height, "#ffffff")
    _child(root, "text", said, x="8", y="16", **{"font-weight": "bold"})
    _legend(root)
    _axis(root, elapsed, height)
    for lane, unit in laid_out:
        _unit(root, unit, unit.began - began, _WIDTH / elapsed, _TOP + lane * _ROW)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _legend(root: ET.Element) -> None:
    x = 8.0
    for name, colour in (*_COLOURS.items(), (_HERE, _COLOUR_HERE)):
        words = PART_WORDS.get(name, name)
        _rectangle(root, x, 26, 12, 12, colour)
        _child(root, "text", words, x=f"{x + 16:.0f}", y="36", **{"font-size": "11"})
        x += 26 + _LEGEND_CHARACTER * len(words)


def _axis(root: ET.Element, elapsed: float, height: int) -> None:
    step = step_of(elapsed)
    for tick in range(int(elapsed / step) + 1):
        x = tick * step * _WIDTH / elapsed
        _rectangle(root, x, _AXIS, 1, height - _AXIS, "#dddddd")
        _child(root, "text", f"{tick * step:g} s", x=f"{x + 4:.0f}", y=f"{_AXIS + 14}", fill="#555555")


def step_of(elapsed: float) -> float:
    """Return after how many seconds a tick of the axis comes: 1, 2 or 5, or as many tens, or tenths."""
    power = 10.0 ** floor(log10(elapsed / _MOST_TICKS))
    return next(
        step for step in (power, 2 * power, 5 * power, 10 * power) if elapsed / step < _MOST_TICKS
    )


def _unit(root: ET.Element, unit: UnitRecord, after: float, scale: float, y: int) -> None:
    group = ET.SubElement(root, "g")
    where = unit.host or unit.became
    said = f"{unit.file}: {duration(unit.took)}, {where}{', ' if unit.reason else ''}{unit.reason}"
    _child(group, "title", plain(said))
    for name, at, length in parts_in_time(unit):
        width = length / 1e6 * scale
        x = (after + at / 1e6) * scale
        colour = _COLOUR_HERE if name == COMPILER and unit.became == "local" else _COLOURS[name]
        if width >= _NARROWEST:
            _rectangle(group, x, y, width, _ROW - 2, colour)
        if name == COMPILER:
            _name(group, unit, x, width, y)


def _name(group: ET.Element, unit: UnitRecord, x: float, width: float, y: int) -> None:
    """Write the name of `unit` where there is room for it."""
    name = plain(unit.file.rpartition("/")[2])
    if len(name) * _CHARACTER + 6 <= width:
        at = {"x": f"{x + 3:.1f}", "y": f"{y + 9.5:.1f}"}
        _child(group, "text", name, **at, **{"font-size": "9", "fill": "#ffffff"})


def _rectangle(parent: ET.Element, x: float, y: float, width: float, height: float, fill: str) -> None:
    where = {"x": x, "y": y, "width": width, "height": height}
    told = {name: f"{value:.2f}".rstrip("0").rstrip(".") for name, value in where.items()}
    ET.SubElement(parent, "rect", {**told, "fill": fill})


def _child(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = text
