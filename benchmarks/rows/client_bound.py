"""Row c: what the client can feed, when the server's compiler costs nothing.

The compile commands of a real build run again under `make -j8`, through `tdistcc` and through
`distcc`, both preprocessing, both against one C distccd with the null compiler.
"""

import shutil
from collections.abc import Iterator, Sequence

from benchmarks.clients import Client, both_clients
from benchmarks.figures import Comparison, Figure, at_least, in_turns
from benchmarks.recording import makefile, record
from benchmarks.repeating import Sample, floor, repeat
from benchmarks.servers import c_distccd
from benchmarks.workbench import Workbench

_BUDGETS = {"redis": 1.5, "lua5.4": 1.5, "yaml-cpp": 2.5}
_PROJECTS = ("redis", "yaml-cpp")
_QUICK_PROJECTS = ("lua5.4", "yaml-cpp")


def run(bench: Workbench) -> Iterator[Figure]:
    with c_distccd(bench, bench.null_path) as server, both_clients(bench, server) as clients:
        for name in _QUICK_PROJECTS if bench.quick else _PROJECTS:
            yield from _compare(bench, clients, name)


def _compare(bench: Workbench, clients: tuple[Client, Client], name: str) -> Iterator[Figure]:
    ours, theirs = clients
    directory = bench.folder / f"{name}-again"
    compilations = record(name, directory)
    rules = directory / "again.mk"
    rules.write_text(makefile(compilations))
    for client in clients:
        repeat(client, rules)
    without = floor(theirs, rules)
    pairs = in_turns(bench.rounds, lambda: repeat(ours, rules), lambda: repeat(theirs, rules))
    shutil.rmtree(directory)
    count = len(compilations)
    yield Comparison(
        f"{name}, {count} units: translation units per second",
        "TU/s",
        tuple(count / a.seconds for a, _ in pairs),
        tuple(count / b.seconds for _, b in pairs),
        at_least(_BUDGETS[name]),
    )
    yield Comparison(
        f"{name}, {count} units: client CPU per unit",
        "ms",
        tuple(_cpu_per_unit([a for a, _ in pairs], without, count)),
        tuple(_cpu_per_unit([b for _, b in pairs], without, count)),
    )


def _cpu_per_unit(samples: Sequence[Sample], without: float, count: int) -> Iterator[float]:
    return (1000 * (each.cpu - without) / count for each in samples)
