"""Row d: what the client adds to one small compile, from its start to its exit.

What it adds is the wall time of ``CLIENT gcc -c tiny.c``, with a warm agent, against a C distccd
with the null compiler, less the two things that any client must wait for: ``gcc -E`` of the same
file, and a server's answer to one such job, whose time the load program takes from its connecting
to the end of the reply.  (The server's own log would not do: its clock runs while it waits for a
client that connects before it has preprocessed, as distcc does.)
"""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.clients import Client, both_clients
from benchmarks.figures import Comparison, Figure, Reading, at_most
from benchmarks.loading import LoadFailedError, load
from benchmarks.servers import Server, c_distccd
from benchmarks.workbench import Workbench

_STARTS = 40
_QUICK_STARTS = 15
_TEXT = "int tiny(void) { return 0; }\n"
_PREPROCESSED_SIZE = 200
_JOBS = 10


def run(bench: Workbench) -> Iterator[Figure]:
    with c_distccd(bench, bench.null_path) as server, both_clients(bench, server) as clients:
        yield from _compare(bench, server, *clients)


def _compare(bench: Workbench, server: Server, ours: Client, theirs: Client) -> Iterator[Figure]:
    source = bench.folder / "tiny.c"
    source.write_text(_TEXT)
    compilation = ["gcc", "-c", str(source), "-o", str(bench.folder / "tiny.o")]
    preprocessing = ["gcc", "-E", str(source), "-o", str(bench.folder / "tiny.i")]

    def sample() -> tuple[float, float, float, float]:
        return (
            _milliseconds([ours.command, *compilation], ours.environment),
            _milliseconds([theirs.command, *compilation], theirs.environment),
            _milliseconds(preprocessing, os.environ),
            load(bench, server, clients=1, jobs=_JOBS, size=_PREPROCESSED_SIZE).p50_ms,
        )

    sample()  # starts the agent, and warms the disk's cache for both
    starts = _QUICK_STARTS if bench.quick else _STARTS
    yield from _figures([sample() for _ in range(starts * bench.rounds)])


def _figures(samples: Sequence[tuple[float, float, float, float]]) -> Iterator[Figure]:
    ours, theirs, local, served = zip(*samples, strict=True)
    yield Comparison("start to exit", "ms", ours, theirs)
    yield Reading("gcc -E by itself", "ms", local)
    yield Reading("the server's answer by itself", "ms", served)
    beyond = "start to exit, less these two"
    yield Reading(f"ours: {beyond}", "ms", tuple(a - c - d for a, _, c, d in samples), at_most(12))
    yield Reading(f"C: {beyond}", "ms", tuple(b - c - d for _, b, c, d in samples))


def _milliseconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    program = shutil.which(command[0]) or command[0]
    started = time.perf_counter()
    pid = os.posix_spawn(program, list(command), environment)
    _, status = os.waitpid(pid, 0)
    elapsed = 1000 * (time.perf_counter() - started)
    if status:
        raise LoadFailedError(f"{' '.join(command)} ended with wait status {status}")
    return elapsed
