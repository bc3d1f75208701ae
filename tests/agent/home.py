"""A user with a home, a runtime folder and a work folder of their own, whose tdistcc is the real one.

In: what the user types.  Out: processes, and the agents that they started; all are gone when the test
is over.  It refuses to know servers: `tests.live` starts those.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.live import Child, LiveTestCase, open_to_all, until
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.client.scheduling.slots import SlotDirectory

HELLO = """\
#include <stdio.h>
int main(void) { puts("hello"); return 0; }
"""
AGENT = b"twisted_distcc.agent.main"


def agents_of(runtime: Path) -> list[int]:
    """Give the process numbers of the agents whose runtime folder is `runtime`, by their log."""
    log = runtime / "twisted-distcc" / "log"
    return [pid for pid in agents() if _has_log(pid, log)]


def agents() -> Iterator[int]:
    """Yield the process numbers of all agents, whosever they are."""
    for pid in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if AGENT in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                yield int(pid)


def _has_log(pid: int, log: Path) -> bool:
    try:
        return log.samefile(f"/proc/{pid}/fd/2")
    except OSError:  # it has ended meanwhile, or is somebody else's
        return False


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended, and that nobody asked about, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def opened(pid: int) -> list[str]:
    """Name what the process has open, once for each of its descriptors."""
    names = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):  # it is closed by now
            names.append(os.readlink(descriptor))
    return names


class HomeTestCase(LiveTestCase):
    """One user.  `environ` is what differs from the plain environment; tests may change it."""

    def setUp(self) -> None:
        # The name of a socket has to be short, and trial's own folders are not.
        self.runtime = Path(tempfile.mkdtemp(prefix="tdistcc-test-"))
        self.addCleanup(shutil.rmtree, self.runtime)
        self.addCleanup(self.end_agents)
        self.home = self.place()
        self.work, self.tmp, self.bin = (self.home / name for name in ("work", "tmp", "bin"))
        for folder in (self.work, self.tmp, self.bin):
            folder.mkdir(parents=True)
        open_to_all(self.home)
        (self.work / "hello.c").write_text(HELLO)
        self.environ = {
            "HOME": str(self.home),
            "PATH": f"{self.bin}:{installed_command('tdistcc').parent}:{os.environ['PATH']}",
            "DISTCC_HOSTS": "",
            "TMPDIR": str(self.tmp),
            "XDG_RUNTIME_DIR": str(self.runtime),
        }

    def program(self, name: str, text: str) -> Path:
        """Make a shell script of this name, the first that PATH finds."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def run_in_home(self, *argv: str, **changes: str) -> Child:
        """Start a command in the work folder, as this user."""
        return self.start(*argv, environ=self.environ | changes, directory=self.work)

    def tdistcc(self, *argv: str, **changes: str) -> Child:
        """Start tdistcc in the work folder."""
        return self.run_in_home("tdistcc", *argv, **changes)

    async def succeeds(self, *argv: str, **changes: str) -> Child:
        """Run a command of the user's to its end, which has to be a good one."""
        child = self.run_in_home(*argv, **changes)
        self.assertEqual(await child.ended(), 0, child.stderr)
        return child

    async def compiles(self, **changes: str) -> None:
        """Compile `hello.c` by tdistcc into `hello.o`, which was not there."""
        (self.work / "hello.o").unlink(missing_ok=True)
        await self.succeeds("tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o", **changes)
        self.is_right()

    def is_right(self, name: str = "hello.o") -> None:
        """Assert that the object is the one that a local compile makes."""
        expected = self.home / "expected.o"
        command = ["/usr/bin/gcc", "-c", "hello.c", "-o", str(expected)]
        subprocess.run(command, cwd=self.work, check=True)
        self.assertTrue((self.work / name).read_bytes() == expected.read_bytes())

    def agents(self) -> list[int]:
        """Give the agents that run for this user."""
        return [pid for pid in agents_of(self.runtime) if is_alive(pid)]

    def agent(self) -> int:
        """Give the one agent that runs."""
        [pid] = self.agents()
        return pid

    async def gone(self, pid: int) -> None:
        """Wait until the process of this number has ended."""
        await until(lambda: not is_alive(pid), f"process {pid} is gone")

    async def end_agents(self) -> None:
        for pid in self.agents():
            os.kill(pid, signal.SIGKILL)
        await until(lambda: not self.agents(), "the agents are gone")

    def slots_taken(self, name: str) -> int:
        """Count the slots that are taken on the host of this lock name."""
        return SlotDirectory(str(self.home / ".distcc" / "lock")).in_use(name, 8)

    def left(self) -> list[str]:
        """Name what lies in the folder for temporary files, and beside the source."""
        return sorted([*os.listdir(self.tmp), *os.listdir(self.work)])
