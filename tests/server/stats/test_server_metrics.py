"""Metrics of a server: what is counted is there, by names and labels that Prometheus takes."""

from __future__ import annotations

import os
import re
from pathlib import Path

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.server.stats.seen_server import SeenServerTestCase, job
from twisted_distcc.observe.recorders import RefusedConnection
from twisted_distcc.observe.statistics import OTHERS
from twisted_distcc.policy.peer import Peer, tcp_peer
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.server.stats.server_metrics import server_registry

ROOT = Path(__file__).parents[3]


class MetricsTests(SeenServerTestCase):
    def samples(self) -> dict[tuple[str, ...], float]:
        """Return the values by name and labels, as a parser of Prometheus' form reads them."""
        text = generate_latest(server_registry(self.view)).decode()
        return {
            (sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def test_jobs(self) -> None:
        """Jobs are counted by result and reason; times are histograms; bytes add up."""
        self.statistics.record(job())
        self.statistics.record(job(verdict="refused", cause="policy", reason="no"))
        found = self.samples()
        self.assertEqual(found["distccd_jobs_total", "", "ok"], 1)
        self.assertEqual(found["distccd_jobs_total", "policy", "refused"], 1)
        self.assertEqual(found["distccd_job_queue_seconds_sum",], 0.3)
        self.assertEqual(found["distccd_job_queue_seconds_bucket", "0.2"], 0)
        self.assertEqual(found["distccd_job_queue_seconds_bucket", "0.5"], 1)
        self.assertEqual(found["distccd_job_compile_seconds_count",], 1)
        self.assertEqual(found["distccd_job_input_bytes_total",], 4000)
        self.assertEqual(found["distccd_not_sent_bytes_total",], 4000)
        self.assertEqual(found["distccd_identity_jobs_total", "tcp:192.0.2.1", "done"], 1)
        self.assertEqual(found["distccd_identity_jobs_total", "tcp:192.0.2.1", "failed"], 1)

    def test_what_is_not_sent(self) -> None:
        """It never falls, as a counter, though an upload comes before the job that it is for."""
        registry = server_registry(self.view)
        for inputs, received, spared in ((2000, 500, 1500), (0, 5000, 1500), (9000, 0, 5500)):
            self.statistics.inputs += inputs
            self.statistics.traffic.received += received
            self.assertEqual(registry.get_sample_value("distccd_not_sent_bytes_total"), spared)

    def test_server(self) -> None:
        """Slots, limits, connections, load, memory and the process itself are there."""
        self.connect()
        self.statistics.traffic.refuse("address")
        found = self.samples()
        self.assertEqual(found["distccd_slots",], 1)
        self.assertEqual(found["distccd_connections_open",], 1)
        self.assertEqual(found["distccd_held_connections",], 1)
        self.assertEqual(found["distccd_connections_refused_total", "address"], 1)
        for name in (
            ("distccd_machine_load", "1"), ("distccd_machine_memory_available_bytes",),
            ("distccd_limit_stored_bytes",), ("process_resident_memory_bytes",),
            ("distccd_kept_blobs_bytes", "disk"), ("distccd_kept_blobs_bytes", "toolchains"),
            ("distccd_limits_met_total", "connections"),
        ):  # fmt: skip
            self.assertIn(name, found)

    def test_the_page(self) -> None:
        """The documentation names no metric that is not there, with its labels."""
        text = (ROOT / "doc/observing.md").read_text(encoding="utf-8")
        self.statistics.record(job())
        self.statistics.record(job(verdict="failed", limits=("job-lifetime",)))
        self.statistics.traffic.refuse("address")
        families = tuple(server_registry(self.view).collect())
        labels = {
            sample.name.removeprefix("distccd_"): ",".join(sample.labels)
            for family in families
            for sample in family.samples
        }
        names = {family.name.removeprefix("distccd_") for family in families} | {*labels}
        section = text.partition("## Metrics")[2].partition("\n## ")[0]
        rows = re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
        named = [found for row in rows for found in re.findall(r"`(\w+)(?:{([\w,]+)})?`", row)]
        self.assertGreater(len(named), 30)
        for name, its in named:
            self.assertTrue(name in names or name.startswith("tls_"), name)
            if its and name in labels:
                self.assertEqual(labels[name], its, name)

    def test_identities_of_clients(self) -> None:
        """However many and however odd they are, their labels are few, short and valid."""
        odd = os.fsdecode(b"\xff") + '"\\\n# HELP x\n' + "x" * 1000
        for number in range(300):
            self.statistics.record(job(Peer(f"{number}{odd}")))
        names = {labels[0] for name, *labels in self.samples() if name.startswith("distccd_identity")}
        self.assertEqual(len(names), 101)
        self.assertIn(OTHERS, names)
        self.assertLess(max(map(len, names)), 200)

    def test_words_of_clients(self) -> None:
        """Nothing that a job says becomes a label: neither its source nor its compiler or reason."""
        self.statistics.record(job(source="secret.c", verdict="failed", reason="secret reason"))
        refusal = RefusedConnection(tcp_peer("192.0.2.9", 1), Refused(("secret reason",)))
        self.statistics.record(refusal)
        self.assertNotIn(b"secret", generate_latest(server_registry(self.view)))
