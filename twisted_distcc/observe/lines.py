"""Lines of a log: their form, their levels, and the file that they go to.

In: a level and a text.  Out: a line in a file, or on standard error.  This module refuses to know what
made a line necessary, and Twisted: `logs` writes the events of Twisted's logger by it, and a server for
one connection, which has no time to load that, writes by `LineLog`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, TextIO

from twisted_distcc.observe.opening import open_own

SYSLOG: Final = "/dev/log"
"""Where syslog listens."""

_KINDS: Final = ("debug", "info", "warn", "error", "critical")

# distccd's names for levels, which are syslog's, and the kinds of line that they stand for.
LEVELS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "emergency": "critical",
        "alert": "critical",
        "critical": "critical",
        "error": "error",
        "warning": "warn",
        "notice": "info",
        "info": "info",
        "debug": "debug",
    }
)


class Log(Protocol):
    """What servers say, as they say it to Twisted's logger: a format, and values for it."""

    def info(self, format: str, **values: Any) -> None:
        """Tell what happens."""

    def warn(self, format: str, **values: Any) -> None:
        """Tell what goes wrong at the other end."""

    def error(self, format: str, **values: Any) -> None:
        """Tell what goes wrong here."""

    def failure(self, format: str, **values: Any) -> None:
        """Tell of the exception that is being handled, which nobody expected."""


class LineFile:
    """Writes lines into the file `path`, or to standard error if that is `None`.

    Raises:
        OSError: if the file cannot be opened.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file = self._open()
        self._second = -1
        self._time = ""

    def write(self, seconds: float, kind: str, text: str) -> None:
        """Write one line; whatever text a peer brought into it, all but the first begin with a tab."""
        text = text if text.isprintable() else tamed(text)
        self._file.write(f"{self._shown(int(seconds))} [{kind}] {text}\n")
        self._file.flush()

    def _shown(self, second: int) -> str:
        """Return the time to the second, which is worked out once for all lines of a second."""
        if second != self._second:
            self._second = second
            self._time = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(second))
        return self._time

    def reopen(self) -> None:
        """Open the file anew under its name: the old one may have been moved away."""
        if self._path is not None:
            renewed = self._open()
            self._file.close()
            self._file = renewed

    def _open(self) -> TextIO:
        if self._path is None:
            return sys.stderr
        return open(self._path, "a", encoding="utf-8", errors="backslashreplace", opener=open_own)


def tamed(text: str) -> str:
    """Return `text` with nothing in it that a terminal would obey, or that ends a line but a newline."""
    plain = (one if one.isprintable() or one in "\t\n" else ascii(one)[1:-1] for one in text)
    return "".join(plain).replace("\n", "\n\t")


class LineLog:
    """A `Log` that writes lines from the level `least` up; see `LEVELS`."""

    def __init__(self, lines: LineFile, least: str) -> None:
        self._lines = lines
        self._kinds = frozenset(_KINDS[_KINDS.index(LEVELS[least]) :])

    def info(self, format: str, **values: Any) -> None:
        """Tell what happens."""
        self._write("info", format, values)

    def warn(self, format: str, **values: Any) -> None:
        """Tell what goes wrong at the other end."""
        self._write("warn", format, values)

    def error(self, format: str, **values: Any) -> None:
        """Tell what goes wrong here."""
        self._write("error", format, values)

    def failure(self, format: str, **values: Any) -> None:
        """Tell of the exception that is being handled, with its traceback."""
        import traceback

        trace = {"traceback": traceback.format_exc()}
        self._write("critical", f"{format}\n{{traceback}}", values | trace)

    def _write(self, kind: str, format: str, values: Mapping[str, object]) -> None:
        if kind in self._kinds:
            self._lines.write(time.time(), kind, format.format(**values).rstrip())
