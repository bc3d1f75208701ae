"""Compile commands that were recorded, run again by `make -j8`, or more, through one client or another.

What enters: a makefile of `recording`, and a client.
What leaves: how long it took, and what CPU the client's processes used: all below make, and those
that the client left running.  What make and its shells cost by themselves is measured with `true`
in the client's place, for whoever wants to take it off.
"""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import Client
from benchmarks.loading import LoadFailedError

_JOBS = 8
_NO_CLIENT = "true"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run: seconds of the clock, and of CPU."""

    seconds: float
    cpu: float


def repeat(client: Client, rules: Path, jobs: int = _JOBS) -> Sample:
    """Run all commands of the makefile `rules` through `client`, so many `jobs` at a time."""
    before = client.agents_cpu()
    made = _make(client.command, client, rules, jobs)
    return Sample(made.seconds, made.cpu + client.agents_cpu() - before)


def floor(client: Client, rules: Path) -> float:
    """Return the seconds of CPU that make and its shells use by themselves."""
    return _make(_NO_CLIENT, client, rules, _JOBS).cpu


def _make(command: str, client: Client, rules: Path, jobs: int) -> Sample:
    started = time.perf_counter()
    words = [*client.enter, "make", f"-j{jobs}", "-f", str(rules), f"CLIENT={command}"]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            words,
            env=dict(client.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            why = said.read().decode(errors="replace")
            raise LoadFailedError(f"{' '.join(words)} ended with {process.returncode}:\n{why}")
    return Sample(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)
