"""Row j: what preprocessing costs a server, and what it saves its clients.

One job after the other, of units of some 500 headers: as the text that a client has preprocessed,
and as a tree of the files that the compiler reads.  Our server with the sandbox and without, and C
distccd; first with a compiler that costs nothing, then with the real one.
"""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, islice

from benchmarks.figures import Comparison, Figure, Reading, in_turns
from benchmarks.jobs import ask, text_request, tree_request
from benchmarks.processes import family_cpu_seconds
from benchmarks.recording import Compilation
from benchmarks.servers import Server, c_distccd, our_distccd
from benchmarks.units import large_units, preprocessing
from benchmarks.workbench import Workbench

_UNITS = 4
_NULL_JOBS = 20
_REAL_JOBS = 3
_PREPROCESSED = 5

_WITHIN = "ours, sandbox"
_WITHOUT = "ours"
_THEIRS = "C"
_TEXT = "text"
_TREE = "tree"


@dataclass(frozen=True, slots=True)
class _Case:
    """A server, and the kind of job that it is asked for."""

    side: str
    kind: str


def run(bench: Workbench) -> Iterator[Figure]:
    directory = bench.open_folder / "tree"
    directory.mkdir()
    units = large_units(directory, _UNITS)
    requests = {
        _TEXT: [text_request(unit) for unit in units],
        _TREE: [tree_request(unit) for unit in units],
    }
    saved = [_preprocessing_cost(units[0]) for _ in range(bench.rounds)]
    yield Reading("preprocessing: CPU of a client", "ms", tuple(saved))
    yield from _measured(bench, requests, bench.null_path, "null compiler", _NULL_JOBS)
    yield from _measured(bench, requests, bench.real_path, "g++", _REAL_JOBS)


def _preprocessing_cost(unit: Compilation) -> float:
    with open(os.devnull, "wb") as nowhere:
        before = _children_cpu()
        for _ in range(_PREPROCESSED):
            command = preprocessing(unit.command, "-E")
            subprocess.run(command, cwd=unit.folder, stdout=nowhere, check=True)
        return 1000 * (_children_cpu() - before) / _PREPROCESSED


def _children_cpu() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _measured(
    bench: Workbench, requests: Mapping[str, Sequence[bytes]], path: str, compiler: str, jobs: int
) -> Iterator[Figure]:
    with ExitStack() as running:
        servers = {
            _WITHIN: running.enter_context(our_distccd(bench, path, "--sandbox=require")),
            _WITHOUT: running.enter_context(our_distccd(bench, path)),
            _THEIRS: running.enter_context(c_distccd(bench, path)),
        }
        cases = [_Case(side, kind) for kind in requests for side in servers]
        samplers = [_sampler(servers[case.side], requests[case.kind], jobs) for case in cases]
        first = [_sampler(servers[case.side], requests[case.kind], 1)() for case in cases]
        turns = in_turns(bench.rounds, *samplers)
    samples = dict(zip(cases, zip(*turns, strict=True), strict=True))
    for case, cost in zip(cases, first, strict=True):
        if case.kind == _TREE:
            yield Reading(f"{compiler}, {case.side}: first tree", "ms", (cost,))
    for kind in requests:
        for side in (_WITHIN, _WITHOUT):
            ours, theirs = samples[_Case(side, kind)], samples[_Case(_THEIRS, kind)]
            yield Comparison(f"{compiler}, {kind}, {side} / C: CPU of the server", "ms", ours, theirs)
    for side in servers:
        more = _differences(samples[_Case(side, _TREE)], samples[_Case(side, _TEXT)])
        yield Reading(f"{compiler}, {side}: tree less text", "ms", more)


def _sampler(server: Server, requests: Sequence[bytes], jobs: int) -> Callable[[], float]:
    def sample() -> float:
        before = family_cpu_seconds(server.pid)
        for request in islice(cycle(requests), jobs):
            ask(server, request)
        return 1000 * (family_cpu_seconds(server.pid) - before) / jobs

    return sample


def _differences(minuends: Sequence[float], subtrahends: Sequence[float]) -> tuple[float, ...]:
    return tuple(a - b for a, b in zip(minuends, subtrahends, strict=True))
