"""A server in memory whose statistics a test fills in, and the view of it."""

from __future__ import annotations

from typing import Any

from tests.server.in_memory import ConnectionTestCase
from twisted_distcc.observe.job_records import JobRecord
from twisted_distcc.observe.statistics import Statistics
from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.server.stats.server_view import ServerView

ALICE = tcp_peer("192.0.2.1", 1)


def job(peer: Peer = ALICE, verdict: Any = "done", source: str = "a.c", **known: Any) -> JobRecord:
    """Return the record of a job that is over, or under way."""
    return JobRecord(
        peer, verdict, 4, "/usr/bin/gcc", source,
        **{"status": 0, "received": 2000, "sent": 50, "waited": 0.3, "ran": 2.0, "cpu": 1.5} | known,
    )  # fmt: skip


class SeenServerTestCase(ConnectionTestCase):
    """Has the view of a server with one slot."""

    def setUp(self) -> None:
        super().setUp()
        self.statistics = Statistics(self.clock.seconds, self.clock.seconds)
        self.factory.traffic = self.statistics.traffic
        self.is_ending = False
        self.view = ServerView(
            name="build1",
            statistics=self.statistics,
            factory=self.factory,
            tls=None,
            folder=self.spool,
            now=self.clock.seconds,
            is_ending=lambda: self.is_ending,
        )
