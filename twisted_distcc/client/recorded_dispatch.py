"""Follow each compile from its beginning to its end, and record what became of it.

`Recorded` is a dispatcher around another one::

    outcome = await Recorded(dispatcher, journal).run(invocation, report)

A compile that has to be done here ends when its compiler does: its outcome's `ended` says so.
"""

from __future__ import annotations

import os.path
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from twisted.internet.defer import CancelledError

from twisted_distcc.client.invocation import Invocation, Outcome, Report, RunHere
from twisted_distcc.client.journal.unit_record import COMPILER, UnitRecord
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.cmdline.compilation import LANGUAGE_OF_SUFFIX


class Runs(Protocol):
    """Carries out invocations, as a `Dispatcher` does."""

    async def run(self, invocation: Invocation, report: Report) -> Outcome:
        """Carry out `invocation`."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Look at no file twice inside the `with` block, where invocations begin that are all there."""
        ...


class Journal(Protocol):
    """Keeps records."""

    def add(self, directory: str, unit: UnitRecord) -> None:
        """Keep `unit` in the configuration directory `directory`."""
        ...


class Monitors(Protocol):
    """Shows what is in flight."""

    def begin(self, watch: UnitWatch) -> None:
        """Show the unit of `watch`."""
        ...

    def end(self, watch: UnitWatch) -> None:
        """Show it no more; it may not have been shown."""
        ...


class _NoMonitors:
    """Shows nothing."""

    def begin(self, watch: UnitWatch) -> None:
        """Do nothing."""

    def end(self, watch: UnitWatch) -> None:
        """Do nothing."""


_NO_MONITORS: Final = _NoMonitors()


@dataclass(frozen=True, slots=True)
class Recorded:
    """Records the compiles of one process.

    Attributes:
        dispatcher: carries them out.
        journal: keeps the records.
        monitors: show the compiles while they last.
        now: tells the time of day, in seconds since the epoch.
        outlives: whether this process is there when a compiler that is left to a caller has ended.
    """

    dispatcher: Runs
    journal: Journal
    monitors: Monitors = _NO_MONITORS
    now: Callable[[], float] = time.time
    outlives: bool = True

    async def run(self, invocation: Invocation, report: Report) -> Outcome:
        """Carry out `invocation`, and record it, now or when its compiler here has ended."""
        watch = report.watch
        watch.file = _file_of(invocation.argv)
        self.monitors.begin(watch)
        try:
            outcome = await self.dispatcher.run(invocation, report)
        except BaseException as error:
            watch.became = "interrupted" if isinstance(error, CancelledError) else "failed"
            self._keep(watch, invocation)
            raise
        if isinstance(outcome, RunHere):
            return self._here(watch, invocation, outcome)
        self._keep(watch, invocation)
        return outcome

    def snapshot(self) -> AbstractContextManager[None]:
        """Look at no file twice inside the `with` block, where invocations begin that are all there."""
        return self.dispatcher.snapshot()

    def _here(self, watch: UnitWatch, invocation: Invocation, outcome: RunHere) -> RunHere:
        watch.became, watch.reason, watch.status = "local", outcome.reason, None
        watch.at("", -1 if outcome.slot is None else outcome.slot.index)
        if not self.outlives:
            self._keep(watch, invocation)
            return outcome
        watch.enter(COMPILER)

        def ended() -> None:
            self._keep(watch, invocation)
            if outcome.ended is not None:
                outcome.ended()

        return replace(outcome, ended=ended)

    def _keep(self, watch: UnitWatch, invocation: Invocation) -> None:
        self.monitors.end(watch)
        if watch.directory is not None:
            self.journal.add(watch.directory, watch.record(self.now, invocation.directory))


def _file_of(argv: tuple[str, ...]) -> str:
    """Return what a command is about, as far as one sees without understanding it."""
    names = [word for word in argv[1:] if not word.startswith("-")]
    return next(filter(_is_source, names), names[-1] if names else argv[0])


def _is_source(name: str) -> bool:
    return os.path.splitext(name)[1] in LANGUAGE_OF_SUFFIX
