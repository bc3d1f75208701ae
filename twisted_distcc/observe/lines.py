"""Log lines: their format, their levels, and the file that they go to.

A `LineFile` writes a level and a text as a line of a file, or of standard error.  It does not need
Twisted: `logs` uses it for the events of Twisted's logger, and a server for one connection, which has no
time to load that, uses `LineLog`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, TextIO

from twisted_distcc.observe.opening import open_own

SYSLOG: Final = "/dev/log"
"""The socket of syslog."""

_KINDS: Final = ("debug", "info", "warn", "error", "critical")

# distccd's names for levels, which are syslog's, and the kinds of line that they correspond to.
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
    """The log of a server, which is called like Twisted's logger: with a format, and values for it."""

    def info(self, format: str, **values: Any) -> None:
        """Log an event."""

    def warn(self, format: str, **values: Any) -> None:
        """Log an error of the other end."""

    def error(self, format: str, **values: Any) -> None:
        """Log an error of our own."""

    def failure(self, format: str, **values: Any) -> None:
        """Log the exception being handled, which was unexpected."""


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
        """Write an entry; whatever a peer put into its text, further lines begin with a tab."""
        text = text if text.isprintable() else tamed(text)
        self._file.write(f"{self._shown(int(seconds))} [{kind}] {text}\n")
        self._file.flush()

    def _shown(self, second: int) -> str:
        """Return the formatted time, which is computed once for all lines of a second."""
        if second != self._second:
            self._second = second
            self._time = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(second))
        return self._time

    def reopen(self) -> None:
        """Reopen the file by its name: the old one may have been moved away."""
        if self._path is not None:
            renewed = self._open()
            self._file.close()
            self._file = renewed

    def _open(self) -> TextIO:
        if self._path is None:
            return sys.stderr
        return open(self._path, "a", encoding="utf-8", errors="backslashreplace", opener=open_own)


def tamed(text: str) -> str:
    """Return `text` with all unprintable characters escaped, except tabs and newlines."""
    plain = (one if one.isprintable() or one in "\t\n" else ascii(one)[1:-1] for one in text)
    return "".join(plain).replace("\n", "\n\t")


class LineLog:
    """A `Log` that writes lines of at least the level `least`; see `LEVELS`."""

    def __init__(self, lines: LineFile, least: str) -> None:
        self._lines = lines
        self._kinds = frozenset(_KINDS[_KINDS.index(LEVELS[least]) :])

    def info(self, format: str, **values: Any) -> None:
        """Log an event."""
        self._write("info", format, values)

    def warn(self, format: str, **values: Any) -> None:
        """Log an error of the other end."""
        self._write("warn", format, values)

    def error(self, format: str, **values: Any) -> None:
        """Log an error of our own."""
        self._write("error", format, values)

    def failure(self, format: str, **values: Any) -> None:
        """Log the exception being handled, with its traceback."""
        import traceback

        trace = {"traceback": traceback.format_exc()}
        self._write("critical", f"{format}\n{{traceback}}", values | trace)

    def _write(self, kind: str, format: str, values: Mapping[str, object]) -> None:
        if kind in self._kinds:
            self._lines.write(time.time(), kind, format.format(**values).rstrip())
