"""A build as a picture (SVG): a row for each unit that was on its way at once, coloured by part.

Every browser shows it, and the name of a unit where the pointer is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from twisted_distcc.cli.build_report.lanes import first_begun, in_lanes, parts_in_time
from twisted_distcc.cli.journal_access import duration, plain
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
    COMPILER: "#59a14f",
    DELIVERY: "#9c755f",
}
_HERE: Final = "#c9b458"
_WIDTH: Final = 1200
_ROW: Final = 14
_TOP: Final = 56
_TICKS: Final = 10
_NARROWEST: Final = 0.05


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
    _child(root, "title", f"{len(units)} units in {duration(elapsed)}")
    _rectangle(root, 0, 0, _WIDTH, height, "#ffffff")
    _legend(root)
    _axis(root, elapsed, height)
    for lane, unit in laid_out:
        _unit(root, unit, unit.began - began, _WIDTH / elapsed, _TOP + lane * _ROW)
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _legend(root: ET.Element) -> None:
    x = 8
    for name, colour in (*_COLOURS.items(), ("compiler here", _HERE)):
        _rectangle(root, x, 8, 12, 12, colour)
        _child(root, "text", name, x=f"{x + 16}", y="18")
        x += 40 + 7 * len(name)


def _axis(root: ET.Element, elapsed: float, height: int) -> None:
    for tick in range(_TICKS):
        x = tick * _WIDTH / _TICKS
        _rectangle(root, x, 32, 1, height - 32, "#dddddd")
        _child(root, "text", duration(elapsed * tick / _TICKS), x=f"{x + 4:.0f}", y="46", fill="#555555")


def _unit(root: ET.Element, unit: UnitRecord, after: float, scale: float, y: int) -> None:
    group = ET.SubElement(root, "g")
    where = unit.host or unit.became
    said = f"{unit.file}: {duration(unit.took)}, {where}{', ' if unit.reason else ''}{unit.reason}"
    _child(group, "title", plain(said))
    for name, at, length in parts_in_time(unit):
        width = length / 1e6 * scale
        colour = _HERE if name == COMPILER and unit.became == "local" else _COLOURS[name]
        if width >= _NARROWEST:
            _rectangle(group, (after + at / 1e6) * scale, y, width, _ROW - 2, colour)


def _rectangle(parent: ET.Element, x: float, y: float, width: float, height: float, fill: str) -> None:
    where = {"x": x, "y": y, "width": width, "height": height}
    told = {name: f"{value:.2f}".rstrip("0").rstrip(".") for name, value in where.items()}
    ET.SubElement(parent, "rect", {**told, "fill": fill})


def _child(parent: ET.Element, name: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, name, attributes).text = text
