"""Row g: what TLS costs: the same server and client with it and without, in place of ours and C's."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.building import JOBS, built
from benchmarks.clients import our_client
from benchmarks.figures import Budget, Comparison, Figure, Reading, at_most, in_turns
from benchmarks.loading import LoadFailedError
from benchmarks.processes import cpu_seconds
from benchmarks.servers import LOOPBACK
from benchmarks.tls_servers import Farm, certificates_of, tls_farm
from benchmarks.workbench import Workbench

_JOBS = 200
_QUICK_JOBS = 60
_LARGE_JOBS = 10
_SIZE = 20_000
_LARGE_SIZE = 8_000_000
_PROJECT = "redis"
_QUICK_PROJECT = "lua5.4"


@dataclass(frozen=True, slots=True)
class _Sample:
    """One job: milliseconds, by the clock and of each side's CPU."""

    wall: float
    client: float
    server: float


def run(bench: Workbench) -> Iterator[Figure]:
    certificates = certificates_of(bench)
    with tls_farm(bench, bench.null_path, certificates) as farm:
        for how in ("new", "resumed"):
            yield from _small_jobs(bench, farm, how)
        yield _megabytes(bench, farm)
    with tls_farm(bench, bench.real_path, certificates) as farm:
        yield _real_build(bench, farm, farm, "TLS", at_most(1.03))
        with tls_farm(bench, bench.real_path, certificates, "--sandbox=require") as walled:
            yield _real_build(bench, walled, farm, "TLS and sandbox", at_most(1.05))


def _small_jobs(bench: Workbench, farm: Farm, how: str) -> Iterator[Figure]:
    jobs = _QUICK_JOBS if bench.quick else _JOBS
    pairs = in_turns(
        bench.rounds,
        lambda: _sample(bench, farm, how, jobs, _SIZE),
        lambda: _sample(bench, farm, "plain", jobs, _SIZE),
    )
    label = f"one small job, {how} session"
    yield Comparison(
        f"{label}: wall", "ms", tuple(a.wall for a, _ in pairs), tuple(b.wall for _, b in pairs)
    )
    yield Reading(f"{label}: more CPU, client", "ms", tuple(a.client - b.client for a, b in pairs))
    yield Reading(f"{label}: more CPU, server", "ms", tuple(a.server - b.server for a, b in pairs))


def _megabytes(bench: Workbench, farm: Farm) -> Figure:
    pairs = in_turns(
        bench.rounds,
        lambda: _sample(bench, farm, "resumed", _LARGE_JOBS, _LARGE_SIZE),
        lambda: _sample(bench, farm, "plain", _LARGE_JOBS, _LARGE_SIZE),
    )
    megabytes = _LARGE_SIZE / 1e6
    return Comparison(
        "a large source, per MB: wall",
        "ms",
        tuple(a.wall / megabytes for a, _ in pairs),
        tuple(b.wall / megabytes for _, b in pairs),
    )


def _sample(bench: Workbench, farm: Farm, how: str, jobs: int, size: int) -> _Sample:
    port = farm.server.port if how == "plain" else farm.tls_port
    words = [how, port, farm.user, jobs, bench.source(size)]
    before = cpu_seconds(farm.server.pid)
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.secure_load", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise LoadFailedError(ended.stderr.strip().rpartition("\n")[2])
    found = json.loads(ended.stdout)
    server = 1000 * (cpu_seconds(farm.server.pid) - before) / jobs
    return _Sample(found["wall_ms"], found["cpu_ms"], server)


def _real_build(bench: Workbench, secured: Farm, unsecured: Farm, how: str, budget: Budget) -> Figure:
    """Build a project by tdistcc and its agent, over the TLS port of the one and bare to the other."""
    name = _QUICK_PROJECT if bench.quick else _PROJECT
    limit = f"/{JOBS}"
    secure = f"{LOOPBACK}:{secured.tls_port}{limit},tls"
    bare = f"{LOOPBACK}:{unsecured.server.port}{limit}"
    sides = (how.replace(" ", "-"), f"without-{how.replace(' ', '-')}")
    with (
        our_client(bench, secure, sides[0]) as with_tls,
        our_client(bench, bare, sides[1]) as without,
    ):
        shutil.copytree(secured.user, Path(with_tls.environment["DISTCC_DIR"]) / "tls")
        pairs = in_turns(
            bench.rounds,
            lambda: built(bench, name, with_tls).seconds,
            lambda: built(bench, name, without).seconds,
        )
    return Comparison(
        f"{name} by tdistcc, make -j{JOBS}, with {how} and without: wall",
        "s",
        tuple(a for a, _ in pairs),
        tuple(b for _, b in pairs),
        budget,
    )
