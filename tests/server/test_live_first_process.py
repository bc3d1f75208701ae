"""Servers and builds that are the first process of a PID namespace, as in a container."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.agent.farm import FarmTestCase
from tests.live import Child, until
from twisted_distcc.cli.installed import installed_command

FIRST = ("/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
# Has the kernel leave it what the programs that it becomes leave behind.
SUBREAPER = """
import ctypes, os, sys
assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0
os.execv(sys.argv[1], sys.argv[1:])
"""
# A compiler that has a child of its own, and stops the first time that it compiles.
STOPS_WITH_A_CHILD = """\
#!/bin/sh
case " $* " in
*' -x '*)
    if mkdir "{mark}.lock" 2>/dev/null; then
        sleep 1000 &
        : > "{mark}"
        wait
    fi;;
esac
exec /usr/bin/gcc "$@"
"""
# Leaves a child that ends later to whoever adopts it, and says when it has.
LEAVES = "(sleep 0.1; : >left) & exit 7"


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def zombies(pid: int) -> list[int]:
    """Give those of its children that have ended and that it has not waited for."""
    found = []
    for child in children(pid):
        try:
            state = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state == "Z":
            found.append(child)
    return found


class ServerTests(FarmTestCase):
    if os.getuid() != 0:
        skip = "only root can make PID namespaces"

    async def leaves_nothing(self, *prefix: str) -> None:
        """A job that is given up leaves nothing, and the next one is done and told right."""
        folder = self.home / "server-bin"
        folder.mkdir()
        (folder / "gcc").write_text(STOPS_WITH_A_CHILD.format(mark=self.mark))
        (folder / "gcc").chmod(0o755)
        server = self.start_server(
            *prefix, str(installed_command("twistd")), "--nodaemon", "--pidfile=", "distccd",
            "--allow=127.0.0.1", "--listen=127.0.0.1", "--port=0", "--sandbox=off", "--log-level=debug",
            "--log-file=log", environ={"DISTCCD_PATH": f"{folder}:/usr/bin:/bin"},
        )  # fmt: skip
        await server.ready()
        self.environ |= {
            "DISTCC_HOSTS": f"127.0.0.1:{server.port}/4",
            "DISTCC_FALLBACK": "0",
            "DISTCC_TRUST_NAMES": "1",  # that compiler is a script
        }
        given_up = self.tdistcc("gcc", "-c", "hello.c", "-o", "hello.o")
        await until(self.mark.exists, "the compiler has stopped")
        await given_up.kill()
        await server.logged("verdict=cancelled")
        first = children(server.pid)[0] if prefix == FIRST else server.pid
        await until(lambda: not zombies(first), "nothing is left of the job")
        await self.compiles()

    async def test_first_process(self) -> None:
        """The first process of a PID namespace reaps what given-up jobs leave."""
        await self.leaves_nothing(*FIRST)

    async def test_subreaper(self) -> None:
        """So does a server that was made a subreaper before it started."""
        await self.leaves_nothing(sys.executable, "-c", SUBREAPER)


class BuildTests(FarmTestCase):
    if os.getuid() != 0:
        skip = "only root can make PID namespaces"

    def build(self, script: str) -> Child:
        pump = str(installed_command("twisted-distcc"))
        return self.run_in_home(*FIRST, pump, "pump", "/bin/sh", "-c", script)

    async def test_a_build(self) -> None:
        """A build below `pump` ends as its command ends, whatever that leaves to be adopted."""
        self.assertEqual(await self.build(LEAVES).ended(), 7)

    async def test_what_it_leaves(self) -> None:
        """What a command leaves is reaped while the build goes on."""
        script = f"sh -c '{LEAVES}'; until [ -e stop ]; do sleep 0.05; done"
        build = self.build(script)
        await until((self.work / "left").exists, "what was left has ended")
        [first] = children(build.pid)
        await until(lambda: not zombies(first), "it was reaped")
        (self.work / "stop").touch()
        self.assertEqual(await build.ended(), 0)
