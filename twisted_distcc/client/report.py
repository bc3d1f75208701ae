"""What is told of a compile while it runs, and to whom.

In: the environment of a compile.  Out: a `Report` that writes lines at distcc's levels: what happens is
told with `DISTCC_VERBOSE` or to a log, what went wrong always.  Where the lines go (`DISTCC_LOG`,
`UNCACHED_ERR_FD` or standard error) is up to the tdistcc that runs where the user is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from twisted_distcc.client.invocation import Report
from twisted_distcc.client.terminal import shown
from twisted_distcc.cmdline.environment import is_utf_8

_AGAIN: Final = 60.0
"""Seconds after which a build is reminded again."""
_MANY: Final = 1000


class Reminders:
    """Which builds were told what lately.

    Args:
        seconds: tells the time.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._told: dict[tuple[int, str], float] = {}

    def is_due(self, build: int, text: str) -> bool:
        """Say whether `build` is to be told `text` now, and count that as done."""
        now = self._seconds()
        if len(self._told) > _MANY:
            self._told = {key: at for key, at in self._told.items() if now - at < _AGAIN}
        if now - self._told.get((build, text), -_AGAIN) < _AGAIN:
            return False
        self._told[build, text] = now
        return True


@dataclass(frozen=True, slots=True)
class _Written:
    """Writes lines by `write`; a log gets all of them, and `verbose` says who else does.

    `build` stands for the compiles that are reminded of something once, and `utf_8` says that whoever
    reads the lines reads UTF-8.
    """

    write: Callable[[bytes], None]
    verbose: bool
    is_log: bool
    reminders: Reminders
    build: int
    utf_8: bool

    def say(self, text: str) -> None:
        if self.verbose or self.is_log:
            self.write(self._line(text))

    def warn(self, text: str) -> None:
        self.write(self._line(f"Warning: {text}"))

    def remind(self, text: str, reason: str) -> None:
        if self.is_log or self.reminders.is_due(self.build, text):
            self.warn(f"{text}: {reason}")

    def fail(self, text: str) -> bytes:
        line = self._line(f"ERROR: {text}")
        self.write(line)
        return line if self.is_log else b""

    def _line(self, text: str) -> bytes:
        """Return a line of ours, in which servers may be quoted."""
        return shown(os.fsencode(f"tdistcc: {text}\n"), utf_8=self.utf_8)


def make_report(
    environ: Mapping[str, str], write: Callable[[bytes], None], reminders: Reminders, build: int
) -> Report:
    """Make the report that `environ` asks for; `write` takes lines.

    `build` is a number that the compiles of one build have in common.
    """
    verbose = environ.get("DISTCC_VERBOSE", "0") not in ("", "0")
    is_log = bool(environ.get("DISTCC_LOG"))
    return _Written(write, verbose, is_log, reminders, build, is_utf_8(environ))
