"""What the doctor finds: a fault, a warning or a note, each with the command that mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How much a finding matters."""

    FAULT = "fault"
    """Something does not work, so that compiles stay here."""
    WARNING = "warning"
    """It works, but not as well, or not as safely, as it could."""
    NOTE = "note"
    """Good to know; nothing has to be done."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a check has found.

    Attributes:
        severity: how much it matters.
        text: what it is, in a sentence.
        mend: the command that mends it, or what to do; "" if nothing has to be done.
    """

    severity: Severity
    text: str
    mend: str = ""

    def lines(self) -> Iterator[str]:
        """Yield the lines that tell it to people."""
        yield f"{self.severity.value}: {self.text}"
        if self.mend:
            yield f"    {self.mend}"


def fault(text: str, mend: str) -> Finding:
    """Return the finding that something does not work."""
    return Finding(Severity.FAULT, text, mend)


def warning(text: str, mend: str) -> Finding:
    """Return the finding that something could be better."""
    return Finding(Severity.WARNING, text, mend)


def note(text: str, mend: str = "") -> Finding:
    """Return something that is good to know."""
    return Finding(Severity.NOTE, text, mend)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, each once, the worst first."""
    rank = list(Severity).index
    return sorted(dict.fromkeys(findings), key=lambda finding: rank(finding.severity))
