"""Metrics of a server, in Prometheus' form: made of plain counters when somebody asks, and not before.

Every label has values of ours, save `identity`, which has a bounded number of values.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Final, TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from twisted.web.server import Request

from twisted_distcc import __version__
from twisted_distcc.observe.histogram import Histogram
from twisted_distcc.observe.statistics import Usage
from twisted_distcc.server.stats import machine_facts
from twisted_distcc.server.stats.server_view import ServerView
from twisted_distcc.web.answers import Answer

Family: TypeAlias = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
_LONGEST: Final = 120


def metrics_answer(registry: CollectorRegistry, request: Request) -> Answer:
    """Return all metrics, in the form that the request accepts."""
    accepted = request.requestHeaders.getRawHeaders("Accept", [""])[0]
    encode, kind = choose_encoder(accepted)
    return Answer(encode(registry), kind)


def server_registry(view: ServerView) -> CollectorRegistry:
    """Return the metrics of the server that `view` shows, and those of its process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServerCollector(view))
    ProcessCollector(registry=registry)
    return registry


class ServerCollector(Collector):
    """Reads a server's counters."""

    def __init__(self, view: ServerView) -> None:
        self._view = view
        self._spared = 0  # a counter never falls, and an upload may come before its job

    def collect(self) -> Iterator[Family]:
        """Yield all metrics."""
        yield from self._server()
        yield from self._jobs()
        yield from self._times()
        yield from self._bytes()
        yield from self._connections()
        yield from self._tls()
        yield from self._holdings()
        yield from self._identities()
        yield from _machine(self._view.folder)

    def _server(self) -> Iterator[Family]:
        view, admission = self._view, self._view.admission
        info = GaugeMetricFamily("distccd_info", "Versions.", labels=("version", "python"))
        info.add_metric((__version__, platform.python_version()), 1)
        yield info
        yield _gauge("distccd_start_time_seconds", "When counting began.", view.statistics.since)
        yield _gauge("distccd_slots", "How many compilers may run at once.", admission.jobs)
        yield _gauge("distccd_jobs_running", "Jobs that have a slot.", admission.running)
        yield _gauge("distccd_jobs_waiting", "Jobs that wait for a slot.", admission.waiting)
        yield _gauge(
            "distccd_queue_slots", "Jobs that may wait before clients are held back.", admission.queue
        )

    def _jobs(self) -> Iterator[Family]:
        found = self._view.statistics
        jobs = CounterMetricFamily(
            "distccd_jobs", "Jobs that are over, by result and reason.", labels=("result", "reason")
        )
        for (result, reason), number in tuple(found.jobs.items()):
            jobs.add_metric((result, reason), number)
        yield jobs
        by_version = "Jobs that are over, by version of the protocol."
        versions = {str(version): number for version, number in found.versions.items()}
        yield _counters("distccd_jobs_by_protocol", by_version, "protocol", versions)
        limits = "Jobs that met a limit, by the option that sets it."
        yield _counters("distccd_job_limits_met", limits, "limit", found.limits)
        yield _counter("distccd_compiler_cpu_seconds", "Processor time of compilers.", found.cpu)

    def _times(self) -> Iterator[Family]:
        found, traffic = self._view.statistics, self._view.statistics.traffic
        yield _histogram("distccd_job_queue_seconds", "How long jobs waited for a slot.", found.waited)
        yield _histogram(
            "distccd_job_sandbox_seconds",
            "How long it took to lay out jobs and make their sandboxes ready.",
            found.prepared,
        )
        yield _histogram(
            "distccd_job_compile_seconds", "How long compilers ran, in their sandboxes.", found.ran
        )
        yield _histogram(
            "distccd_request_receive_seconds",
            "How long requests took to arrive, with all files.",
            traffic.receiving,
        )
        yield _histogram(
            "distccd_reply_send_seconds",
            "How long replies took to be sent.",
            traffic.sending,
        )

    def _bytes(self) -> Iterator[Family]:
        found, traffic = self._view.statistics, self._view.statistics.traffic
        yield _counter("distccd_received_bytes", "What clients sent, within TLS.", traffic.received)
        yield _counter("distccd_sent_bytes", "What clients were sent, within TLS.", traffic.sent)
        yield _counter(
            "distccd_job_input_bytes",
            "Sources and headers of jobs, expanded, whether they were sent or known already.",
            found.inputs,
        )
        self._spared = max(self._spared, found.inputs - traffic.received)
        yield _counter(
            "distccd_not_sent_bytes",
            "Of these, what was not sent: it was compressed, or known already.",
            self._spared,
        )
        yield _counter("distccd_job_output_bytes", "Objects of jobs, expanded.", found.outputs)
        kept = GaugeMetricFamily(
            "distccd_kept_blobs_bytes", "Files that sessions need not send again.", labels=("where",)
        )
        places = "memory", "disk", "toolchains"
        for where, size in zip(places, self._view.factory.sessions.kept, strict=True):
            kept.add_metric((where,), size)
        yield kept

    def _connections(self) -> Iterator[Family]:
        traffic, factory = self._view.statistics.traffic, self._view.factory
        yield _counter("distccd_connections", "Connections of clients.", traffic.connections)
        yield _gauge("distccd_connections_open", "Those that are open.", factory.connections)
        yield _counter("distccd_sessions", "Sessions, of many jobs each.", traffic.sessions)
        yield _gauge("distccd_sessions_open", "Those that are open.", traffic.sessions_open)
        refused = "Connections that were refused, by reason."
        yield _counters("distccd_connections_refused", refused, "reason", traffic.refused)
        yield _counter("distccd_protocol_errors", "Clients that broke the protocol.", traffic.broken)
        yield _counter("distccd_timeouts", "Clients that took too long.", traffic.late)

    def _tls(self) -> Iterator[Family]:
        if (tls := self._view.tls) is None:
            return
        handshakes = {"completed": tls.handshakes.completed, "failed": tls.handshakes.failed}
        yield _counters("distccd_tls_handshakes", "TLS handshakes, by result.", "result", handshakes)
        yield _gauge("distccd_tls_handshakes_open", "Those under way.", tls.strangers.total)
        yield _gauge(
            "distccd_tls_certificate_expiry_timestamp_seconds",
            "When the server's certificate expires.",
            tls.expiry.timestamp(),
        )

    def _holdings(self) -> Iterator[Family]:
        """What is held for clients; one resource has one unit, so each has metrics of its own."""
        held = self._view.admission.holdings
        names = {
            "connections": held.connections,
            "command_bytes": held.words,
            "stored_bytes": held.stored,
            "turned_away": held.turned_away,
        }
        for name, tally in names.items():
            yield _gauge(f"distccd_held_{name}", f"Held for clients: {name}.", tally.total)
            yield _gauge(f"distccd_limit_{name}", f"The most of them: {name}.", tally.ceiling)
        refused = {name.removesuffix("_bytes"): tally.refused for name, tally in names.items()}
        met = "How often clients wanted more of something than there was."
        yield _counters("distccd_limits_met", met, "limit", refused)

    def _identities(self) -> Iterator[Family]:
        identities = tuple(self._view.statistics.identities.items())
        jobs = _per_identity("distccd_identity_jobs", "Jobs, by identity and result.", "result")
        cpu = _per_identity("distccd_identity_compiler_cpu_seconds", "Processor time, by identity.")
        inputs = _per_identity("distccd_identity_input_bytes", "Inputs of jobs, by identity.")
        outputs = _per_identity("distccd_identity_output_bytes", "Objects, by identity.")
        for identity, usage in identities:
            name = _label(identity)
            _add_jobs(jobs, name, usage)
            cpu.add_metric((name,), usage.cpu)
            inputs.add_metric((name,), usage.received)
            outputs.add_metric((name,), usage.sent)
        yield from (jobs, cpu, inputs, outputs)


