"""Debian's icecream: a scheduler and a daemon where the client is, and a daemon where the server is.

What enters: a workbench, and the two ends of a link: nothing is sent to a daemon of the same address.
What leaves: a client, all of whose units go over the link, and how many have.

A daemon takes no jobs from elsewhere while its machine is busy, and here the client keeps it busy.  So
the one at the server's end sees files in /proc that say it is idle.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clients import Client
from benchmarks.network import Link
from benchmarks.servers import Place, program, started
from benchmarks.workbench import RowUnavailableError, Workbench

_SCHEDULER_PORT = 8765
_DAEMON_PORT = 10245
_USER = "icecc"
_SBIN = "/usr/sbin:/usr/bin"
_SEEMS_IDLE = """
for file in loadavg stat; do mount --bind "$1/$file" /proc/$file || exit; done
shift
exec "$@"
"""
_START_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Icecream:
    """A farm of icecream.

    Attributes:
        client: sends all units to the daemon at the other end.
    """

    client: Client
    _log: Path

    def sent(self) -> int:
        """Return how many units have been compiled at the other end so far."""
        ends = (line for line in self._log.read_text().splitlines() if " END " in line)
        return sum(line.endswith("server=far") for line in ends)


@contextmanager
def icecream(bench: Workbench, made: Link) -> Iterator[Icecream]:
    """Start the scheduler and the daemons."""
    folder = bench.open_folder / f"icecream-{made.client.address}"
    log, socket = folder / "scheduler.log", folder / "near.socket"
    _prepare(folder)
    scheduler = [program("icecc-scheduler", _SBIN), "-l", str(log), "-vvv"]
    idle = ("unshare", "--mount", "sh", "-c", _SEEMS_IDLE, "sh", str(folder))
    with ExitStack() as stack:
        words = [*made.client.enter, *scheduler]
        stack.enter_context(started(words, _SCHEDULER_PORT, folder / "scheduler.out"))
        for name, place, before in (("near", made.client, ()), ("far", made.server, idle)):
            words = [*place.enter, *before, *_daemon(bench, folder, name, made.client)]
            environment = os.environ | {"ICECC_TEST_SOCKET": str(folder / f"{name}.socket")}
            stack.enter_context(started(words, _DAEMON_PORT, folder / f"{name}.out", environment))
        _await_logins(log)
        variables = os.environ | {"ICECC_TEST_SOCKET": str(socket), "ICECC_PREFERRED_HOST": "far"}
        yield Icecream(Client(program("icecc"), variables, made.client.enter), log)


def _prepare(folder: Path) -> None:
    folder.mkdir()
    (folder / "loadavg").write_text("0.00 0.00 0.00 1/100 1\n")
    shutil.copy("/proc/stat", folder / "stat")  # it stands still, as an idle machine's nearly does
    try:
        shutil.chown(folder, _USER)
    except LookupError:
        raise RowUnavailableError("there is no icecream (Debian: icecc)") from None


def _daemon(bench: Workbench, folder: Path, name: str, scheduler: Place) -> list[str]:
    places = ["-s", scheduler.address, "-b", str(folder / name), "-l", str(folder / f"{name}.log")]
    return [program("iceccd", _SBIN), "-N", name, "-m", str(bench.jobs), "--nice", "0", *places]


def _await_logins(log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while log.read_text().count(" login ") < 2:
        if time.monotonic() > deadline:
            raise RowUnavailableError("the daemons of icecream do not find their scheduler")
        time.sleep(0.1)
