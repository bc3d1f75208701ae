"""The servers: C distccd and this project's, started alike, and one that compiles nothing.

What enters: a workbench, the PATH on which the server finds its compilers, and where it runs: on
loopback, unless another place is given.
What leaves: a running server, stopped when its `with` block ends.
What it refuses to know: who will connect.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workbench import RowUnavailableError, Workbench

LOOPBACK = "127.0.0.1"

_START_SECONDS = 20
_STOP_SECONDS = 20
_LISTENING = "0A"  # a state of TCP, in /proc


@dataclass(frozen=True, slots=True)
class Place:
    """A network that programs run in.

    Attributes:
        address: its own.
        peer: that of those who call, or are called.
        enter: what stands before a command that is to run there.
    """

    address: str
    peer: str
    enter: tuple[str, ...] = ()


HERE = Place(LOOPBACK, LOOPBACK)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that accepts connections."""

    pid: int
    port: int
    log: Path


@contextmanager
def c_distccd(
    bench: Workbench, path: str, place: Place = HERE, *, jobs: int | None = None
) -> Iterator[Server]:
    """Run Debian's distccd, with compilers looked up on `path`; for so many `jobs` at once, if given."""
    command = [program("distccd"), "--daemon", "--no-detach"]
    with _running(bench, command, path, "c", place, jobs) as server:
        yield server


@contextmanager
def our_distccd(
    bench: Workbench, path: str, *options: str, place: Place = HERE, jobs: int | None = None
) -> Iterator[Server]:
    """Run `twistd distccd` of the environment that this benchmark runs in, likewise.

    It has no sandbox, as C distccd has none, unless `options` say otherwise.
    """
    command = [our_program("twistd"), "--nodaemon", "--pidfile=", "distccd", "--sandbox=off", *options]
    with _running(bench, command, path, "ours", place, jobs) as server:
        yield server


def our_program(name: str) -> str:
    """Return the path of this project's command `name`, from the interpreter's own folder."""
    return program(name, str(Path(sys.executable).parent))


def program(name: str, path: str | None = None) -> str:
    found = shutil.which(name, path=path)
    if found is None:
        raise RowUnavailableError(f"there is no {name} {f'in {path}' if path else 'on PATH'}")
    return found


@contextmanager
def null_server(bench: Workbench, *, seconds: int = 0) -> Iterator[Server]:
    """Run a server that answers each request at once, or so many `seconds` later.

    Its log is a digit per request, the version.
    """
    port = free_port()
    log = bench.open_folder / f"null-{port}.log"
    files = (bench.null_object, bench.null_object_compressed)
    command = [str(bench.null_server), str(port), *map(str, files), str(seconds)]
    with started(command, port, log, os.environ) as pid:
        yield Server(pid, port, log)


@contextmanager
def _running(
    bench: Workbench, command: Sequence[str], path: str, side: str, place: Place, jobs: int | None
) -> Iterator[Server]:
    port = free_port()
    log = bench.open_folder / f"{side}-{port}.log"
    options = ["--allow", place.peer, "--listen", place.address, "--port", str(port)]
    limits = ["--jobs", str(jobs or bench.jobs), "--nice", "0", "--log-file", str(log)]
    output = log.with_suffix(".out")
    environment = os.environ | {"DISTCCD_PATH": path, "TMPDIR": str(bench.open_folder)}
    with started([*place.enter, *command, *options, *limits], port, output, environment) as pid:
        yield Server(pid, port, log)


@contextmanager
def started(
    command: Sequence[str], port: int, output: Path, environment: Mapping[str, str] = os.environ
) -> Iterator[int]:
    """Run what listens on `port`; give its process number."""
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=output.parent,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    try:
        _await_listening(process, port, output)
        yield process.pid
    finally:
        _stop(process)


def _await_listening(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _listens(process.pid, port):
        if process.poll() is not None or time.monotonic() > deadline:
            last = output.read_text(errors="replace").strip().rpartition("\n")[2]
            raise RowUnavailableError(f"{process.args!r} does not serve: {last}")
        time.sleep(0.05)


def _listens(pid: int, port: int) -> bool:
    """Tell whether somebody listens on `port` in the network of process `pid`."""
    try:
        tables = [Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6")]
    except OSError:  # it has ended
        return False
    sockets = (row.split() for table in tables for row in table.splitlines()[1:])
    return any(row[1].endswith(f":{port:04X}") and row[3] == _LISTENING for row in sockets)


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
