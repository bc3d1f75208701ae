"""Observers that write Twisted's log to a file, to standard error, or to the system's log.

They write events from a level up, as lines; the file is reopened when log rotation asks for it.
"""

from __future__ import annotations

import syslog
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)
from zope.interface import implementer

from twisted_distcc.observe.lines import LEVELS, LineFile, tamed

_PRIORITIES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "debug": syslog.LOG_DEBUG,
        "info": syslog.LOG_INFO,
        "warn": syslog.LOG_WARNING,
        "error": syslog.LOG_ERR,
        "critical": syslog.LOG_CRIT,
    }
)


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
        self._lines.write(event.get("log_time", 0), _level(event), text_of(event))

    def reopen(self) -> None:
        """Open the file anew under its name: the old one may have been moved away."""
        self._lines.reopen()

    def from_level(self, name: str) -> ILogObserver:
        """Return an observer that passes on what is at least as severe as the level `name`."""
        return _from_level(self, name)


@implementer(ILogObserver)
class SystemLog:
    """Writes events to syslog, as a daemon called `name`; `write` takes a priority and a line.

    If there is no syslog, the lines are lost.
    """

    def __init__(self, name: str, write: Callable[[int, str], object] = syslog.syslog) -> None:
        self._write = write
        syslog.openlog(name, syslog.LOG_PID, syslog.LOG_DAEMON)

    def __call__(self, event: LogEvent) -> None:
        """Write the lines of `event`, and the traceback of its failure."""
        for line in tamed(text_of(event)).splitlines():
            self._write(_PRIORITIES[_level(event)], line)

    def reopen(self) -> None:
        """Do nothing: the system rotates its own log."""

    def from_level(self, name: str) -> ILogObserver:
        """Return an observer that passes on what is at least as severe as the level `name`."""
        return _from_level(self, name)


def _level(event: LogEvent) -> str:
    name: str = event.get("log_level", LogLevel.info).name
    return name


def text_of(event: LogEvent) -> str:
    text = formatEvent(event)
    if (failure := event.get("log_failure")) is not None:
        return f"{text}\n{failure.getTraceback().rstrip()}"
    return text


def _from_level(observer: ILogObserver, name: str) -> ILogObserver:
    level = LogLevel.levelWithName(LEVELS[name])
    return FilteringLogObserver(observer, [LogLevelFilterPredicate(level)])
