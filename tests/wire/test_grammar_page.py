"""The page that is drawn from the grammar's tables."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

PROJECT: Final = Path(__file__).parent.parent.parent


def _drawn() -> str:
    script = runpy.run_path(str(PROJECT / "scripts" / "draw_grammar.py"))
    return str(script["draw"]())


class PageTests(SynchronousTestCase):
    """`doc/grammar.md` and the script that writes it."""

    def test_in_step(self) -> None:
        """The page is what the tables say; after a change of them run `scripts/draw_grammar.py`."""
        self.assertEqual((PROJECT / "doc" / "grammar.md").read_text(), _drawn())

    def test_rows(self) -> None:
        """Counts, ceilings, alternatives and conditions have their words."""
        for row in (
            "| `ARGC` | once | a number, at least 1 | 10,000 (`arguments`) |",
            "| `STAT` | once | a number | none |",
            "| `LINK` | `FILE` or `LINK`, as many as `NFIL` says | a length and so many bytes, whole,",
            "| `DOTD` | once, if `STAT` was 0 | a length and so many bytes, a body |",
            "128 KiB (`argument`), together 2 MiB (`command`) |",
        ):
            self.assertIn(row, _drawn())

    def test_sections(self) -> None:
        """Versions with the same tokens share a section."""
        headings = [line for line in _drawn().splitlines() if line.startswith("## ")]
        self.assertEqual(
            headings,
            [
                "## Request, versions 1 and 2",
                "## Request, version 3",
                "## Reply, versions 1 and 2",
                "## Reply, version 3",
            ],
        )
