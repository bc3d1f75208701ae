"""Row e: a server's memory, idle and while 500 connections each send a job of 4 MiB."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

from benchmarks.figures import Budget, Figure, Reading, at_most, in_turns
from benchmarks.loading import Load, load
from benchmarks.processes import Memory, memory, peak_memory
from benchmarks.servers import Server, c_distccd, our_distccd
from benchmarks.workbench import Workbench

_CONNECTIONS = 500
_SIZE = 4 * 1024 * 1024
_WARM_JOBS = 20
_WARM_SIZE = 20_000
_MOST_ROUNDS = 3  # each writes two gigabytes, and memory hardly varies
_IDLE_BUDGET = at_most(60)
_BURST_BUDGET = at_most(200)


@dataclass(frozen=True, slots=True)
class _Sample:
    idle: Memory
    burst: Memory
    connections: int


def run(bench: Workbench) -> Iterator[Figure]:
    rounds = min(bench.rounds, _MOST_ROUNDS)
    pairs = in_turns(rounds, lambda: _sample(bench, our_distccd), lambda: _sample(bench, c_distccd))
    yield from _figures("ours", [ours for ours, _ in pairs], _IDLE_BUDGET, _BURST_BUDGET)
    yield from _figures("C", [theirs for _, theirs in pairs], None, None)


def _sample(
    bench: Workbench,
    start: Callable[[Workbench, str], AbstractContextManager[Server]],
) -> _Sample:
    """Measure a server that has done its first jobs, so that everything it needs is loaded."""
    loads: list[Load] = []
    with start(bench, bench.null_path) as server:
        load(bench, server, clients=2, jobs=_WARM_JOBS, size=_WARM_SIZE)
        idle = memory(server.pid)

        def burst() -> None:
            many = _CONNECTIONS
            loads.append(load(bench, server, clients=many, jobs=many, size=_SIZE))

        peak = peak_memory(server.pid, burst)
    return _Sample(idle, peak, loads[0].most_connections)


def _figures(
    side: str, samples: list[_Sample], idle: Budget | None, burst: Budget | None
) -> Iterator[Figure]:
    yield Reading(f"{side}: idle, RSS", "MiB", tuple(each.idle.rss for each in samples), idle)
    yield Reading(f"{side}: idle, PSS", "MiB", tuple(each.idle.pss for each in samples))
    label = f"{side}: {_CONNECTIONS} connections of 4 MiB, peak"
    yield Reading(f"{label} RSS", "MiB", tuple(each.burst.rss for each in samples), burst)
    yield Reading(f"{label} PSS", "MiB", tuple(each.burst.pss for each in samples))
    yield Reading(
        f"{side}: most connections open at once",
        "",
        tuple(float(each.connections) for each in samples),
    )
