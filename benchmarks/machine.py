"""The machine that a figure was taken on, and the versions of what was measured there."""

import os
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path

import twisted
import twisted_distcc


def facts() -> dict[str, str]:
    """Return what a reader must know of this machine to judge a figure taken on it."""
    load = " ".join(f"{average:.2f}" for average in os.getloadavg())
    return {
        "cpu": _processor(Path("/proc/cpuinfo").read_text()),
        "cores": str(cores()),
        "kernel": platform.release(),
        "load before": load,
        "python": platform.python_version(),
        "twisted": twisted.__version__,
        "twisted_distcc": twisted_distcc.__version__,
        **_versions({"distcc": ["distcc", "--version"], "gcc": ["gcc", "--version"]}),
    }


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _processor(cpuinfo: str) -> str:
    names = (row.partition(":")[2] for row in cpuinfo.splitlines() if row.startswith("model name"))
    return next(names, platform.machine()).strip()


def _versions(commands: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: _first_line(command) for name, command in commands.items()}


def _first_line(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.stdout.partition("\n")[0]
