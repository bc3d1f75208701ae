"""The units of C distcc, which tells no journal of them.

They are known only by the files that it shows to monitors.  When such a file is gone, its unit has
ended: with which result is not known, and when and how long it took only as exactly as we look.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cli.monitor.build_view import has_host, host_name
from twisted_distcc.cli.monitor.watched_processes import folder_of, is_c_distcc
from twisted_distcc.client.journal.process_age import age_of
from twisted_distcc.client.journal.state_format import State
from twisted_distcc.client.journal.unit_record import COMPILER, UnitRecord

BY_DISTCC: Final = "by C distcc"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A unit of C distcc, as it was seen last."""

    state: State
    began: float
    folder: str
    build: int


class ForeignUnits:
    """The units of C distcc that have been seen in flight.

    Args:
        now: tells the time, in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._seen: dict[int, _Seen] = {}

    def ended(self, states: Iterable[State]) -> list[UnitRecord]:
        """Return those that are in flight no more, now that `states` are."""
        now, before = self._now(), self._seen
        self._seen = {seen.state.process: seen for seen in self._look(states, now)}
        gone = (seen for process, seen in before.items() if process not in self._seen)
        return [_record(seen, now) for seen in gone if has_host(seen.state)]

    def _look(self, states: Iterable[State], now: float) -> Iterator[_Seen]:
        for state in states:
            known = self._seen.get(state.process)
            if known is not None:
                yield _Seen(state, known.began, known.folder, known.build)
            elif is_c_distcc(state.process):
                began = now - age_of(state.process)
                yield _Seen(state, began, folder_of(state.process), _group(state.process))


def _group(process: int) -> int:
    try:
        return os.getpgid(process)
    except OSError:
        return 0


def _record(seen: _Seen, now: float) -> UnitRecord:
    state = seen.state
    is_here = host_name(state.host) == host_name("")
    return UnitRecord(
        began=seen.began,
        file=state.file,
        folder=seen.folder,
        build=seen.build,
        became="local" if is_here else "text",
        reason=BY_DISTCC,
        host="" if is_here else state.host,
        slot=state.slot,
        parts=((COMPILER, round(1e6 * (now - seen.began))),),
    )
