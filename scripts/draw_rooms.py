"""Draw the rooms of the package: which there are, what lives in each, and which lies above which.

In: the layers in `pyproject.toml`, which `lint-imports` holds the code to, and the first line of each
room's docstring.  Out: `doc/rooms.svg`, from the top of the house to its ground.  A room may use what
lies below it, and nothing beside or above it.

Run it as `python scripts/draw_rooms.py` after a change of the layers or of a docstring; a test compares.
"""

from __future__ import annotations

import ast
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from xml.sax.saxutils import escape

PROJECT: Final = Path(__file__).parents[1]
DRAWING: Final = PROJECT / "doc" / "rooms.svg"
PACKAGE: Final = "twisted_distcc"

WIDTH: Final = 960
GAP: Final = 8
LINE: Final = 15
# Pixels that a letter of the text takes, on average.
LETTER: Final = 6.7
HEAD: Final = f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {{height}}"
  role="img" aria-label="{{label}}">
<style>
  rect {{{{ fill: #fff; stroke: #57606a; }}}}
  .inner {{{{ fill: #f3f6fa; }}}}
  text {{{{ font: 12px sans-serif; fill: #1f2328; }}}}
  .name {{{{ font-weight: bold; }}}}
  @media (prefers-color-scheme: dark) {{{{
    rect {{{{ fill: #0d1117; stroke: #8b949e; }}}}
    .inner {{{{ fill: #1c2430; }}}}
    text {{{{ fill: #e6edf3; }}}}
  }}}}
</style>
"""


@dataclass(frozen=True, slots=True)
class Room:
    """A room.

    Attributes:
        name: as it is imported, below the package.
        words: what lives there.
        layers: the rooms in it, from the top, if they have an order of their own.
    """

    name: str
    words: str
    layers: tuple[tuple[Room, ...], ...] = ()


def layers(contracts: list[dict[str, Any]], container: str = PACKAGE) -> tuple[tuple[Room, ...], ...]:
    """Return the rooms in `container`, from the top; there are none if no contract orders them."""
    for contract in contracts:
        if contract["type"] == "layers" and contract.get("containers", [PACKAGE]) == [container]:
            rows = [[one.strip() for one in row.split("|")] for row in contract["layers"]]
            return tuple(tuple(_room(contracts, container, name) for name in row) for row in rows)
    return ()


def _room(contracts: list[dict[str, Any]], container: str, name: str) -> Room:
    module = name if name.startswith(PACKAGE) else f"{container}.{name}"
    return Room(module.rpartition(".")[2], _first_line(module), layers(contracts, module))


def _first_line(module: str) -> str:
    """Return the first line of a module's docstring."""
    path = PROJECT / module.replace(".", "/")
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(source.read_text())) or ""
    return text.split("\n")[0].replace("`", "")


def draw() -> str:
    """Return the drawing."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]
    contracts = settings["importlinter"]["contracts"]
    shapes, height = _rows(layers(contracts), GAP, GAP, WIDTH - 2 * GAP, "room")
    label = f"The rooms of {PACKAGE}: each uses what lies below it"
    return "\n".join([HEAD.format(height=height, label=label).rstrip(), *shapes, "</svg>\n"])


def _rows(
    rows: tuple[tuple[Room, ...], ...], x: int, y: int, width: int, kind: str
) -> tuple[list[str], int]:
    """Return the shapes of `rows`, one below the other, and where the next would begin."""
    shapes: list[str] = []
    for row in rows:
        each = (width - GAP * (len(row) - 1)) // len(row)
        height = max(_height(room, each) for room in row)
        for number, room in enumerate(row):
            shapes += _box(room, x + number * (each + GAP), y, each, height, kind)
        y += height + GAP
    return shapes, y


def _height(room: Room, width: int) -> int:
    text = LINE * (1 + len(_wrapped(room, width))) + GAP
    inner = _rows(room.layers, 0, 0, width - 2 * GAP, "inner")[1]
    return text + inner + (GAP if inner else 0)


def _box(room: Room, x: int, y: int, width: int, height: int, kind: str) -> Iterator[str]:
    yield f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>'
    yield f'<text class="name" x="{x + GAP}" y="{y + LINE}">{room.name}</text>'
    below = y + LINE
    for line in _wrapped(room, width):
        below += LINE
        yield f'<text x="{x + GAP}" y="{below}">{escape(line)}</text>'
    yield from _rows(room.layers, x + GAP, below + GAP, width - 2 * GAP, "inner")[0]


def _wrapped(room: Room, width: int) -> list[str]:
    return textwrap.wrap(room.words, int((width - 2 * GAP) / LETTER))


if __name__ == "__main__":
    DRAWING.write_text(draw())
