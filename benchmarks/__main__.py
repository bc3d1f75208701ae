"""Measures this project against Debian's distcc, and prints each figure as it is found.

What enters: which rows, and how much work.
What leaves: lines on stdout, and a JSON file on request; exit status 1 when a row that was asked
for could not be measured to its end.  A figure beyond its budget is no failure.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.figures import Figure, NotMeasured
from benchmarks.loading import LoadFailedError
from benchmarks.machine import facts
from benchmarks.projects import BuildFailedError, ProjectUnavailableError
from benchmarks.report import line, plain
from benchmarks.rows import (
    beside_engine,
    beside_icecream,
    client_bound,
    client_start,
    far_servers,
    observation_cost,
    real_builds,
    recording_cost,
    remote_preprocessing,
    sandbox_cost,
    server_memory,
    server_throughput,
    stdio_start,
    tls_cost,
    tree_cost,
    ways_to_a_server,
    wide_farm,
)
from benchmarks.workbench import RowUnavailableError, Workbench, workbench

_DEFAULT_ROUNDS = 5
_QUICK_ROUNDS = 2
_TROUBLE = (RowUnavailableError, LoadFailedError, BuildFailedError, ProjectUnavailableError)
_ROWS: Mapping[str, tuple[str, Callable[[Workbench], Iterator[Figure]]]] = {
    "a": ("server throughput, null compiler, protocol 1", server_throughput.run),
    "b": ("real builds, C distcc client", real_builds.run),
    "c": ("client-bound builds, one C distccd with the null compiler", client_bound.run),
    "d": ("one small compile, warm agent", client_start.run),
    "e": ("server memory", server_memory.run),
    "f": ("the sandbox, our server with it / without", sandbox_cost.run),
    "g": ("TLS, our server and client with it / without", tls_cost.run),
    "h": ("a server on standard streams", stdio_start.run),
    "i": ("client-bound builds, preprocessing on servers", remote_preprocessing.run),
    "j": ("the server's part of preprocessing, 500 headers", tree_cost.run),
    "k": ("one build over plain TCP, TLS and ssh", ways_to_a_server.run),
    "l": ("one build over a long link, and a slow one", far_servers.run),
    "m": ("one build beside icecream", beside_icecream.run),
    "n": ("being observed, our server with all of it / none", observation_cost.run),
    "o": ("recording units, our client with a monitor / without any", recording_cost.run),
    "p": ("make -j200 over 200 slots, compilers that sleep a second", wide_farm.run),
    "q": ("one build beside a Remote Execution engine", beside_engine.run),
}


def main() -> int:
    options = _options()
    machine = facts()
    for name, fact in machine.items():
        print(f"{name}: {fact}")
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _DEFAULT_ROUNDS)
    with workbench(rounds=rounds, quick=options.quick) as bench:
        found = {row: list(_printed(row, bench)) for row in options.rows}
    if options.json:
        rows = {row: [plain(figure) for figure in figures] for row, figures in found.items()}
        report = {"machine": machine, "rounds": rounds, "quick": options.quick, "rows": rows}
        options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    return int(any(isinstance(figure, NotMeasured) for row in found.values() for figure in row))


def _printed(row: str, bench: Workbench) -> Iterator[Figure]:
    title, run = _ROWS[row]
    print(f"\n{row}. {title}", flush=True)
    for figure in _figures(run, bench):
        print(line(figure), flush=True)
        yield figure


def _figures(run: Callable[[Workbench], Iterator[Figure]], bench: Workbench) -> Iterator[Figure]:
    """Give what the row finds; what it cannot find out is said, and the other rows go on."""
    try:
        yield from run(bench)
    except _TROUBLE as reason:
        yield NotMeasured(str(reason))


def _options(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--rows", type=_rows, default=list(_ROWS), help="which rows, such as a,c (default: all)"
    )
    parser.add_argument(
        "--rounds", type=_positive, help=f"pairs of runs per figure (default: {_DEFAULT_ROUNDS})"
    )
    parser.add_argument("--quick", action="store_true", help="smaller work and fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to FILE")
    return parser.parse_args(words)


def _rows(text: str) -> list[str]:
    rows = text.split(",")
    if unknown := [row for row in rows if row not in _ROWS]:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)}")
    return rows


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least one")
    return number


if __name__ == "__main__":
    sys.exit(main())
