"""Row i: what preprocessing on servers saves the client.

Compile commands run again under `make -j8`, all against one server that answers without compiling:
through `tdistcc` that sends what the compiler reads, through `tdistcc` that preprocesses, through
`distcc`, and through `distcc` in pump mode.
A project is compiled so often in a build that an agent that is busy has its helper, as in any build that
takes longer than a second or two.  CPU is that of all processes below make, of the agent and of the
include server, less what make costs by itself.  Agent and include server know the files from a first
run, which is not counted.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from benchmarks.clients import Client, c_client, c_pump_client, our_client
from benchmarks.figures import Comparison, Figure, NotMeasured, Remark, at_least, at_most, in_turns
from benchmarks.recording import Compilation, makefile, record
from benchmarks.repeating import Sample, floor, repeat
from benchmarks.servers import LOOPBACK, Server, null_server
from benchmarks.units import large_units
from benchmarks.workbench import RowUnavailableError, Workbench

_C = 1.5
_CXX = 2.5
_PUMP = 1.1
_LARGE = "units of 500 headers"
_LARGE_UNITS = 24
_LONG_BUILD = 500
"""Units that a project's build has at least; a quick one has each once."""
_WITH_TREES = 3
"""The version of the protocol that carries files in place of a text."""
_PROJECTS = {"redis": _C, "yaml-cpp": _CXX, _LARGE: _CXX}
_QUICK_PROJECTS = {"lua5.4": _C, _LARGE: _CXX}

_OURS = "trees"
_TEXT = "text"
_THEIRS = "C"
_PUMPED = "C pump"


@dataclass(frozen=True, slots=True)
class _Work:
    """What is compiled: so many units, by a makefile."""

    name: str
    count: int
    rules: Path
    budget: float


def run(bench: Workbench) -> Iterator[Figure]:
    with null_server(bench) as server, ExitStack() as running:
        clients: dict[str, Client] = {}
        for side, start in _sides(bench, server).items():
            try:
                clients[side] = start(running)
            except RowUnavailableError as reason:
                yield NotMeasured(f"{side}: {reason}")
        for name, budget in (_QUICK_PROJECTS if bench.quick else _PROJECTS).items():
            yield from _measured(bench, server, clients, name, budget)


def _sides(bench: Workbench, server: Server) -> Mapping[str, Callable[[ExitStack], Client]]:
    plain = f"{LOOPBACK}:{server.port}/8"
    pump = f"{plain},lzo,cpp"
    return {
        _OURS: lambda running: running.enter_context(our_client(bench, pump, "trees")),
        _TEXT: lambda running: running.enter_context(our_client(bench, plain, "text")).wishing(
            DISTCC_REMOTE_CPP="0"
        ),
        _THEIRS: lambda _: c_client(bench, plain, "c"),
        _PUMPED: lambda running: running.enter_context(c_pump_client(bench, pump, "c-pump")),
    }


def _measured(
    bench: Workbench, server: Server, clients: Mapping[str, Client], name: str, budget: float
) -> Iterator[Figure]:
    directory = bench.folder / f"{name.replace(' ', '-')}-remote"
    compilations = _compilations(bench, name, directory)
    if name != _LARGE and not bench.quick:
        compilations *= ceil(_LONG_BUILD / len(compilations))
    work = _Work(name, len(compilations), directory / "again.mk", budget)
    work.rules.write_text(makefile(compilations))
    try:
        yield Remark(_first_run(server, clients, work))
        without = floor(clients[_THEIRS], work.rules)
        turns = in_turns(bench.rounds, *(_sampler(client, work.rules) for client in clients.values()))
        samples = dict(zip(clients, zip(*turns, strict=True), strict=True))
    finally:
        shutil.rmtree(directory)
    for other in (_TEXT, _THEIRS, _PUMPED):
        if other in samples:
            yield from _compared(work, samples, (_OURS, other), without)


def _compilations(bench: Workbench, name: str, directory: Path) -> list[Compilation]:
    if name != _LARGE:
        return record(name, directory)
    directory.mkdir()
    return large_units(directory, _LARGE_UNITS // 3 if bench.quick else _LARGE_UNITS)


def _first_run(server: Server, clients: Mapping[str, Client], work: _Work) -> str:
    """Run all once, so that all is known to everybody; tell how many units went as trees."""
    found = []
    for side, client in clients.items():
        seen = len(server.log.read_text())
        repeat(client, work.rules)
        asked = Counter(map(int, server.log.read_text()[seen:]))
        found.append(f"{side} {asked[_WITH_TREES]}")
    return f"{work.name}: of {work.count} units, went as trees: {', '.join(found)}"


def _sampler(client: Client, rules: Path) -> Callable[[], Sample]:
    return lambda: repeat(client, rules)


def _compared(
    work: _Work, samples: Mapping[str, Sequence[Sample]], sides: tuple[str, str], without: float
) -> Iterator[Figure]:
    ours, theirs = (samples[side] for side in sides)
    other = sides[1]
    least = {_THEIRS: work.budget, _PUMPED: _PUMP}.get(other)

    def rates(samples: Sequence[Sample]) -> tuple[float, ...]:
        return tuple(work.count / each.seconds for each in samples)

    def costs(samples: Sequence[Sample]) -> tuple[float, ...]:
        return tuple(1000 * (each.cpu - without) / work.count for each in samples)

    label = f"{work.name}, {work.count}: {' / '.join(sides)}"
    rate = at_least(least) if least else None
    cost = at_most(round(1 / least, 2)) if least else None
    yield Comparison(f"{label}: rate", "TU/s", rates(ours), rates(theirs), rate)
    yield Comparison(f"{label}: CPU", "ms", costs(ours), costs(theirs), cost)
