"""A real Remote Execution engine, BuildBox's, as a child process on loopback.

`tools/buildbox` brings its programs.  It runs actions by bubblewrap, which it can as root only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from tests.live import Child, LiveTestCase, until
from tests.sshd import free_port
from twisted_distcc.cli.installed import CommandMissingError, installed_command


class LiveEngine(Child):
    """An engine that keeps what it is sent in its folder."""

    port: int

    @property
    def word(self) -> str:
        """Its word for a hosts list."""
        return f"grpc://127.0.0.1:{self.port}/4"

    @property
    def store(self) -> Path:
        """Where it keeps blobs and results."""
        return self.folder / "store"

    @property
    def disk(self) -> Path:
        """The same, as the engine itself sees it, which may have a disk of its own there."""
        return Path(f"/proc/{self.pid}/root", *self.store.parts[1:])

    def requests(self, kind: str) -> int:
        """Count the requests of a kind so far, such as `Execute`."""
        return len(re.findall(rf"\] {kind} request", self.stderr))

    async def ready(self) -> None:
        """Wait until it listens."""
        await until(lambda: "Server listening" in self.stderr or self.has_ended(), "the engine listens")
        if self.has_ended():
            raise AssertionError(f"the engine ended at once, and said: {self.stderr}")


def engine_command(folder: Path, port: int) -> Sequence[str]:
    """Return the command that starts an engine with its store below `folder`."""
    programs = {name: str(installed_command(f"buildbox-{name}")) for name in ("casd", "run")}
    return (
        programs["casd"], f"--buildbox-run={programs['run']}", "--jobs=2", f"--bind=127.0.0.1:{port}",
        "--reserved=1M", "--log-level=info", str(folder / "store"),
    )  # fmt: skip


async def start_engine(test: LiveTestCase, size: str = "") -> LiveEngine:
    """Start an engine for `test`, which is skipped where there is none.

    If a `size` is given, its store is on a disk of that size, which vanishes with it.
    """
    folder, port = test.place(), free_port()
    try:
        command = (*(_disk(folder / "store", size) if size else ()), *engine_command(folder, port))
    except CommandMissingError as error:
        test.skipTest(f"{error} (`tools/buildbox` brings it)")
    if os.getuid():
        test.skipTest("only root's engine can run actions")
    engine = LiveEngine(command, folder)
    engine.port = port
    test.addCleanup(engine.kill)  # asked to end, it may wait for a client that was cut off
    await engine.ready()
    return engine


def _disk(folder: Path, size: str) -> Sequence[str]:
    """Return words before a command, which has a disk of this size at `folder` then."""
    mount = f'mkdir -p "$0" && mount -t tmpfs -o size={size} none "$0" && exec "$@"'
    return ("unshare", "--mount", "sh", "-c", mount, str(folder))
