"""Row o: what it costs a client to record its units, while a monitor shows them.

Small units run again under `make -j8` through two of our clients alike, against a server that answers
without compiling; one of them has `DISTCC_JOURNAL=0`.  CPU is that of all processes below make and of
the agent, less what make costs by itself; the monitor's own is not in it.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.clients import Client, our_client
from benchmarks.figures import Comparison, Figure, at_least, at_most, in_turns
from benchmarks.recording import Compilation, makefile
from benchmarks.repeating import floor, repeat
from benchmarks.servers import LOOPBACK, null_server, our_program
from benchmarks.workbench import Workbench

_UNITS = 400
_QUICK_UNITS = 150
_BUDGET = 0.97


def run(bench: Workbench) -> Iterator[Figure]:
    count = _QUICK_UNITS if bench.quick else _UNITS
    rules = _rules(bench.private_folder("recorded"), count)
    with null_server(bench) as server, ExitStack() as running:
        hosts = f"{LOOPBACK}:{server.port}/8,lzo,cpp"
        recorded = running.enter_context(our_client(bench, hosts, "recorded"))
        plain = running.enter_context(our_client(bench, hosts, "plain")).wishing(DISTCC_JOURNAL="0")

        for client in (recorded, plain):
            repeat(client, rules)
        without = floor(plain, rules)
        running.enter_context(_monitor(recorded))
        pairs = in_turns(bench.rounds, lambda: repeat(recorded, rules), lambda: repeat(plain, rules))
    samples = list(zip(*pairs, strict=True))
    rates = [tuple(count / each.seconds for each in side) for side in samples]
    costs = [tuple(1000 * (each.cpu - without) / count for each in side) for side in samples]
    yield Comparison(f"{count} units: rate", "TU/s", rates[0], rates[1], at_least(_BUDGET))
    yield Comparison(f"{count} units: CPU", "ms", costs[0], costs[1], at_most(round(1 / _BUDGET, 2)))


def _rules(folder: Path, count: int) -> Path:
    """Write `count` units; return the makefile that compiles them."""
    names = [f"unit{number}" for number in range(count)]
    for name in names:
        (folder / f"{name}.c").write_text(f"#include <stdio.h>\nint {name}(void) {{ return 0; }}\n")
    commands = [
        Compilation(str(folder), ("gcc", "-O1", "-c", f"{name}.c", "-o", f"{name}.o")) for name in names
    ]
    rules = folder / "again.mk"
    rules.write_text(makefile(commands))
    return rules


@contextmanager
def _monitor(client: Client) -> Iterator[None]:
    """Have a monitor print each unit that ends."""
    words = [our_program("twisted-distcc"), "monitor"]
    environment = os.environ | {"DISTCC_DIR": client.environment["DISTCC_DIR"]}  # it is no agent
    quiet = subprocess.DEVNULL
    with subprocess.Popen(words, env=environment, stdin=quiet, stdout=quiet) as process:
        try:
            yield
        finally:
            process.terminate()
