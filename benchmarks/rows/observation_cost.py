"""Row n: what it costs to be observed: a server with all of it on, and one with nothing.

The one keeps statistics and an audit log; while it is measured, somebody has its live page open, and
its metrics are scraped each second.
"""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.figures import Comparison, Figure, at_least, at_most, in_turns
from benchmarks.loading import load
from benchmarks.processes import family_cpu_seconds
from benchmarks.rows.real_builds import compare_builds
from benchmarks.servers import LOOPBACK, Server, free_port, our_distccd
from benchmarks.workbench import Workbench

_CLIENTS = 8
_JOBS = 6000
_QUICK_JOBS = 1500
_WARMING = 300
_SIZE = 20_000
_PERIOD = 1.0
_BUDGET = 0.97
_PROJECT = "redis"
_QUICK_PROJECT = "lua5.4"


def run(bench: Workbench) -> Iterator[Figure]:
    for sandbox in ("off", "require"):
        yield from _compare(bench, sandbox)
    with _servers(bench, bench.real_path, "require") as (observed, plain, port), _observers(port):
        name = _QUICK_PROJECT if bench.quick else _PROJECT
        yield from compare_builds(bench, observed, plain, name, at_most(1 / _BUDGET))


@contextmanager
def _servers(bench: Workbench, path: str, sandbox: str) -> Iterator[tuple[Server, Server, int]]:
    """Run a server that is to be observed, and one that is not; give the first one's port for that."""
    port, option = free_port(), f"--sandbox={sandbox}"
    seen = ("--stats", f"--stats-port={port}", f"--audit-log={bench.open_folder}/audit-{port}.log")
    with our_distccd(bench, path, option, *seen) as observed, our_distccd(bench, path, option) as plain:
        yield observed, plain, port


def _compare(bench: Workbench, sandbox: str) -> Iterator[Figure]:
    with _servers(bench, bench.null_path, sandbox) as (observed, plain, port):

        def sample_observed() -> tuple[float, float]:
            with _observers(port):
                return _sample(bench, observed)

        for server in (observed, plain):
            load(bench, server, clients=_CLIENTS, jobs=_WARMING, size=_SIZE)
        pairs = in_turns(bench.rounds, sample_observed, lambda: _sample(bench, plain))
    for place, (what, unit, budget) in enumerate(
        (("throughput", "jobs/s", at_least(_BUDGET)), ("CPU per job", "ms", at_most(1 / _BUDGET)))
    ):
        ours, theirs = (tuple(pair[side][place] for pair in pairs) for side in (0, 1))
        yield Comparison(f"sandbox {sandbox}: {what}", unit, ours, theirs, budget)


def _sample(bench: Workbench, server: Server) -> tuple[float, float]:
    """Return jobs per second, and the CPU in ms that the server and its children use for one."""
    jobs = _QUICK_JOBS if bench.quick else _JOBS
    before = family_cpu_seconds(server.pid)
    rate = load(bench, server, clients=_CLIENTS, jobs=jobs, size=_SIZE).jobs_per_second
    return rate, 1000 * (family_cpu_seconds(server.pid) - before) / jobs


@contextmanager
def _observers(port: int) -> Iterator[None]:
    """Have the live page open, and scrape the metrics, until the block ends."""
    over = threading.Event()
    threads = [
        threading.Thread(target=work, args=(f"http://{LOOPBACK}:{port}", over))
        for work in (_watch, _scrape)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _watch(url: str, over: threading.Event) -> None:
    with urllib.request.urlopen(f"{url}/live/events") as events:
        while not over.is_set():
            events.readline()


def _scrape(url: str, over: threading.Event) -> None:
    while not over.wait(_PERIOD):
        with urllib.request.urlopen(f"{url}/metrics") as metrics:
            metrics.read()
