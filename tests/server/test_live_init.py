"""Debian's own init script, from its distcc package, with this server in the place of distccd."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest

from tests.live import Child, LiveTestCase, is_running, until
from tests.server.standing import require_root
from twisted_distcc.cli.installed import installed_command

SCRIPT = Path("/etc/init.d/distcc")
SETTINGS = Path("/etc/default/distcc")
OURS = Path(__file__).parents[2] / "doc" / "sysv" / "distcc.default"
PLACE = "/opt/twisted-distcc"
# A machine whose /run, /var/log, network and processes are its own, and that does what it is told.
MACHINE = f"""
mount -t tmpfs run /run; mount -t tmpfs log /var/log; mkdir -p /var/run
mount --bind $0 {SETTINGS}; ip link set lo up
touch /var/log/distccd.log; chown distccd /var/log/distccd.log
echo ready
while read -r word; do {SCRIPT} "$word"; echo "$word $? $(cat /var/run/distccd.pid)"; done
"""
SERVER = b"twisted_distcc.cli.tdistccd"


class InitScriptTests(LiveTestCase):
    def installed(self) -> Path:
        """Make an installation, as the documentation has it; return its settings for the script."""
        place = self.place("place")
        (place / "init").mkdir(parents=True)
        (place / "bin").symlink_to(installed_command("tdistccd").parent)
        (place / "lib").symlink_to(Path(sys.prefix) / "lib")
        shutil.copy(Path(sys.prefix) / "pyvenv.cfg", place)
        (place / "init" / "distccd").symlink_to("../bin/python3")
        settings = place / "distcc.default"
        settings.write_text(OURS.read_text().replace(PLACE, str(place)))
        return settings

    def machine(self) -> tuple[Child, int]:
        """Start the machine; return it, and the pipe by which it is told what to do."""
        require_root()
        if not SCRIPT.exists():
            raise SkipTest("distcc is not installed (Debian: apt-get install distcc)")
        told, tell = os.pipe()
        alone = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
        child = self.start(*alone, "sh", "-c", MACHINE, str(self.installed()), stdin=told)
        os.close(told)
        self.addCleanup(os.close, tell)
        return child, tell

    async def says(self, machine: Child, tell: int, word: str) -> tuple[int, str]:
        """Tell the script a word; return its status, and the pid file's content afterwards."""
        before = machine.stdout.count(b"\n")
        os.write(tell, f"{word}\n".encode())

        def answer() -> list[str]:
            lines = machine.stdout.decode().splitlines()[before:]
            return [line for line in lines if line.startswith(f"{word} ")]

        _, status, *pid = (await until(answer, f"the script has done {word}"))[0].split(" ")
        return int(status), "".join(pid)

    async def test_its_words(self) -> None:
        """start, stop, restart and status do, and say, what they do and say of distccd."""
        machine, tell = self.machine()
        await until(lambda: machine.stdout, "the machine is there")
        self.assertEqual((await self.says(machine, tell, "status"))[0], 3)
        status, first = await self.says(machine, tell, "start")
        self.assertEqual((status, bool(first)), (0, True), machine.stderr)
        self.assertEqual((await self.says(machine, tell, "status"))[0], 0)
        self.assertEqual(await self.says(machine, tell, "start"), (0, first))
        status, second = await self.says(machine, tell, "restart")
        self.assertEqual((status, second not in ("", first)), (0, True), machine.stderr)
        servers = self.servers(machine)
        self.assertEqual(sum(SERVER in words for words in servers.values()), 1)
        self.assertEqual(await self.says(machine, tell, "stop"), (0, ""))
        await until(lambda: not any(map(is_running, servers)), "the server is gone")
        self.assertEqual((await self.says(machine, tell, "status"))[0], 3)

    def servers(self, machine: Child) -> dict[int, list[bytes]]:
        """Return the command lines of servers there, and of their launchers, by numbers here."""
        namespace = os.stat(f"/proc/{machine.pid}/ns/pid_for_children").st_ino
        found = {}
        for pid in filter(str.isdecimal, os.listdir("/proc")):
            try:
                same = os.stat(f"/proc/{pid}/ns/pid").st_ino == namespace
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:  # it has ended meanwhile
                continue
            if same and words[0].endswith(b"/init/distccd") and is_running(int(pid)):
                found[int(pid)] = words
        return found
