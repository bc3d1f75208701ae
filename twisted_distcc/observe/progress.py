"""Which jobs a server has now, and how far each has come.

Whoever serves a job tells how it goes on::

    progress = recorders.begin(record)
    progress.reach("compiling", record)
    progress.end()

Where nobody wants to know, all of that does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal, Protocol, TypeAlias

from twisted_distcc.observe.job_records import JobRecord

Stage: TypeAlias = Literal["judging", "waiting", "preparing", "compiling"]
"""What is done with a job: it is judged, waits for a seat, is laid out and put into a sandbox, or its
compiler runs."""


class Progress(Protocol):
    """Is told how one job goes on."""

    def reach(self, stage: Stage, record: JobRecord) -> None:
        """Note that a job is at `stage`; `record` is what is known of it by now."""
        ...

    def end(self) -> None:
        """Note that the job is over."""
        ...


class _Unwatched:
    """Is told of jobs that nobody wants to know of."""

    def reach(self, stage: Stage, record: JobRecord) -> None:
        pass

    def end(self) -> None:
        pass


UNWATCHED: Final[Progress] = _Unwatched()
"""For jobs that nobody wants to know of."""


class JobInFlight:
    """One job that is not over.

    Attributes:
        record: what is known of it by now.
        stage: what is done with it.
        arrived: when it came, by the clock of the jobs in flight.
    """

    __slots__ = ("_jobs", "arrived", "record", "stage")

    def __init__(self, jobs: dict[JobInFlight, None], record: JobRecord, arrived: float) -> None:
        self._jobs = jobs
        self.record = record
        self.stage: Stage = "judging"
        self.arrived = arrived

    def reach(self, stage: Stage, record: JobRecord) -> None:
        """Note that it is at `stage`."""
        self.stage = stage
        self.record = record

    def end(self) -> None:
        """Forget it."""
        self._jobs.pop(self, None)


class JobsInFlight:
    """The jobs that a server has now, in the order in which they came.

    Args:
        seconds: a clock.
    """

    def __init__(self, seconds: Callable[[], float]) -> None:
        self.seconds = seconds
        self._jobs: dict[JobInFlight, None] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._jobs)

    def __iter__(self) -> Iterator[JobInFlight]:
        """Return them."""
        return iter(self._jobs)

    def begin(self, record: JobRecord) -> JobInFlight:
        """Have one more."""
        job = JobInFlight(self._jobs, record, self.seconds())
        self._jobs[job] = None
        return job
