"""Row k: one build over plain TCP, mutual TLS and ssh, by tdistcc and by C distcc, in turns."""

from collections.abc import Iterator, Mapping

from benchmarks.building import built
from benchmarks.clients import Client
from benchmarks.figures import Budget, Comparison, Figure, at_most
from benchmarks.ways import ways
from benchmarks.workbench import Workbench

_PROJECTS = ("redis", "yaml-cpp")
_QUICK_PROJECTS = ("lua5.4",)
_COMPARED: tuple[tuple[str, str, Budget | None], ...] = (
    ("TLS", "TCP", at_most(1.03)),
    ("ssh", "TCP", at_most(1.05)),
    ("TCP", "C over TCP", at_most(1.0)),
    ("TLS", "C over TCP", None),
    ("ssh", "C over TCP", None),
    ("ssh", "C over ssh", None),
    ("C over ssh", "C over TCP", None),
)


def run(bench: Workbench) -> Iterator[Figure]:
    with ways(bench) as clients:
        for project in _QUICK_PROJECTS if bench.quick else _PROJECTS:
            yield from _project(bench, project, clients)


def _project(bench: Workbench, project: str, clients: Mapping[str, Client]) -> Iterator[Figure]:
    samples: dict[str, list[float]] = {way: [] for way in clients}
    for _ in range(bench.rounds):
        for way, client in clients.items():
            samples[way].append(built(bench, project, client).seconds)
    for ours, theirs, budget in _COMPARED:
        label = f"{project}, make -j8, {ours} against {theirs}: wall"
        yield Comparison(label, "s", tuple(samples[ours]), tuple(samples[theirs]), budget)
