"""The house itself: its drawing, its names and the size of its modules."""

from __future__ import annotations

import re
import runpy
from collections import Counter
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

PROJECT: Final = Path(__file__).parents[2]
PACKAGE: Final = PROJECT / "twisted_distcc"
TESTS: Final = PROJECT / "tests"
FILES: Final = {"CHANGELOG.md", "LICENSE", "Makefile", "README.md", "SECURITY.md", "pyproject.toml"}
MOST_LINES: Final = 300


def modules() -> list[Path]:
    """Return the modules of the product."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if not path.name.startswith("__")]


class RoomTests(SynchronousTestCase):
    def test_drawing(self) -> None:
        """`doc/rooms.svg` is what the code says; after a change run `scripts/draw_rooms.py`."""
        script = runpy.run_path(str(PROJECT / "scripts" / "draw_rooms.py"))
        self.assertEqual(script["DRAWING"].read_text(), script["draw"]())

    def test_top(self) -> None:
        """No file lies at the top but those that such a project needs."""
        files = {path.name for path in PROJECT.iterdir() if path.is_file()}
        self.assertEqual({name for name in files - FILES if not name.startswith(".")}, set())

    def test_sizes(self) -> None:
        """No module is long."""
        long = [path for path in modules() if len(path.read_text().splitlines()) > MOST_LINES]
        self.assertEqual([str(path.relative_to(PACKAGE)) for path in long], [])

    def test_names(self) -> None:
        """No two modules have one name."""
        names = Counter(path.stem for path in modules())
        self.assertEqual([name for name, count in names.items() if count > 1], [])

    def test_page(self) -> None:
        """What `doc/architecture.md` calls a room or a module is one."""
        named = set(re.findall(r"`([a-z][a-z_/]*)`", (PROJECT / "doc/architecture.md").read_text()))
        paths = {path.relative_to(PACKAGE).with_suffix("") for path in modules()}
        rooms = {room for path in paths for room in (path, *path.parents)}
        known = {str(room) for room in rooms} | {room.name for room in rooms}
        known |= {name for path in TESTS.iterdir() for name in (path.name, f"tests/{path.name}")}
        self.assertEqual(named - known, set())

    def test_tests(self) -> None:
        """A room of tests is a room of the product, or about the product as a whole."""
        wholes = {"benchmarks", "exact", "faults", "framework", "fuzz", "hostile", "house", "vectors"}
        rooms = {str(path.parent.relative_to(TESTS)) for path in TESTS.rglob("*.py")} - {"."}
        missing = {room for room in rooms if not (PACKAGE / room).is_dir()}
        self.assertEqual(missing, wholes)
