"""Events at a server, and the recorders that keep records of them.

A server reports each `Event` to a list of recorders (`Recorders`): the log, the audit log, and anything
else that implements `Recorder` to count or measure.  Code that reports events does not know who records
them, or in what form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.observe.lines import Log
from twisted_distcc.observe.progress import UNWATCHED, JobsInFlight, Progress
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused


@dataclass(frozen=True, slots=True)
class RefusedConnection:
    """A peer that may not connect, and why."""

    peer: Peer
    refusal: Refused


Event: TypeAlias = JobRecord | RefusedConnection
"""A finished job, whatever its outcome, or a refused connection."""


class Recorder(Protocol):
    """Keeps a record of events."""

    @property
    def wants_digests(self) -> bool:
        """Whether to spend time on the digests of a job's compiler, input and outputs."""
        ...

    def record(self, event: Event) -> None:
        """Record `event`; this must never raise, because no job fails for lack of a record."""
        ...

    def renew(self) -> None:
        """Reopen files, as the administrator asked for: one may have been moved away."""
        ...

    def close(self) -> None:
        """Stop recording."""
        ...


class Recorders:
    """All recorders of a server, combined into one.

    Args:
        recorders: the recorders.
        in_flight: has the jobs that are not over, if anybody wants to know.
    """

    def __init__(self, recorders: Iterable[Recorder], in_flight: JobsInFlight | None = None) -> None:
        self._recorders = tuple(recorders)
        self._in_flight = in_flight
        self.wants_digests = any(recorder.wants_digests for recorder in self._recorders)

    def begin(self, record: JobRecord) -> Progress:
        """Return what is told how a job goes on, of which `record` is what is known so far."""
        return UNWATCHED if self._in_flight is None else self._in_flight.begin(record)

    def record(self, event: Event) -> None:
        """Record `event` with each of them."""
        for recorder in self._recorders:
            recorder.record(event)

    def renew(self) -> None:
        """Renew each of them."""
        for recorder in self._recorders:
            recorder.renew()

    def close(self) -> None:
        """Close each of them."""
        for recorder in self._recorders:
            recorder.close()


class JobLines:
    """Logs a line for each job, as a warning if somebody should take notice.

    Refused connections are ignored: whoever refuses one logs that.
    """

    wants_digests: ClassVar[bool] = False

    def __init__(self, log: Log) -> None:
        self._log = log

    def record(self, event: Event) -> None:
        """Write the line of a job."""
        if isinstance(event, JobRecord):
            tell = self._log.info if event.verdict in ("done", "cancelled") else self._log.warn
            tell("{line}", line=event.line())

    def renew(self) -> None:
        """Do nothing: the log is renewed by whoever opened it."""

    def close(self) -> None:
        """Do nothing: the log goes on."""