def _machine(folder: str) -> Iterator[Family]:
    load = GaugeMetricFamily("distccd_machine_load", "Load average.", labels=("minutes",))
    for minutes, value in zip(("1", "5", "15"), machine_facts.load().averages, strict=True):
        load.add_metric((minutes,), value)
    yield load
    memory = machine_facts.memory()
    for name, key in (("available", "MemAvailable"), ("total", "MemTotal")):
        if key in memory:
            yield _gauge(f"distccd_machine_memory_{name}_bytes", f"Memory, {name}.", memory[key])
    free = machine_facts.free_space(folder)
    yield _gauge("distccd_temporary_space_bytes", "Free space for temporary files.", free)


def _add_jobs(family: CounterMetricFamily, name: str, usage: Usage) -> None:
    family.add_metric((name, "done"), usage.jobs)
    family.add_metric((name, "failed"), usage.failed)


def _per_identity(name: str, about: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(name, about, labels=("identity", *labels))


def _gauge(name: str, about: str, value: float) -> Family:
    return GaugeMetricFamily(name, about, value)


def _counter(name: str, about: str, value: float) -> Family:
    return CounterMetricFamily(name, about, value)


def _counters(name: str, about: str, label: str, values: dict[str, int]) -> Family:
    family = CounterMetricFamily(name, about, labels=(label,))
    for word, value in tuple(values.items()):
        family.add_metric((word,), value)
    return family


def _histogram(name: str, about: str, histogram: Histogram) -> Family:
    family = HistogramMetricFamily(name, about)
    family.add_metric((), tuple(histogram.cumulative()), histogram.total)
    return family


def _label(text: str) -> str:
    """Return an identity as a label: of bounded length, and without what UTF-8 cannot carry."""
    return text[:_LONGEST].encode("utf-8", "backslashreplace").decode()
