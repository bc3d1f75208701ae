"""Row m: one build by tdistcc, by C distcc and by icecream, over a link between two networks."""

from collections.abc import Iterator, Mapping

from benchmarks.building import built
from benchmarks.clients import Client
from benchmarks.figures import Comparison, Figure, Reading, Remark
from benchmarks.icecream import Icecream, icecream
from benchmarks.network import Link, Terms, link
from benchmarks.ways import ways
from benchmarks.workbench import Workbench

_TERMS = Terms("a link without delay", "10.99.3")
_PROJECTS = ("redis", "yaml-cpp")
_QUICK_PROJECTS = ("lua5.4",)
_ICECREAM = "icecream"
_OURS = ("TCP", "TLS", "ssh")


def run(bench: Workbench) -> Iterator[Figure]:
    with (
        link(bench, _TERMS) as made,
        icecream(bench, made) as farm,
        ways(bench, made.client, made.server) as ours,
    ):
        for project in _QUICK_PROJECTS if bench.quick else _PROJECTS:
            clients = {**{way: ours[way] for way in (*_OURS, "C over TCP")}, _ICECREAM: farm.client}
            yield from _project(bench, project, made, farm, clients)


def _project(
    bench: Workbench, project: str, made: Link, farm: Icecream, clients: Mapping[str, Client]
) -> Iterator[Figure]:
    yield _first(bench, project, farm)
    for way in _OURS:
        built(bench, project, clients[way])
    seconds: dict[str, list[float]] = {}
    kilobytes: dict[str, list[float]] = {}
    for _ in range(bench.rounds):
        for way, client in clients.items():
            before = made.carried()
            done = built(bench, project, client)
            seconds.setdefault(way, []).append(done.seconds)
            kilobytes.setdefault(way, []).append((made.carried() - before) / 1000 / done.objects)
    for way in (*_OURS, "C over TCP"):
        label = f"{project}, {way} against {_ICECREAM}: wall"
        yield Comparison(label, "s", tuple(seconds[way]), tuple(seconds[_ICECREAM]), None)
    for way, taken in kilobytes.items():
        yield Reading(f"{project}, {way}: bytes per unit", "kB", tuple(taken))


def _first(bench: Workbench, project: str, farm: Icecream) -> Remark:
    """Build once by icecream, which sends its compiler then; say how many units it sends."""
    before = farm.sent()
    done = built(bench, project, farm.client)
    sent = farm.sent() - before
    return Remark(f"{project}, {_ICECREAM}: {sent} of {done.objects} units went over the link")
