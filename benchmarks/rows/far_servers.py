"""Row l: one build by each way to a server over a long link with loss, and over a slow one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.building import built
from benchmarks.clients import Client
from benchmarks.figures import Budget, Comparison, Figure, Reading, Remark, at_most
from benchmarks.network import Link, Terms, link
from benchmarks.ways import ways
from benchmarks.workbench import Workbench

_LINKS = (
    Terms("20 ms, 1 % loss", "10.99.1", delay=10, loss=1),
    Terms("10 Mbit/s", "10.99.2", rate=10),
)
_PROJECTS = ("redis", "yaml-cpp")
_QUICK_PROJECTS = ("lua5.4",)
_NEW = ", new agent"
_OURS = ("TCP", "TLS", "ssh")
_COMPARED: tuple[tuple[str, str, Budget | None], ...] = (
    ("TLS", "TCP", at_most(1.03)),
    ("ssh", "TCP", at_most(1.05)),
    ("TCP", "C over TCP", at_most(1.0)),
    ("TCP", "C over TCP, lzo", None),
    ("ssh", "C over ssh", None),
    (f"TLS{_NEW}", f"TCP{_NEW}", at_most(1.03)),
    (f"ssh{_NEW}", f"TCP{_NEW}", at_most(1.05)),
    (f"TCP{_NEW}", "C over TCP", at_most(1.0)),
    (f"TCP{_NEW}", "C over TCP, lzo", None),
)


@dataclass(frozen=True, slots=True)
class _Sample:
    """One build: seconds, and kilobytes on the link for each object."""

    seconds: float
    kilobytes: float


def run(bench: Workbench) -> Iterator[Figure]:
    for terms in _LINKS:
        with link(bench, terms) as made, ways(bench, made.client, made.server) as clients:
            for project in _QUICK_PROJECTS if bench.quick else _PROJECTS:
                yield from _project(bench, project, made, clients, terms.name)


def _project(
    bench: Workbench, project: str, made: Link, clients: Mapping[str, Client], name: str
) -> Iterator[Figure]:
    label = f"{project}, {name}"
    for way in _OURS:
        first = _built(bench, project, made, clients[way])
        yield Remark(
            f"{label}, {way}, the server's first: {first.seconds:.1f} s, {first.kilobytes:.0f} kB"
        )
    samples: dict[str, list[_Sample]] = {}
    for _ in range(bench.rounds):
        for way, client in clients.items():
            samples.setdefault(way, []).append(_built(bench, project, made, client))
        for way in _OURS:
            clients[way].end_agents()
            samples.setdefault(f"{way}{_NEW}", []).append(_built(bench, project, made, clients[way]))
    for ours, theirs, budget in _COMPARED:
        pair = _seconds(samples[ours]), _seconds(samples[theirs])
        yield Comparison(f"{label}, {ours} against {theirs}: wall", "s", *pair, budget)
    for way, taken in samples.items():
        kilobytes = tuple(sample.kilobytes for sample in taken)
        yield Reading(f"{label}, {way}: bytes per unit", "kB", kilobytes)


def _seconds(samples: Sequence[_Sample]) -> tuple[float, ...]:
    return tuple(sample.seconds for sample in samples)


def _built(bench: Workbench, project: str, made: Link, client: Client) -> _Sample:
    before = made.carried()
    done = built(bench, project, client)
    return _Sample(done.seconds, (made.carried() - before) / 1000 / done.objects)
