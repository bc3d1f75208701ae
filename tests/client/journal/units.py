"""Units for the tests of what reads a journal."""

from __future__ import annotations

from typing import Any

from twisted_distcc.client.journal.unit_record import COMPILER, INPUTS, TRANSFER, UnitRecord

BEGAN = 1_700_000_000.0
HOSTILE = "\x1b]0;title\x07\x9b31m<script>alert(1)</script>\u202e\n\r\udcff"
"""A name that a terminal, a page or a program might obey."""


def unit(file: str = "a.c", after: float = 0.0, **changes: Any) -> UnitRecord:
    """Return a unit that began so many seconds after the first, and took a second."""
    parts = ((INPUTS, 100_000), (TRANSFER, 100_000), (COMPILER, 700_000), (TRANSFER, 100_000))
    told: dict[str, Any] = {"became": "files", "host": "red", "slot": 0, "folder": "/w", "parts": parts}
    return UnitRecord(began=BEGAN + after, file=file, **{**told, **changes})


def local(file: str = "a.c", reason: str = "--coverage writes", after: float = 0.0) -> UnitRecord:
    """Return a unit that was compiled here in half a second."""
    parts = ((INPUTS, 1_000), (COMPILER, 499_000))
    return unit(file, after, became="local", reason=reason, host="", slot=1, parts=parts)
