"""A user and servers with a network and with mounts of their own, which vanish with the test.

In: a test of a root's.  Out: everything that it starts is started there; disks that can be filled, and
addresses that can be taken away.  It refuses to know builds.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from twisted.internet.task import LoopingCall
from twisted.trial.unittest import SkipTest

from tests.faults.building import FaultTestCase
from tests.live import Child, LiveServer, until
from twisted_distcc.cli.installed import installed_command

FILLER: Final = "filler"
# What jobs give back when they end is taken again before the next one can need it.
_PERIOD: Final = 0.01
_UNSHARE: Final = ("unshare", "--mount", "--net")
# Entered, a file system takes the working directory away: it is entered again, from within.
_ENTER: Final = 'exec nsenter --target={pid} --mount --net -- env -C "$PWD" "$@"'


class ApartTestCase(FaultTestCase):
    _pid = 0

    async def be_apart(self) -> None:
        """Start all from now on in namespaces of their own; skip where that is forbidden."""
        allowed = subprocess.run([*_UNSHARE, "true"], stderr=subprocess.PIPE, check=False)
        if allowed.returncode:
            raise SkipTest(f"namespaces need root: {os.fsdecode(allowed.stderr).strip()}")
        holder = self.start(*_UNSHARE, "sh", "-c", "echo apart; exec sleep 1000")
        await until(lambda: holder.stdout, "the namespaces are there")
        self._pid = holder.pid
        self.root = Path(f"/proc/{holder.pid}/root")
        await self.does("ip", "link", "set", "lo", "up")

    async def mount(self, folder: Path, size: str) -> None:
        """Mount an empty disk of this size."""
        folder.mkdir(exist_ok=True)
        await self.does("mount", "-t", "tmpfs", "-o", f"size={size},mode=1777", "none", str(folder))

    def fill(self, folder: Path) -> None:
        """Keep the disk that is mounted at `folder` full to the last byte, until there is `room`."""
        self._filling = LoopingCall(_fill, self.seen(folder) / FILLER)
        self._filling.start(_PERIOD)
        self.addCleanup(lambda: self._filling.running and self._filling.stop())

    def room(self, folder: Path) -> None:
        """Make room again."""
        self._filling.stop()
        (self.seen(folder) / FILLER).unlink()

    def start(
        self,
        *argv: str,
        environ: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        directory: Path | None = None,
        stdout: int | None = None,
    ) -> Child:
        return super().start(
            *self._apart(argv), environ=environ, stdin=stdin, directory=directory, stdout=stdout
        )

    def start_server(self, *argv: str, environ: Mapping[str, str] | None = None) -> LiveServer:
        return super().start_server(*self._apart(argv), environ=environ)

    def _apart(self, argv: tuple[str, ...]) -> tuple[str, ...]:
        if not self._pid:
            return argv
        program, *words = argv
        enter = _ENTER.format(pid=self._pid)
        return ("sh", "-c", enter, "sh", str(installed_command(program)), *words)


def _fill(path: Path) -> None:
    with open(path, "ab", buffering=0) as filler:
        try:
            while filler.write(b"\0" * 4096):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
