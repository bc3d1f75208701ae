"""Runs the load program against a server and reads what it found."""

import json
import subprocess
from dataclasses import dataclass

from benchmarks.servers import LOOPBACK, Server
from benchmarks.workbench import OBJECT_BYTES, Workbench


class LoadFailedError(Exception):
    """A server answered a job wrongly or not at all; the message is the first such answer."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of the load program found: rates in jobs per second, latencies in ms."""

    jobs_per_second: float
    steady_jobs_per_second: float
    most_connections: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float


def load(bench: Workbench, server: Server, *, clients: int, jobs: int, size: int) -> Load:
    """Send `jobs` jobs of `size` bytes of source from `clients` clients at once."""
    words = [LOOPBACK, server.port, clients, jobs, bench.source(size), OBJECT_BYTES]
    command = [str(bench.load), *map(str, words)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise LoadFailedError(ended.stderr.strip())
    return Load(**json.loads(ended.stdout))
