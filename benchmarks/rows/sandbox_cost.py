"""Row f: what the sandbox costs: the same server with it and without, in place of ours and C's."""

from collections.abc import Iterator

from benchmarks.figures import Comparison, Figure, at_most, in_turns
from benchmarks.loading import load
from benchmarks.rows.real_builds import compare_builds
from benchmarks.servers import Server, our_distccd
from benchmarks.workbench import Workbench

_JOBS = 200
_QUICK_JOBS = 60
_SIZE = 20_000
_PROJECT = "redis"
_QUICK_PROJECT = "lua5.4"
_WITH = "--sandbox=require"


def run(bench: Workbench) -> Iterator[Figure]:
    null, real = bench.null_path, bench.real_path
    with our_distccd(bench, null, _WITH) as within, our_distccd(bench, null) as without:
        yield _one_job(bench, within, without)
    with our_distccd(bench, real, _WITH) as within, our_distccd(bench, real) as without:
        name = _QUICK_PROJECT if bench.quick else _PROJECT
        yield from compare_builds(bench, within, without, name, at_most(1.05))


def _one_job(bench: Workbench, within: Server, without: Server) -> Figure:
    """Compare answers to one client at a time, of a compiler that costs nothing."""
    jobs = _QUICK_JOBS if bench.quick else _JOBS

    def sample(server: Server) -> float:
        return load(bench, server, clients=1, jobs=jobs, size=_SIZE).p50_ms

    for server in (within, without):
        sample(server)
    pairs = in_turns(bench.rounds, lambda: sample(within), lambda: sample(without))
    return Comparison(
        "one job of the null compiler", "ms", tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
    )
