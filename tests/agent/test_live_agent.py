"""Real agents: they start by themselves, once, detached; they stay, follow upgrades, and end."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path

from tests.agent.home import HomeTestCase, opened
from tests.live import until
from tests.prefix import install
from twisted_distcc.agent.frames import REQUEST, frame, pack_request
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.launcher.signals import STRAY

QUIET_AGENT = """
import os, shutil, sys, socket
from twisted.internet import reactor
from twisted_distcc.agent.context import context_of
from twisted_distcc.agent.main import Listener, serve
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
if "--logout" in sys.argv:
    reactor.callWhenRunning(shutil.rmtree, os.path.dirname(sys.argv[1]))
serve(reactor, Listener(listener.detach()), context_of("self"), idle=0.05)
"""
CALL = """
import socket, sys
with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(sys.argv[1])
    try:
        connection.sendall(bytes.fromhex(sys.argv[2]))
        sys.stdout.buffer.write(connection.recv(1))
    except ConnectionError:
        pass
"""


class StartTests(HomeTestCase):
    async def test_once_for_fifty(self) -> None:
        """Fifty compiles that start at the same moment, with no agent there, start one."""
        self.program("gcc", "exit 0")
        (self.runtime / "twisted-distcc").mkdir(mode=0o700)
        with open(self.runtime / "twisted-distcc" / "lock", "w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            argv = ("gcc", "-c", "hello.c")
            running = [self.tdistcc(*argv, DISTCC_HOSTS="localhost") for _ in range(50)]
            for child in running:
                waiting = partial(self.is_at, child.pid, gate.name)
                await until(waiting, "it has found no agent")
        for child in running:
            self.assertEqual(await child.ended(), 0)
            self.assertEqual(child.stderr, "")
        self.assertEqual(len(self.agents()), 1)

    @staticmethod
    def is_at(pid: int, gate: str) -> bool:
        return gate in opened(pid)

    async def test_it_holds_nothing_of_who_started_it(self) -> None:
        """An agent has a session, a folder and descriptors of its own."""
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        command = [installed_command("tdistcc"), "gcc", "-c", "hello.c"]
        environ = os.environ | self.environ
        subprocess.run(command, cwd=self.work, env=environ, pass_fds=[writing], check=True)
        os.close(writing)
        os.set_blocking(reading, False)  # reading fails if somebody still has the writing end
        self.assertEqual(os.read(reading, 1), b"")
        agent = self.agent()
        await until(lambda: not self.slots_taken("localhost"), "it has noticed that the compiler ended")
        self.assertEqual(os.readlink(f"/proc/{agent}/cwd"), "/")
        self.assertNotEqual(os.getsid(agent), os.getsid(0))
        counted = Counter(opened(agent))
        known = ("/dev/null", f"{self.runtime}/twisted-distcc/log", "socket:", "anon_inode:")
        # The reactor wakes itself by a pipe; it has both of its ends.
        foreign = {name: count for name, count in counted.items() if not name.startswith(known)}
        self.assertEqual({name[:5] for name in foreign} | {"pipe:"}, {"pipe:"})
        self.assertEqual(set(foreign.values()) | {2}, {2})

    async def test_a_pipeline_returns(self) -> None:
        """`tdistcc … | cat` ends, though the agent that it started stays."""
        script = "tdistcc gcc -c hello.c 2>&1 | cat; echo end"
        child = await self.succeeds("/bin/sh", "-c", script, DISTCC_HOSTS="localhost")
        self.assertEqual(child.stdout, b"end\n")
        self.agent()

    async def test_ninja_returns(self) -> None:
        """ninja, which waits for every descriptor that it gave away, ends; so does make through cat."""
        if shutil.which("ninja") is None or shutil.which("make") is None:
            self.skipTest("ninja or make is not installed (Debian: apt-get install ninja-build make)")
        (self.work / "build.ninja").write_text(
            "rule cc\n  command = tdistcc gcc -c $in -o $out\nbuild hello.o: cc hello.c\n"
        )
        await self.succeeds("/bin/sh", "-c", "ninja")
        self.is_right()
        self.agent()
        await self.end_agents()
        (self.work / "hello.o").unlink()
        (self.work / "Makefile").write_text("hello.o: hello.c\n\ttdistcc gcc -c $< -o $@\n")
        await self.succeeds("/bin/sh", "-c", "make -j2 | cat")
        self.is_right()

    async def test_it_outlives_the_build(self) -> None:
        """An agent survives the end of the whole process group that started it, and serves the next."""
        build = self.run_in_home("/bin/sh", "-c", "tdistcc gcc -c hello.c; exec sleep 1000")
        await until((self.work / "hello.o").exists, "the compile is done")
        agent = self.agent()
        await build.kill()
        await self.compiles()
        self.assertEqual(self.agent(), agent)

    async def test_a_shell_that_ignores_children(self) -> None:
        """Where SIGCHLD is ignored an agent is started all the same."""
        starter = (
            "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN);"
            "os.execv(sys.argv[1], sys.argv[1:])"
        )
        tdistcc = str(installed_command("tdistcc"))
        await self.succeeds(sys.executable, "-c", starter, tdistcc, "/bin/true", "-c", "hello.c")
        self.agent()


class EndTests(HomeTestCase):
    async def test_idle(self) -> None:
        """An agent that is idle for long enough ends, and takes its socket's name with it."""
        path = self.runtime / "agent"
        agent = self.start(sys.executable, "-c", QUIET_AGENT, str(path), environ=self.environ)
        self.assertEqual(await agent.ended(), 0, agent.stderr)
        self.assertEqual((path.exists(), agent.stderr), (False, ""))

    async def test_its_folder_is_gone(self) -> None:
        """An agent whose runtime folder was removed, as at the end of a login, ends like any other."""
        folder = self.runtime / "login"
        folder.mkdir()
        argv = (QUIET_AGENT, str(folder / "agent"), "--logout")
        agent = self.start(sys.executable, "-c", *argv, environ=self.environ)
        self.assertEqual(await agent.ended(), 0, agent.stderr)
        self.assertEqual((folder.exists(), agent.stderr), (False, ""))

    async def test_after_it_has_gone(self) -> None:
        """The next compile after an agent has gone, whichever way, starts another one."""
        await self.compiles()
        for number in (signal.SIGTERM, signal.SIGKILL):
            agent = self.agent()
            os.kill(agent, number)
            await self.gone(agent)
            await self.compiles()
            self.assertNotEqual(self.agent(), agent)

    async def test_signals(self) -> None:
        """What means nothing to an agent does not end it; what ends it does so in order."""
        await self.compiles()
        agent = self.agent()
        for number in STRAY:
            os.kill(agent, number)
        await self.compiles()
        self.assertEqual(self.agent(), agent)
        os.kill(agent, signal.SIGHUP)
        await self.gone(agent)
        log = self.runtime / "twisted-distcc" / "log"
        self.assertEqual(log.read_text(), "")

    async def test_an_upgrade(self) -> None:
        """When the package has changed, the next compile gets an agent of what is there now."""
        copy = install(self.home / "prefix")
        tdistcc = str(self.home / "prefix" / "bin" / "tdistcc")
        await self.succeeds(tdistcc, "gcc", "-c", "hello.c")
        old = self.agent()
        await self.succeeds(tdistcc, "gcc", "-c", "hello.c")
        self.assertEqual(self.agent(), old)
        os.utime(copy / "__init__.py", (1, 1))
        await self.succeeds(tdistcc, "gcc", "-c", "hello.c")
        await self.gone(old)
        self.assertNotEqual(self.agent(), old)
        self.assertEqual((self.runtime / "twisted-distcc" / "log").read_text(), "")


