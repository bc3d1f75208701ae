"""Where Twisted's log goes.

In: events of Twisted's logger.  Out: lines in a file, or on standard error, from a level up; the file is
opened anew when log rotation asks for it.
"""

from __future__ import annotations

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from zope.interface import implementer

from twisted_distcc.observe.lines import LEVELS, LineFile


@implementer(ILogObserver)
class LogFile:
    """Writes events as lines into the file `path`, or to standard error if that is `None`.

    Raises:
        OSError: if the file cannot be opened.
    """

    def __init__(self, path: str | None) -> None:
        self._lines = LineFile(path)

    def __call__(self, event: LogEvent) -> None:
        """Write the line of `event`, and the traceback of its failure."""
        level = event.get("log_level", LogLevel.info)
        text = formatEvent(event)
        if (failure := event.get("log_failure")) is not None:
            text = f"{text}\n{failure.getTraceback().rstrip()}"
        self._lines.write(event.get("log_time", 0), level.name, text)

    def reopen(self) -> None:
        """Open the file anew under its name: the old one may have been moved away."""
        self._lines.reopen()

    def from_level(self, name: str) -> ILogObserver:
        """Give an observer that passes on what is at least as severe as the level `name`."""
        level = LogLevel.levelWithName(LEVELS[name])
        return FilteringLogObserver(self, [LogLevelFilterPredicate(level)])
