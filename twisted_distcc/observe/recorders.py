"""What happens at a server, and who keeps records of it.

What happened is an `Event`.  Whoever wants to know implements `Recorder`, and a server has a list of
them (`Recorders`): the log, the audit log, and whatever counts or measures.  Code that reports events
does not know who keeps them, or in what form.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.observe.lines import Log
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused


@dataclass(frozen=True, slots=True)
class RefusedConnection:
    """A peer that may not connect, and why."""

    peer: Peer
    refusal: Refused


Event: TypeAlias = JobRecord | RefusedConnection
"""What happened: a job is over, whatever became of it, or a connection was refused."""


class Recorder(Protocol):
    """Keeps a record of events."""

    @property
    def wants_digests(self) -> bool:
        """Whether the digests of a job's compiler, input and outputs are worth their time."""
        ...

    def record(self, event: Event) -> None:
        """Record `event`; never raises, because no job fails for want of a record."""
        ...

    def renew(self) -> None:
        """Begin anew where the administrator asks for it: a file may have been moved away."""
        ...

    def close(self) -> None:
        """Record no more."""
        ...


class Recorders:
    """All of a server's recorders, as one."""

    def __init__(self, recorders: Iterable[Recorder]) -> None:
        self._recorders = tuple(recorders)
        self.wants_digests = any(recorder.wants_digests for recorder in self._recorders)

    def record(self, event: Event) -> None:
        """Have each of them record `event`."""
        for recorder in self._recorders:
            recorder.record(event)

    def renew(self) -> None:
        """Have each of them begin anew."""
        for recorder in self._recorders:
            recorder.renew()

    def close(self) -> None:
        """Close each of them."""
        for recorder in self._recorders:
            recorder.close()


class JobLines:
    """Writes a line of the log for each job: a warning where somebody should know.

    Refused connections are not its business: whoever refuses one says so in the log.
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
