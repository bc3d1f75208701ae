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
            "| `JOBS` | once, if `STAT` was 0 | a number, at least 1 | 65,536 (`streams`) |",
            "`COMP` or `TOOL`, once | a length and so many bytes, whole, at least 32 or 0 |",
            "| `NEED` | servers | stream, digests of 32 bytes, at least 1 |",
            "| `STOP` | both | stream, code, a text, at most 1 KiB (`words`) |",
            "| `WIND` | both | stream, count |",
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
                "## Greeting of a client, version 4",
                "## Greeting of a server, version 4",
                "## Frames, version 4",
                "## Job, version 4",
                "## Result, version 4",
                "## Upload, version 4",
            ],
        )
