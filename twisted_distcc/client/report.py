"""Messages about a compile while it runs.

`make_report` turns the environment of a compile into a `Report` that writes lines at distcc's levels:
progress with `DISTCC_VERBOSE` or to a log, problems always.  Where the lines go (`DISTCC_LOG`,
`UNCACHED_ERR_FD` or standard error) is decided by the user's tdistcc.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from twisted_distcc.client.invocation import Report
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.terminal import shown
from twisted_distcc.cmdline.environment import is_utf_8

_AGAIN: Final = 60.0
"""Seconds after which a build is reminded again."""
_MANY: Final = 1000


class Reminders:
    """Remembers which builds were recently warned of what.

    Args:
        seconds: tells the time.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._told: dict[tuple[int, str], float] = {}

    def is_due(self, build: int, text: str) -> bool:
        """Return whether to warn `build` of `text` now, and count that as done."""
        now = self._seconds()
        if len(self._told) > _MANY:
            self._told = {key: at for key, at in self._told.items() if now - at < _AGAIN}
        if now - self._told.get((build, text), -_AGAIN) < _AGAIN:
            return False
        self._told[build, text] = now
        return True


@dataclass(frozen=True, slots=True)
class _Written:
    """Writes lines with `write`: all of them to a log or if `verbose`, otherwise only problems.

    `utf_8` says that the reader uses UTF-8.
    """

    write: Callable[[bytes], None]
    verbose: bool
    is_log: bool
    reminders: Reminders
    watch: UnitWatch
    utf_8: bool

    def say(self, text: str) -> None:
        if self.verbose or self.is_log:
            self.write(self._line(text))

    def warn(self, text: str) -> None:
        self.write(self._line(f"Warning: {text}"))

    def remind(self, text: str, reason: str) -> None:
        if self.is_log or self.reminders.is_due(self.watch.build, text):
            self.warn(f"{text}: {reason}")

    def fail(self, text: str) -> bytes:
        line = self._line(f"ERROR: {text}")
        self.write(line)
        return line if self.is_log else b""

    def _line(self, text: str) -> bytes:
        """Return a line of ours, which may quote servers."""
        return shown(os.fsencode(f"tdistcc: {text}\n"), utf_8=self.utf_8)


def make_report(
    environ: Mapping[str, str],
    write: Callable[[bytes], None],
    reminders: Reminders,
    watch: UnitWatch,
) -> Report:
    """Return the report that `environ` asks for; `write` is called with lines.

    The compiles of one build, as `watch` has it, share reminders.
    """
    verbose = environ.get("DISTCC_VERBOSE", "0") not in ("", "0")
    is_log = bool(environ.get("DISTCC_LOG"))
    return _Written(write, verbose, is_log, reminders, watch, is_utf_8(environ))
