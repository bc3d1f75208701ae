"""Everything about a running server that its statistics are made of.

A `ServerView` has the parts of a server that count or hold something, and answers what more than one of
the pages asks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted_distcc.observe.last_hour import STEP
from twisted_distcc.observe.statistics import Statistics
from twisted_distcc.server.connection.server_protocol import DistccServerFactory
from twisted_distcc.server.scheduling.admission import Admission

if TYPE_CHECKING:
    from twisted_distcc.tls.serving import MutualTlsFactory


@dataclass(frozen=True, slots=True)
class ServerView:
    """A server, for those who show it.

    Attributes:
        name: the machine's name.
        statistics: what has been counted.
        factory: serves connections.
        tls: serves those of clients with certificates, if there are such.
        folder: where temporary files are.
        now: returns the time, in seconds since the epoch.
        is_ending: tells whether the server ends.
    """

    name: str
    statistics: Statistics
    factory: DistccServerFactory
    tls: MutualTlsFactory | None
    folder: str
    now: Callable[[], float]
    is_ending: Callable[[], bool]

    @property
    def admission(self) -> Admission:
        """Decides which jobs run, and which wait."""
        return self.factory.admission

    def look(self) -> None:
        """Take what is so now for the last hour."""
        self.statistics.look(self.admission.running, self.admission.waiting)

    def finished(self, seconds: int) -> int:
        """Return how many compiles came to their end in the last `seconds`."""
        before = sum(point.finished for point in self.statistics.hour.latest(seconds))
        return before + self.statistics.finished_lately

    def running(self, seconds: int) -> float:
        """Return how many compilers ran on average in the last `seconds`."""
        points = self.statistics.hour.latest(seconds)
        return sum(point.running for point in points) * STEP / seconds
