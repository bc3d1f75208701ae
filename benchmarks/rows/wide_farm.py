"""Row p: `make -j200` over 200 slots, as a client of a large farm does.

Each compile sleeps for a second, which costs nobody anything: so client and server share the machine's
processors, and what they cost together decides.  First each client uses its own server, ours with its
sandbox; then both use one native server that costs little, as if it was another machine's, and only the
client is left.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.clients import Client, c_client, our_client
from benchmarks.figures import Budget, Comparison, Figure, at_least, in_turns
from benchmarks.recording import Compilation, makefile, record
from benchmarks.repeating import floor, repeat
from benchmarks.servers import LOOPBACK, c_distccd, null_server, our_distccd
from benchmarks.workbench import Workbench

_SLOTS = 200
_PROJECT = "lua5.4"
_TIMES = 24
_QUICK_TIMES = 12
_BUDGET = at_least(2)


@dataclass(frozen=True, slots=True)
class _Work:
    """So many units, by a makefile, so many times in turns."""

    rules: Path
    count: int
    rounds: int


def run(bench: Workbench) -> Iterator[Figure]:
    directory = bench.folder / "wide"
    recorded = record(_PROJECT, directory)
    times = _QUICK_TIMES if bench.quick else _TIMES
    compilations = [_renamed(each, number) for number in range(times) for each in recorded]
    rules = directory / "again.mk"
    rules.write_text(makefile(compilations))
    try:
        work = _Work(rules, len(compilations), bench.rounds)
        yield from _own_servers(bench, work)
        yield from _one_server(bench, work)
    finally:
        shutil.rmtree(directory)


def _renamed(compilation: Compilation, number: int) -> Compilation:
    """Return the same compile, with an object of its own."""
    words = list(compilation.command)
    if "-o" not in words:
        source = next(word for word in words if word.endswith(".c"))
        words += ["-o", str(Path(source).with_suffix(".o"))]
    place = words.index("-o") + 1
    words[place] += f".{number}.o"
    return replace(compilation, command=tuple(words))


def _own_servers(bench: Workbench, work: _Work) -> Iterator[Figure]:
    with (
        our_distccd(bench, bench.slow_path, "--sandbox=require", jobs=_SLOTS) as server,
        c_distccd(bench, bench.slow_path, jobs=_SLOTS) as other,
        our_client(bench, f"{LOOPBACK}:{server.port}/{_SLOTS}", "wide") as ours,
    ):
        # So that it has the compiler that the server has, and sends files.
        client = ours.wishing(PATH=f"{bench.slow_path}:{ours.environment['PATH']}")
        theirs = c_client(bench, f"{LOOPBACK}:{other.port}/{_SLOTS}", "c-wide")
        yield from _compared("each with its own server", work, client, theirs, _BUDGET)


def _one_server(bench: Workbench, work: _Work) -> Iterator[Figure]:
    with null_server(bench, seconds=1) as server:
        hosts = f"{LOOPBACK}:{server.port}/{_SLOTS}"
        with our_client(bench, f"{hosts},lzo,cpp", "wide-alone") as ours:
            theirs = c_client(bench, hosts, "c-wide-alone")
            yield from _compared("a native server", work, ours, theirs)


def _compared(
    label: str, work: _Work, ours: Client, theirs: Client, budget: Budget | None = None
) -> Iterator[Figure]:
    rules, count = work.rules, work.count
    for client in (ours, theirs):
        repeat(client, rules, _SLOTS)
    without = floor(theirs, rules)
    pairs = in_turns(
        work.rounds, lambda: repeat(ours, rules, _SLOTS), lambda: repeat(theirs, rules, _SLOTS)
    )
    yield Comparison(
        f"{label}, {count} units: translation units per second",
        "TU/s",
        tuple(count / a.seconds for a, _ in pairs),
        tuple(count / b.seconds for _, b in pairs),
        budget,
    )
    yield Comparison(
        f"{label}, {count} units: client CPU per unit",
        "ms",
        tuple(1000 * (a.cpu - without) / count for a, _ in pairs),
        tuple(1000 * (b.cpu - without) / count for _, b in pairs),
    )
