"""Shows the units in flight to distcc's monitors, as C distcc does.

C distcc writes a file whenever a job goes on, some four times in each.  A unit that is compiled in less
than a few tenths of a second cannot be seen on a monitor anyway.  So here the units in flight are looked
at some times a second, and only what has lasted is written, in a thread: what is quick costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from twisted_distcc.client.journal.state_folder import StateFolder
from twisted_distcc.client.journal.state_format import PHASE_OF, State
from twisted_distcc.client.journal.unit_record import COMPILER
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.runtime.threads import Threads

_PAUSE: Final = 0.2


@dataclass(slots=True)
class _Shown:
    """What is shown of a unit."""

    directory: str
    state: State


class StateWriter:
    """Shows the units of one process.

    Args:
        clock: tells when to look.
        threads: write.
    """

    def __init__(self, clock: IReactorTime, threads: Threads) -> None:
        self._clock = clock
        self._threads = threads
        self._watches: dict[UnitWatch, _Shown | None] = {}
        self._over: list[_Shown] = []
        self._swept: set[str] = set()
        self._later: IDelayedCall | None = None
        self._is_writing = False

    def begin(self, watch: UnitWatch) -> None:
        """Show the unit of `watch` if it lasts."""
        self._watches[watch] = None
        self._look_later()

    def end(self, watch: UnitWatch) -> None:
        """Show it no more."""
        shown = self._watches.pop(watch, None)
        if shown is not None:
            self._over.append(shown)

    def close(self) -> None:
        """Show nothing any more, as this process ends."""
        if self._later is not None and self._later.active():
            self._later.cancel()
        for watch in tuple(self._watches):
            self.end(watch)
        _write((), self._taken_away())

    def _look_later(self) -> None:
        if self._later is None and not self._is_writing and (self._watches or self._over):
            self._later = self._clock.callLater(_PAUSE, self._look)

    def _look(self) -> None:
        self._later = None
        changed, over, new = self._changed(), self._taken_away(), self._new_folders()
        if not (changed or over):
            self._look_later()
            return
        self._is_writing = True
        written = self._threads(lambda: _write(changed, over, new))
        written.addErrback(self._failed).addCallback(self._written)

    def _written(self, _: object) -> None:
        self._is_writing = False
        self._look_later()

    def _failed(self, failure: Failure) -> None:
        failure.trap(OSError)  # nobody sees it then, and nothing else depends on it

    def _taken_away(self) -> tuple[_Shown, ...]:
        over, self._over = tuple(self._over), []
        return over

    def _changed(self) -> tuple[_Shown, ...]:
        """Return what is to be shown of units that have lasted, and have gone on."""
        return tuple(filter(None, (self._news(*known) for known in self._watches.items())))

    def _news(self, watch: UnitWatch, known: _Shown | None) -> _Shown | None:
        if watch.directory is None or not watch.process or watch.age < _PAUSE:
            return None
        state = state_of(watch)
        if known is not None and known.state == state:
            return None
        shown = self._watches[watch] = _Shown(watch.directory, state)
        return shown

    def _new_folders(self) -> tuple[str, ...]:
        shown = {one.directory for one in self._watches.values() if one is not None}
        new = tuple(shown - self._swept)
        self._swept.update(new)
        return new


def state_of(watch: UnitWatch) -> State:
    """Return the state of a unit in flight."""
    host = watch.host.partition("/")[0] or ("localhost" if watch.part == COMPILER else "")
    return State(watch.process, watch.file, host, max(watch.slot, 0), PHASE_OF[watch.part])


def _write(changed: tuple[_Shown, ...], over: tuple[_Shown, ...], new: tuple[str, ...] = ()) -> None:
    for directory in new:
        StateFolder(directory).sweep()
    for gone in over:
        StateFolder(gone.directory).remove(gone.state.process)
    for shown in changed:
        StateFolder(shown.directory).write(shown.state)
