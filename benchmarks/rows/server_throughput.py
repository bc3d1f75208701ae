"""Row a: jobs per second through a server whose compiler costs nothing, with and without a sandbox."""

from collections.abc import Iterator
from itertools import product

from benchmarks.figures import Comparison, Figure, at_least, in_turns
from benchmarks.loading import Load, load
from benchmarks.servers import Server, c_distccd, our_distccd
from benchmarks.workbench import Workbench

_CLIENTS = (1, 8)
_SIZES = (20_000, 300_000)
_JOBS = {1: 300, 8: 900}
_QUICK_JOBS = {1: 100, 8: 300}
_BUDGET_CLIENTS = 8
_BUDGETS = {"off": 1.0, "require": 0.8}


def run(bench: Workbench) -> Iterator[Figure]:
    null = bench.null_path
    with c_distccd(bench, null) as theirs:
        for sandbox, budget in _BUDGETS.items():
            with our_distccd(bench, null, f"--sandbox={sandbox}") as ours:
                for clients, size in product(_CLIENTS, _SIZES):
                    label = f"sandbox, {clients}" if sandbox == "require" else str(clients)
                    yield from _compare(bench, ours, theirs, clients, size, label, budget)


def _compare(
    bench: Workbench,
    ours: Server,
    theirs: Server,
    clients: int,
    size: int,
    label: str,
    budget: float,
) -> Iterator[Figure]:
    jobs = (_QUICK_JOBS if bench.quick else _JOBS)[clients]

    def sample(server: Server) -> Load:
        return load(bench, server, clients=clients, jobs=jobs, size=size)

    for server in (ours, theirs):
        load(bench, server, clients=clients, jobs=10 * clients, size=size)
    pairs = in_turns(bench.rounds, lambda: sample(ours), lambda: sample(theirs))
    label = f"{label} client{'s' * (clients > 1)}, {size // 1000} kB"
    yield Comparison(
        f"{label}: steady rate",
        "jobs/s",
        tuple(a.steady_jobs_per_second for a, _ in pairs),
        tuple(b.steady_jobs_per_second for _, b in pairs),
        at_least(budget) if clients == _BUDGET_CLIENTS else None,
    )
    yield Comparison(
        f"{label}: whole run",
        "jobs/s",
        tuple(a.jobs_per_second for a, _ in pairs),
        tuple(b.jobs_per_second for _, b in pairs),
    )
    yield Comparison(
        f"{label}: latency, median",
        "ms",
        tuple(a.p50_ms for a, _ in pairs),
        tuple(b.p50_ms for _, b in pairs),
    )
    yield Comparison(
        f"{label}: latency, 99th percentile",
        "ms",
        tuple(a.p99_ms for a, _ in pairs),
        tuple(b.p99_ms for _, b in pairs),
    )
