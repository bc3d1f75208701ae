"""distcc's own monitor shows our compiles in flight, and we see those of C distcc."""

from __future__ import annotations

import os
import shutil
import subprocess
from signal import SIGSTOP

from tests.agent.farm import FarmTestCase
from tests.distccd import NO_DISTCCD, start_distccd
from tests.live import Child, until
from twisted_distcc.client.journal.state_folder import StateFolder
from twisted_distcc.client.journal.state_format import COMPILE, State


class MonitorTestCase(FarmTestCase):
    skip = None if shutil.which("distccmon-text") else "distccmon-text is not installed"

    def monitor(self) -> str:
        """Return what distccmon-text shows."""
        environ = {"DISTCC_DIR": str(self.home / ".distcc")}
        ran = subprocess.run(["distccmon-text"], env=environ, check=True, capture_output=True)
        return ran.stdout.decode()

    def states(self) -> list[State]:
        return StateFolder(str(self.home / ".distcc")).read()


class OursTests(MonitorTestCase):
    async def test_remote(self) -> None:
        """A compile on a server is shown as long as it lasts."""
        await self.farm_that_stops()
        child = self.tdistcc("gcc", "-c", "hello.c")
        await self.stopped()
        await until(lambda: "Compile" in self.monitor(), "the compile is shown")
        self.assertRegex(
            self.monitor(), rf"(?m)^ *{child.pid} +Compile +hello\.c +127\.0\.0\.1:\d+\[0\]$"
        )
        await child.kill()
        await until(lambda: not self.monitor().strip(), "the compile is shown no more")
        await until(lambda: not list((self.home / ".distcc/state").iterdir()), "its file is gone")

    async def test_local(self) -> None:
        """So is one that stays here."""
        await self.farm()
        self.stops_once(self.bin / "gcc", "*--coverage*")
        child = self.tdistcc("gcc", "-c", "--coverage", "hello.c")
        await self.stopped()
        await until(lambda: "localhost[0]" in self.monitor(), "the compile is shown")
        await child.kill()
        await until(lambda: not self.monitor().strip(), "the compile is shown no more")

    async def test_killed(self) -> None:
        """What an agent that was killed has left is not shown once its tdistcc is gone, too."""
        await self.farm_that_stops()
        child = self.tdistcc("gcc", "-c", "hello.c")
        await self.stopped()
        await until(lambda: bool(self.monitor().strip()), "the compile is shown")
        os.kill(self.agent(), SIGSTOP)
        await child.kill()
        await self.end_agents()
        self.assertEqual(self.monitor().strip(), "")
        self.assertEqual(len(os.listdir(self.home / ".distcc/state")), 1)

    async def test_off(self) -> None:
        """With `DISTCC_JOURNAL=0` nothing is written at all."""
        await self.farm()
        await self.compiles(DISTCC_JOURNAL="0")
        await self.end_agents()
        self.assertEqual([path.name for path in (self.home / ".distcc").iterdir()], ["lock"])


class TheirsTests(MonitorTestCase):
    skip = NO_DISTCCD

    async def test_theirs(self) -> None:
        """A compile of C distcc's is seen with its file, its host and what it does."""
        folder = self.home / "server-bin"
        folder.mkdir()
        for name in ("gcc", "x86_64-linux-gnu-gcc"):
            self.stops_once(folder / name, "*' -o '*")
        _, port = await start_distccd(self, "--enable-tcp-insecure", PATH=f"{folder}:/usr/bin:/bin")
        child: Child = self.run_in_home(
            "/usr/bin/distcc", "gcc", "-c", "hello.c", DISTCC_HOSTS=f"127.0.0.1:{port}"
        )
        await self.stopped()
        expected = [State(child.pid, "hello.c", "127.0.0.1", 0, COMPILE)]
        await until(lambda: self.states() == expected, f"{self.states()} are {expected}")
