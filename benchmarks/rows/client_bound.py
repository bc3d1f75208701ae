"""Row c: what the client can feed, when the server's compiler costs nothing.

The compile commands of a real build run again under `make -j8`, through `tdistcc` and through
`distcc`, both against one C distccd with the null compiler.  CPU is that of all processes below
make, and of the agent; what make and its shells cost by themselves is measured with `true` in the
client's place, and taken off.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import Client, both_clients
from benchmarks.figures import Comparison, Figure, at_least, in_turns
from benchmarks.loading import LoadFailedError
from benchmarks.recording import makefile, record
from benchmarks.servers import c_distccd
from benchmarks.workbench import Workbench

_JOBS = 8
_BUDGETS = {"redis": 1.5, "lua5.4": 1.5, "yaml-cpp": 2.5}
_PROJECTS = ("redis", "yaml-cpp")
_QUICK_PROJECTS = ("lua5.4", "yaml-cpp")


@dataclass(frozen=True, slots=True)
class _Sample:
    seconds: float
    cpu: float


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
        _sample(client, rules)
    floor = _make("true", rules, theirs).cpu
    pairs = in_turns(bench.rounds, lambda: _sample(ours, rules), lambda: _sample(theirs, rules))
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
        tuple(_cpu_per_unit([a for a, _ in pairs], floor, count)),
        tuple(_cpu_per_unit([b for _, b in pairs], floor, count)),
    )


def _cpu_per_unit(samples: Sequence[_Sample], floor: float, count: int) -> Iterator[float]:
    return (1000 * (each.cpu - floor) / count for each in samples)


def _sample(client: Client, rules: Path) -> _Sample:
    before = client.agents_cpu()
    made = _make(client.command, rules, client)
    return _Sample(made.seconds, made.cpu + client.agents_cpu() - before)


def _make(command: str, rules: Path, client: Client) -> _Sample:
    started = time.perf_counter()
    words = ["make", f"-j{_JOBS}", "-f", str(rules), f"CLIENT={command}"]
    process = subprocess.Popen(
        words, env=dict(client.environment), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise LoadFailedError(f"{' '.join(words)} ended with {process.returncode}")
    return _Sample(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)
