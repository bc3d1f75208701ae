"""A farm of one server on this machine's loopback, for as long as a `with` block lasts.

`running_farm` starts `twistd distccd` as a user would, and yields the environment in which `tdistcc`
uses it.  The number of jobs done comes from the server's job log.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from twisted_distcc.cli.installed import installed_command
from twisted_distcc.errors import DistccError

_LOOPBACK = "127.0.0.1"
_SECONDS_TO_START = 20.0
_SECONDS_TO_STOP = 10.0

# The caller's own farm, cache and make must not influence the demo's builds.
_FOREIGN_VARIABLES = ("DISTCC_", "CCACHE_", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS")

# One line per job, for example `... job peer=127.0.0.1 verdict=done ... status=0 ...`.
_COMPILED = re.compile(r"(?:^|\s)job\s.*\bverdict=done\s(?:.*\s)?status=0(?:\s|$)")


class FarmError(DistccError):
    """The server did not start, or ended early."""


@dataclass(frozen=True, slots=True)
class Farm:
    """A running server: its port, its job log, and the variables that make the client use it."""

    port: int
    log: Path
    client: Mapping[str, str]

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment for builds through the farm, free of the caller's own distcc settings."""
        return {**_own_variables(), **self.client}

    @property
    def address(self) -> str:
        """Its address, to show to people."""
        return f"{_LOOPBACK} port {self.port}"

    def jobs_done(self) -> int:
        """Return how many jobs the server has logged as compiled."""
        if not self.log.exists():
            return 0
        return count_jobs(self.log.read_text(errors="replace"))


@contextmanager
def running_farm(folder: Path, jobs: int) -> Iterator[Farm]:
    """Run a server below `folder` that only this machine may use, and stop it at the end."""
    (folder / "distcc").mkdir(parents=True)
    (folder / "runtime").mkdir(mode=0o700)
    port = _free_port()
    farm = Farm(port, folder / "jobs.log", _client(folder, port, jobs))
    output = folder / "server.out"
    with output.open("wb") as out:
        # A session of its own: Ctrl-C is for the build, and the server stops after it.
        process = subprocess.Popen(
            _server_command(farm, jobs),
            cwd=folder,
            env=_own_variables(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _await_listener(process, port, output)
        yield farm
    finally:
        _end_what_is_left(farm)
        _stop(process)


def count_jobs(log: str) -> int:
    """Count the lines of a job log that report a successful compile."""
    return sum(1 for line in log.splitlines() if _COMPILED.search(line))


def _server_command(farm: Farm, jobs: int) -> list[str]:
    twistd = os.fspath(installed_command("twistd"))
    access = ["--listen", _LOOPBACK, "--port", str(farm.port), "--allow", _LOOPBACK]
    limits = ["--jobs", str(jobs), "--log-file", os.fspath(farm.log)]
    return [twistd, "--nodaemon", "--pidfile=", "distccd", *access, *limits]


def _client(folder: Path, port: int, jobs: int) -> dict[str, str]:
    return {
        "DISTCC_HOSTS": f"{_LOOPBACK}:{port}/{jobs}",
        "DISTCC_DIR": os.fspath(folder / "distcc"),
        "XDG_RUNTIME_DIR": os.fspath(folder / "runtime"),
        "CCACHE_DISABLE": "1",  # `gcc` may be ccache's link, and would compile only once
    }


def _own_variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN_VARIABLES)}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _await_listener(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection((_LOOPBACK, port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise FarmError(f"the server did not start:\n{output.read_text(errors='replace').rstrip()}")


def _end_what_is_left(farm: Farm) -> None:
    """End what a build leaves running with the farm's environment, and the agent, which has none."""
    mark = f"DISTCC_DIR={farm.client['DISTCC_DIR']}".encode()
    log = Path(farm.client["XDG_RUNTIME_DIR"], "twisted-distcc", "log")
    told: set[int] = set()
    deadline = time.monotonic() + _SECONDS_TO_STOP
    while (left := _processes_of(mark, log)) and time.monotonic() < deadline:
        for pid in left - told:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        told |= left
        time.sleep(0.02)


def _processes_of(variable: bytes, log: Path) -> set[int]:
    """Return the processes that have this variable, or this file as standard error."""
    found = set()
    for name in filter(str.isdecimal, os.listdir("/proc")):
        process = Path("/proc", name)
        with suppress(OSError):  # it has ended, or belongs to another user
            if variable in (process / "environ").read_bytes().split(b"\0"):
                found.add(int(name))
        with suppress(OSError):  # or there is no log, or no standard error
            if log.samefile(process / "fd" / "2"):
                found.add(int(name))
    return found


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
