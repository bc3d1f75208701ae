"""What the live page of a server shows: each job in its place, and the last hour in order."""

from __future__ import annotations

import json

from tests.server.stats.seen_server import SeenServerTestCase, job
from twisted_distcc.observe.last_hour import STEP
from twisted_distcc.observe.progress import Stage
from twisted_distcc.observe.recorders import RefusedConnection
from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.stats.server_snapshot import server_snapshot
from twisted_distcc.web.snapshot import Count, Snapshot, as_json


def count_of(snapshot: Snapshot, label: str) -> Count:
    """Return the count of this label."""
    [found] = [count for count in snapshot.counts if count.label == label]
    return found


class SnapshotTests(SeenServerTestCase):
    def begin(self, stage: Stage, source: str) -> None:
        record = job(source=source)
        self.statistics.in_flight.begin(record).reach(stage, record)

    def test_jobs_in_flight(self) -> None:
        """Those that have a slot are in it, with their age; the others wait."""
        self.begin("compiling", "a.c")
        self.begin("waiting", "b.c")
        self.clock.advance(1.5)
        found = server_snapshot(self.view)
        [lane] = found.lanes
        self.assertEqual(lane.slots, 1)
        [(running,), (waiting,)] = [lane.jobs, found.waiting]
        self.assertEqual(
            (running.file, running.who, running.stage, running.age),
            ("a.c", "tcp:192.0.2.1", "compiling", 1.5),
        )
        self.assertEqual((waiting.file, waiting.stage, found.queue), ("b.c", "waiting", 1))

    def test_counts(self) -> None:
        """What was compiled is told from what was not served, which is bad news."""
        self.statistics.record(job())
        self.statistics.record(job(status=1))
        self.statistics.record(job(verdict="cancelled"))
        quiet = server_snapshot(self.view)
        self.assertEqual(count_of(quiet, "Compiled").value, 2)
        self.assertEqual(count_of(quiet, "Not served"), Count("Not served", 0, note="refused or failed"))
        self.statistics.record(job(verdict="refused", reason="no"))
        self.assertEqual(count_of(server_snapshot(self.view), "Not served").tone, "bad")

    def test_last_hour(self) -> None:
        """Curves have an hour's points whatever the age of the server; the latest is the last."""
        self.statistics.record(job())
        for _ in range(STEP):
            self.view.look()
        [finished, *_] = server_snapshot(self.view).curves
        self.assertEqual(len(finished.points), 240)
        self.assertEqual((finished.points[-2:], finished.step), ((None, 4.0), STEP))

    def test_tables(self) -> None:
        """Refusals have their reasons, the latest first; slow units come the slowest first."""
        self.statistics.record(job(source="slow.c", ran=9.0))
        self.statistics.record(job(source="bad.c", verdict="refused", reason="-x is not allowed"))
        refusal = RefusedConnection(tcp_peer("192.0.2.9", 1), Refused(("not yours",)))
        self.statistics.record(refusal)
        self.statistics.record(job(source="fast.c", ran=0.1))
        tables = {table.title: table for table in server_snapshot(self.view).tables}
        slow = tables["Slowest units of the last hour"].rows
        self.assertEqual([row[0] for row in slow], ["slow.c", "fast.c"])
        remarks = tables["Refusals and failures"].rows
        self.assertEqual(
            [row[1:] for row in remarks],
            [
                ("refused: not yours", "connection", "tcp:192.0.2.9"),
                ("refused: -x is not allowed", "bad.c", "tcp:192.0.2.1"),
            ],
        )

    def test_an_ending_server(self) -> None:
        """It says that it ends."""
        self.assertEqual(server_snapshot(self.view).state, "")
        self.is_ending = True
        self.assertIn("ending", server_snapshot(self.view).state)

    def test_thousands(self) -> None:
        """Many jobs, clients and odd names make a page of bounded size, of ASCII."""
        for number in range(2000):
            self.begin("compiling" if number % 2 else "waiting", f"{number}\udcff<b>" + "x" * 4000)
            self.statistics.record(job(Peer(f"tls:{number}"), source="\n" * 4000))
        line = as_json(server_snapshot(self.view))
        self.assertLess(len(line), 1_000_000)
        self.assertEqual(json.loads(line)["queue"], 1000)
