"""Callers that differ in what they see, reach and are: each is served as if it were by itself."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from tests.agent.farm import FarmTestCase
from tests.agent.home import HomeTestCase
from tests.live import until
from tests.prefix import SCRIPT, TDISTCC, install_program
from twisted_distcc.cli.installed import installed_command

# A root of its own on tmpfs, in which everything is where it is outside; the folder /w is its own.
IN_A_ROOT = """
set -e
root=$1; shift
mkdir -p $root
mount -t tmpfs none $root
for folder in /*; do
    if [ -L $folder ]; then
        cp -a $folder $root
    elif [ -d $folder ]; then
        mkdir $root$folder
        mount --rbind $folder $root$folder
    fi
done
mkdir $root/w
"""
TWO_ROOTS = f"""
for name in a b; do
    (
    {IN_A_ROOT.replace("$1; shift", "$PWD/$name")}
    echo "int $name;" >$root/w/w.c
    )
done
for name in a b; do
    chroot $PWD/$name sh -c "cd /w && $TDISTCC gcc -c w.c"
done
for name in a b; do
    (cd $name/w && gcc -c w.c -o plain.o && cmp w.o plain.o && ls)
done
"""
ROOT_ONLY = None if os.getuid() == 0 else "only root can make roots and namespaces"

# Whoever starts the agent here ignores and blocks signals, and has a priority and variables of his own.
DIRTY = """
import os, signal, sys
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGALRM})
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
open("/proc/self/oom_score_adj", "w").write("500")
os.umask(0o077)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def status_of(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


class CallerTests(FarmTestCase):
    async def test_fakeroot(self) -> None:
        """fakeroot's compiles are done quietly, and neither by an agent nor to the harm of one."""
        if shutil.which("fakeroot") is None:
            self.skipTest("fakeroot is not installed (Debian: apt-get install fakeroot)")
        server = await self.farm()
        for tdistcc in (str(SCRIPT), str(TDISTCC)):
            argv = ("/usr/bin/fakeroot", tdistcc, "gcc", "-c", "hello.c", "-o", "hello.o")
            child = await self.succeeds(*argv)
            self.assertEqual((child.stdout, child.stderr), (b"", ""))
            self.is_right()
        self.assertEqual(self.agents(), [])
        await self.compiles()
        child = await self.succeeds(*argv, DISTCC_VERBOSE="1")
        self.assertIn("working without an agent: LD_PRELOAD is set", child.stderr)
        self.agent()
        self.assertEqual(len(server.jobs), 4)

    async def test_without_a_network(self) -> None:
        """Who has no network compiles here; nobody else hears of that."""
        server = await self.farm()
        self.environ["DISTCC_FALLBACK"] = "1"
        await self.succeeds("/usr/bin/unshare", "--net", "tdistcc", "gcc", "-c", "hello.c")
        self.assertEqual(len(server.jobs), 0)
        await self.compiles()
        self.assertEqual(len(server.jobs), 1)
        self.assertEqual(len(self.agents()), 2)

    async def test_two_roots(self) -> None:
        """Roots that differ in their devices alone have an agent each, and their own files."""
        await self.farm()
        roots = self.home / "roots"
        roots.mkdir()
        for tdistcc in (str(SCRIPT), str(TDISTCC)):
            child = await self.succeeds(
                "/usr/bin/unshare",
                "--mount",
                "/bin/sh",
                "-c",
                f"cd {roots}; {TWO_ROOTS}",
                TDISTCC=tdistcc,
            )
            self.assertEqual(child.stdout.split(), [b"plain.o", b"w.c", b"w.o"] * 2)

    async def test_groups(self) -> None:
        """Whose groups are others has another agent, of the same groups; it serves him again."""
        await self.compiles()
        for tdistcc in (SCRIPT, install_program(self.home / "compiled", "exit 1")):
            await self.succeeds("/usr/bin/setpriv", "--groups=33", str(tdistcc), "gcc", "-c", "hello.c")
        self.assertEqual(sorted(status_of(pid)["Groups"] for pid in self.agents()), ["", "33"])

    if ROOT_ONLY:
        test_without_a_network.skip = test_two_roots.skip = test_groups.skip = ROOT_ONLY  # type: ignore[attr-defined]


class CleanStartTests(HomeTestCase):
    async def test_nothing_of_its_starter(self) -> None:
        """An agent has its starter's context, and nothing else of it."""
        await self.succeeds(sys.executable, "-c", DIRTY, "tdistcc", "gcc", "-c", "hello.c", BUILD="1")
        agent = self.agent()
        variables = Path(f"/proc/{agent}/environ").read_bytes()
        self.assertEqual(variables, b"")
        status = status_of(agent)
        ignored = int(status["SigIgn"], 16)
        by_python = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
        of_the_c_library = 1 << 32 - 1 | 1 << 33 - 1  # which lets nobody touch these two
        self.assertEqual(ignored & ~(by_python | of_the_c_library), 0)
        self.assertEqual(int(status["SigBlk"], 16), 0)
        self.assertEqual(status["Umask"], "0022")
        self.assertGreaterEqual(os.sched_getaffinity(agent), os.sched_getaffinity(0))
        self.assertEqual(Path(f"/proc/{agent}/oom_score_adj").read_text(), "0\n")

    async def test_descriptors_beyond_the_limit(self) -> None:
        """A descriptor whose number is above the limit that came later is not kept, either."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        high = os.dup2(writing, 200)
        command = [
            "/bin/sh",
            "-c",
            'ulimit -n 100; exec "$@"',
            "sh",
            installed_command("tdistcc"),
            "gcc",
        ]
        subprocess.run(
            [*command, "-c", "hello.c"], cwd=self.work, env=os.environ | self.environ, pass_fds=[high],
            check=True,
        )  # fmt: skip
        os.close(writing)
        os.close(high)
        os.set_blocking(reading, False)
        self.assertEqual(os.read(reading, 1), b"")
        self.agent()


class SocketTests(HomeTestCase):
    def sockets(self) -> list[str]:
        folder = self.runtime / "twisted-distcc"
        return [name for name in os.listdir(folder) if name.startswith("agent-")]

    async def test_left_sockets(self) -> None:
        """The sockets of agents that were killed are gone when the next agent starts; others stay."""
        await self.compiles()
        await self.succeeds("/usr/bin/nice", "tdistcc", "gcc", "-c", "hello.c")
        first, second = self.agents()
        os.kill(second, signal.SIGKILL)
        await self.gone(second)
        await self.succeeds("/usr/bin/nice", "-n", "5", "tdistcc", "gcc", "-c", "hello.c")
        self.assertEqual(len(self.sockets()), 2)
        self.assertIn(first, self.agents())

    async def test_an_end_without_a_word(self) -> None:
        """An agent that ends removes its socket, and has nothing to say about that."""
        await self.compiles()
        agent = self.agent()
        os.kill(agent, signal.SIGTERM)
        await self.gone(agent)
        await until(lambda: self.sockets() == [], "its socket is gone")
        self.assertEqual((self.runtime / "twisted-distcc" / "log").read_text(), "")
