"""Where log lines go.

In: events of Twisted's logger.  Out: lines in a file, or on standard error, from a level up; the file is
opened anew when log rotation asks for it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
    formatTime,
)
from zope.interface import implementer

# distccd's names for levels, which are syslog's.
LEVELS: Final[Mapping[str, LogLevel]] = MappingProxyType(
    {
        "emergency": LogLevel.critical,
        "alert": LogLevel.critical,
        "critical": LogLevel.critical,
        "error": LogLevel.error,
        "warning": LogLevel.warn,
        "notice": LogLevel.info,
        "info": LogLevel.info,
        "debug": LogLevel.debug,
    }
)


@implementer(ILogObserver)
class LogFile:
    """Writes events as lines into the file `path`, or to standard error if that is `None`.

    Raises:
        OSError: if the file cannot be opened.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path
        self._file = self._open()
        self._second = -1
        self._time = ""

    def __call__(self, event: LogEvent) -> None:
        """Write the line of `event`, and the traceback of its failure."""
        level = event.get("log_level", LogLevel.info)
        text = formatEvent(event)
        if (failure := event.get("log_failure")) is not None:
            text = f"{text}\n{failure.getTraceback().rstrip()}"
        # Whatever text a peer brought into this, each line but the first begins with a tab.
        text = text.replace("\n", "\n\t")
        self._file.write(f"{self._shown_time(event)} [{level.name}] {text}\n")
        self._file.flush()

    def _shown_time(self, event: LogEvent) -> str:
        """Give the event's time to the second, which is worked out once for all events of a second."""
        second = int(event.get("log_time", 0))
        if second != self._second:
            self._second, self._time = second, formatTime(second)
        return self._time

    def reopen(self) -> None:
        """Open the file anew under its name: the old one may have been moved away."""
        if self._path is not None:
            renewed = self._open()
            self._file.close()
            self._file = renewed

    def from_level(self, name: str) -> ILogObserver:
        """Give an observer that passes on what is at least as severe as the level `name`."""
        return FilteringLogObserver(self, [LogLevelFilterPredicate(LEVELS[name])])

    def _open(self) -> TextIO:
        if self._path is None:
            return sys.stderr
        return open(self._path, "a", encoding="utf-8", errors="backslashreplace")