class FolderTests(HomeTestCase):
    """Whatever stands where the agent's folder should be, the compile is done, without an agent."""

    async def refused(self, sentence: str) -> None:
        child = await self.succeeds("tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o")
        self.assertIn(sentence, child.stderr)
        self.assertIn("compiling without an agent", child.stderr)
        self.is_right()
        self.assertEqual(self.agents(), [])

    async def test_a_link(self) -> None:
        """A folder that is a symbolic link is refused, though it leads to one of ours."""
        (self.runtime / "elsewhere").mkdir(mode=0o700)
        (self.runtime / "twisted-distcc").symlink_to("elsewhere")
        await self.refused("is not a folder of yours that only you may enter")
        self.assertEqual(os.listdir(self.runtime / "elsewhere"), [])

    async def test_open_to_others(self) -> None:
        """A folder that others may enter is refused."""
        (self.runtime / "twisted-distcc").mkdir()
        (self.runtime / "twisted-distcc").chmod(0o750)
        await self.refused("is not a folder of yours that only you may enter")

    async def test_a_file(self) -> None:
        """Something that is no folder is refused."""
        (self.runtime / "twisted-distcc").touch(mode=0o700)
        await self.refused("is not a folder of yours that only you may enter")

    async def test_of_another_user(self) -> None:
        """A folder that another user has made is refused."""
        if os.getuid() != 0:
            self.skipTest("only root can make folders of another user")
        (self.runtime / "twisted-distcc").mkdir(mode=0o700)
        os.chown(self.runtime / "twisted-distcc", 65534, 65534)
        await self.refused("is not a folder of yours that only you may enter")

    async def test_a_name_that_is_too_long(self) -> None:
        """A runtime folder whose name leaves no room for a socket's is an agent less, and no more."""
        long = self.runtime / ("long" * 30)
        long.mkdir(mode=0o700)
        self.environ["XDG_RUNTIME_DIR"] = str(long)
        await self.refused("path too long")


class OtherUserTests(HomeTestCase):
    """Root's agent serves root alone; these tests become another user, which only root can."""

    if os.getuid() != 0 or shutil.which("setpriv") is None:
        skip = "only root can become another user (by setpriv, of Debian's util-linux)"

    NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

    def as_nobody(self, *argv: str) -> subprocess.CompletedProcess[bytes]:
        """Run a Python program that anyone can, as nobody."""
        command = [*self.NOBODY, "/usr/bin/python3", "-c", *argv]
        return subprocess.run(command, cwd="/", capture_output=True, check=False, timeout=30)

    def socket(self) -> Path:
        [path] = (self.runtime / "twisted-distcc").glob("agent-*")
        return path

    async def test_its_folder_is_closed(self) -> None:
        """Another user cannot so much as see the socket."""
        await self.compiles()
        self.runtime.chmod(0o755)
        call = self.as_nobody(CALL, str(self.socket()), "00")
        self.assertIn(b"PermissionError", call.stderr)

    async def test_its_own_look_at_who_calls(self) -> None:
        """With all doors open another user is still let go without an answer, and the agent says so."""
        await self.compiles()
        for path, mode in ((self.runtime, 0o755), (self.socket().parent, 0o755), (self.socket(), 0o666)):
            path.chmod(mode)
        words = [b"/bin/touch", os.fsencode(self.work / "planted")]
        request = frame(REQUEST, pack_request(b"", 0, 0o22, b",", b"/", words, []))
        call = self.as_nobody(CALL, str(self.socket()), request.hex())
        self.assertEqual((call.returncode, call.stdout, call.stderr), (0, b"", b""))
        log = self.runtime / "twisted-distcc" / "log"
        await until(lambda: "another user" in log.read_text(), "the agent has said so")
        self.assertFalse((self.work / "planted").exists())
