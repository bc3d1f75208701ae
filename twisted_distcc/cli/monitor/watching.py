"""Watch the user's compiles: what is in flight, what has ended, and what belongs to the build."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from twisted_distcc.cli.monitor.build_view import HERE, View, host_name
from twisted_distcc.cli.monitor.foreign_units import ForeignUnits
from twisted_distcc.client.hosts_grammar import find_hosts
from twisted_distcc.client.inputs.candidate import read_text
from twisted_distcc.client.journal.builds import PAUSE, builds_of
from twisted_distcc.client.journal.journal_file import JournalFile
from twisted_distcc.client.journal.journal_tail import JournalTail
from twisted_distcc.client.journal.process_age import age_of
from twisted_distcc.client.journal.state_folder import StateFolder
from twisted_distcc.client.journal.unit_record import UnitRecord

_HOUR: Final = 3600.0
_MOST: Final = 20_000


class Watcher:
    """Watches what goes on in a user's configuration directory.

    Args:
        directory: the directory.
        limits: the user's hosts by name, and how many units each takes at once.
        now: tells the time, in seconds since the epoch.

    Raises:
        OSError: if there is a journal that cannot be read, or is not the user's.
    """

    def __init__(
        self, directory: str, limits: Mapping[str, int], now: Callable[[], float] = time.time
    ) -> None:
        self._limits = limits
        self._now = now
        self._states = StateFolder(directory)
        self._foreign = ForeignUnits(now)
        self._tail = JournalTail(JournalFile(directory))
        self._builds: Sequence[Sequence[UnitRecord]] = ()
        self._add(self._tail.news())

    @property
    def hour(self) -> list[UnitRecord]:
        """The units that have ended in the last hour, in no order."""
        return self._since(_HOUR, itertools.chain.from_iterable(self._builds))

    def look(self) -> tuple[View, list[UnitRecord]]:
        """Return what there is to see now, and the units that have ended since the last look.

        Raises:
            OSError: as above.
        """
        states = self._states.read()
        ages = {state.process: age_of(state.process) for state in states}
        news = [*self._tail.news(), *self._foreign.ended(states)]
        self._add(news)
        return View.of(states, ages, self._current(), self._limits, self._now()), news

    def _add(self, news: Sequence[UnitRecord]) -> None:
        """Sort out which builds there are, with `news`, and forget those that are long over."""
        if news:
            known = [*itertools.chain.from_iterable(self._builds), *news]
            self._builds = [build for build in builds_of(known[-_MOST:]) if self._since(_HOUR, build)]

    def _current(self) -> list[UnitRecord]:
        """Return the units of the builds that are not over."""
        current = (build for build in self._builds if self._since(PAUSE, build))
        return list(itertools.chain.from_iterable(current))

    def _since(self, seconds: float, units: Iterable[UnitRecord]) -> list[UnitRecord]:
        began = self._now() - seconds
        return [unit for unit in units if unit.ended > began]


def limits_of(environ: Mapping[str, str]) -> dict[str, int]:
    """Return the hosts that `environ` lists, by name, and how many units each takes at once."""
    hosts = find_hosts(environ, read_text)
    limits: dict[str, int] = {}
    for host in hosts.hosts:
        name = host_name(str(host))
        limits[name] = limits.get(name, 0) + host.limit
    return {HERE: hosts.localslots, **limits}
