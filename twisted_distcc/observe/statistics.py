"""Statistics of a server: a recorder that counts.

A job costs a few additions to plain numbers.  Whoever shows them, as text, as metrics or as a page,
reads them when it is asked.  All that grows with what clients choose is bounded: identities beyond the
first hundred are counted together, and of refusals and slow units only some are kept.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from twisted_distcc.observe.histogram import Histogram
from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.observe.last_hour import LastHour, Totals
from twisted_distcc.observe.progress import JobsInFlight
from twisted_distcc.observe.recorders import Event, RefusedConnection
from twisted_distcc.observe.traffic import Traffic

OTHERS: Final = "others"
"""Stands for all identities beyond those that are counted one by one."""
_MOST_IDENTITIES: Final = 100
_MOST_REMARKS: Final = 50
_MOST_SLOW: Final = 20
_HOUR: Final = 3600.0


@dataclass(slots=True)
class Usage:
    """What one identity has had.

    Attributes:
        jobs: how many jobs the compiler ran for.
        failed: how many were refused, or failed.
        cpu: seconds of processor time.
        received, sent: bytes of sources and of objects, expanded.
    """

    jobs: int = 0
    failed: int = 0
    cpu: float = 0.0
    received: int = 0
    sent: int = 0


@dataclass(frozen=True, slots=True)
class Remark:
    """A job or a connection that was not served: when, whose, what, and why."""

    moment: float
    who: str
    what: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True, order=True)
class Slow:
    """A compile that took long: its seconds, and which it was."""

    seconds: float
    moment: float
    source: str
    compiler: str
    who: str


class Statistics:
    """Counts jobs and connections.

    Attributes:
        since: when counting began, in seconds since the epoch.
        jobs: how many jobs came to each result, for each cause; both are words of ours.
        versions: how many jobs came by each version of the protocol.
        limits: how many jobs met each limit.
        waited, prepared, ran: seconds that jobs waited for a seat, were laid out, and compiled.
        cpu: seconds of processor time of all compilers.
        inputs, outputs: bytes of sources and of objects, expanded.
        identities: what each identity has had.
        remarks: the latest refusals and failures.
        longest: the slowest compile of all.
        in_flight: the jobs that are not over.
        traffic: what passes over connections.
        hour: the last hour.

    Args:
        now: returns the time, in seconds since the epoch.
        seconds: a clock for the ages of jobs.
    """

    wants_digests: ClassVar[bool] = False

    def __init__(self, now: Callable[[], float], seconds: Callable[[], float]) -> None:
        self._now = now
        self.since = now()
        self.jobs: dict[tuple[str, str], int] = {}
        self.versions: dict[int, int] = {}
        self.limits: dict[str, int] = {}
        self.waited = Histogram()
        self.prepared = Histogram()
        self.ran = Histogram()
        self.cpu = 0.0
        self.inputs = 0
        self.outputs = 0
        self.identities: dict[str, Usage] = {}
        self.remarks: deque[Remark] = deque(maxlen=_MOST_REMARKS)
        self.longest: Slow | None = None
        self.in_flight = JobsInFlight(seconds)
        self.traffic = Traffic()
        self.hour = LastHour()
        self._finished = 0
        self._failed = 0
        self._slow: list[Slow] = []

    def record(self, event: Event) -> None:
        """Count `event`."""
        if isinstance(event, RefusedConnection):
            self._remark(event.peer.identity, "connection", "refused", str(event.refusal))
        else:
            self._job(event)

    def renew(self) -> None:
        """Do nothing: there is no file."""

    def close(self) -> None:
        """Do nothing."""

    def look(self, running: int, waiting: int) -> None:
        """Take what is so now for the last hour; to be called once a second."""
        totals = Totals(self._finished, self._failed, self.traffic.received, self.traffic.sent)
        self.hour.look(running, waiting, totals)
        earliest = self._now() - _HOUR
        self._slow = [one for one in self._slow if one.moment >= earliest]

    @property
    def slowest(self) -> Iterator[Slow]:
        """The slowest compiles of the last hour, the slowest of all first."""
        return reversed(self._slow)

    @property
    def finished_lately(self) -> int:
        """How many compiles came to their end since the latest point of the last hour."""
        return self._finished - self.hour.counted.finished

    def count(self, *results: str) -> int:
        """Return how many jobs came to any of `results`."""
        return sum(number for (result, _), number in self.jobs.items() if result in results)

    def _job(self, job: JobRecord) -> None:
        key = job.result, job.cause
        self.jobs[key] = self.jobs.get(key, 0) + 1
        self.versions[job.version] = self.versions.get(job.version, 0) + 1
        self.inputs += job.received or 0
        usage = self._usage(job.peer.identity)
        usage.received += job.received or 0
        if job.verdict == "done":
            self._done(job, usage)
        elif job.verdict != "cancelled":
            self._failed += 1
            usage.failed += 1
            self._limits(job.limits)
            self._remark(job.peer.identity, job.source or job.compiler, job.verdict, job.reason or "")

    def _done(self, job: JobRecord, usage: Usage) -> None:
        ran, cpu, sent = job.ran or 0.0, job.cpu or 0.0, job.sent or 0
        prepared = job.prepared or 0.0
        self._finished += 1
        usage.jobs += 1
        usage.cpu += cpu
        usage.sent += sent
        self.outputs += sent
        self.cpu += cpu
        self.waited.add(job.waited or 0.0)
        self.prepared.add(prepared)
        self.ran.add(ran - prepared)
        if len(self._slow) < _MOST_SLOW or ran > self._slow[0].seconds:
            self._keep_slow(ran, job)

    def _keep_slow(self, ran: float, job: JobRecord) -> None:
        one = Slow(ran, self._now(), job.source or "", job.compiler, job.peer.identity)
        insort(self._slow, one)
        del self._slow[:-_MOST_SLOW]
        if self.longest is None or ran > self.longest.seconds:
            self.longest = one

    def _limits(self, limits: tuple[str, ...]) -> None:
        for limit in limits:
            self.limits[limit] = self.limits.get(limit, 0) + 1

    def _usage(self, identity: str) -> Usage:
        usage = self.identities.get(identity)
        if usage is None:
            if len(self.identities) >= _MOST_IDENTITIES:
                identity = OTHERS
            usage = self.identities.setdefault(identity, Usage())
        return usage

    def _remark(self, who: str, what: str, verdict: str, reason: str) -> None:
        self.remarks.append(Remark(self._now(), who, what, verdict, reason))
