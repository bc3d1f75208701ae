"""The output of the demo, for people.

A progress line updates itself on a terminal; elsewhere there are plain lines.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TextIO

from twisted_distcc.cli.demo.comparison import Comparison
from twisted_distcc.cli.demo.project import Build

_SECONDS_BETWEEN_PLAIN_LINES = 5.0
_NAMES_SHOWN = 10
_ERASE_LINE = "\r\x1b[K"


@dataclass(slots=True)
class Screen:
    """An output for lines, of which the last may be a progress line."""

    stream: TextIO
    _shown: str = field(default="", init=False)
    _next_plain_line: float = field(default=0.0, init=False)

    def line(self, text: str) -> None:
        """Show a permanent line."""
        self.stream.write(self._erasure() + text + "\n")
        self.stream.flush()

    def progress(self, text: str) -> None:
        """Show progress: at once on a terminal, elsewhere every few seconds."""
        if self.stream.isatty():
            self.stream.write(self._erasure() + text)
            self.stream.flush()
            self._shown = text
        elif time.monotonic() >= self._next_plain_line:
            self._next_plain_line = time.monotonic() + _SECONDS_BETWEEN_PLAIN_LINES
            self.line(text)

    def building(self, name: str, objects: int) -> None:
        """Show the progress of a build."""
        self.progress(f"{name}: {objects} objects")

    def _erasure(self) -> str:
        erasure = _ERASE_LINE if self._shown else ""
        self._shown = ""
        return erasure


@dataclass(frozen=True, slots=True)
class Result:
    """Two builds, how many jobs of the second the server did, and how their objects compare.

    `same_in_two_steps` are those of the different objects that a local compile also produces if it
    preprocesses first.
    """

    alone: Build
    shared: Build
    on_server: int
    comparison: Comparison
    same_in_two_steps: frozenset[str] = frozenset()

    @property
    def wrong(self) -> frozenset[str]:
        """The objects that no local compile produces."""
        return self.comparison.different - self.same_in_two_steps

    @property
    def success(self) -> bool:
        """Whether the server compiled something, and every object is right."""
        return self.on_server > 0 and not (self.wrong or self.comparison.missing)


def table(result: Result) -> str:
    """Format the findings as a table."""
    alone, shared = result.alone, result.shared
    here = max(0, len(shared.objects) - result.on_server)
    return "\n".join(
        [
            "",
            f"{'':20}{'files':>8}{'on the server':>16}{'here':>8}{'seconds':>10}",
            _row(alone, 0, len(alone.objects)),
            _row(shared, result.on_server, here),
            "",
            *_findings(result),
            "Server and client shared one machine here; other machines are what makes it faster.",
        ]
    )


def _row(build: Build, on_server: int, here: int) -> str:
    files = len(build.objects)
    return f"{build.name:20}{files:8}{on_server:16}{here:8}{build.seconds:10.1f}"


def _findings(result: Result) -> list[str]:
    findings = [f"{len(result.comparison.same)} objects are the same, byte for byte."]
    if result.same_in_two_steps:
        findings.append(
            f"{len(result.same_in_two_steps)} more are the same as those of a local compile that "
            "preprocesses first, as the farm does; with -g or -O0 that gives other objects."
        )
    findings += _named(result.wrong, "objects DIFFER")
    findings += _named(result.comparison.missing, "objects are MISSING from one of the builds")
    if not result.on_server:
        findings.append("NOTHING was compiled on the server.")
    return findings


def _named(names: frozenset[str], what: str) -> list[str]:
    if not names:
        return []
    more = ", ..." if len(names) > _NAMES_SHOWN else ""
    return [f"{len(names)} {what}: {', '.join(sorted(names)[:_NAMES_SHOWN])}{more}"]
