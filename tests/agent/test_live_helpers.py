"""Helpers as processes: they take commands as the agent does, and neither's end harms a compile."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

from tests.agent.home import HomeTestCase, is_alive
from tests.live import Child, until

# An agent that takes itself for busy with every command.
BUSY_AGENT = """
import os, socket
from twisted.internet import reactor
from twisted_distcc.agent import helpers
from twisted_distcc.agent.context import name_of, own_context
from twisted_distcc.agent.main import Listener, prepare_process, serve
from twisted_distcc.agent.socket_path import runtime_folder
context = own_context()
listener = socket.socket(socket.AF_UNIX)
listener.bind(f"{runtime_folder()}/{name_of(context)}")
listener.listen()
helpers._BUSY = helpers._LOOK = 0
prepare_process()
serve(reactor, Listener(listener.detach()), context, most=3)
"""
HELPER = b"twisted_distcc.agent.helper"


class LiveHelpersTests(HomeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.primary: Child

    async def busy_agent(self) -> list[int]:
        """Start an agent, and use it until it has its helpers; return their process numbers."""
        self.primary = self.start(sys.executable, "-c", BUSY_AGENT, environ=self.environ)
        folder = self.runtime / "twisted-distcc"
        await until(lambda: folder.is_dir() and any(folder.glob("agent-*")), "there is a socket")
        while len(self.helpers()) < 2:
            await self.compiles()
        for helper in self.helpers():
            self.addCleanup(self.end, helper)
        return self.helpers()

    def helpers(self) -> list[int]:
        """Return the helpers of the agent."""
        return [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if self.is_ours(pid)]

    def is_ours(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            return False
        return HELPER in words and parent == self.primary.pid

    @staticmethod
    def end(pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    async def test_either_serves(self) -> None:
        """Commands are carried out while the agent itself is stuck, and end when helpers do."""
        helpers = await self.busy_agent()
        self.primary.signal(signal.SIGSTOP)
        for _ in range(3):
            await self.compiles()
        self.primary.signal(signal.SIGCONT)
        await self.primary.kill()
        for helper in helpers:
            await self.gone(helper)
        await self.compiles()

    async def test_one_that_dies(self) -> None:
        """A compile whose helper is killed in the middle is carried out by another process."""
        helpers = await self.busy_agent()
        self.primary.signal(signal.SIGSTOP)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            silent.setblocking(False)
            hosts = f"127.0.0.1:{silent.getsockname()[1]}"
            (self.work / "hello.o").unlink()
            command = self.tdistcc("gcc", "-c", "hello.c", DISTCC_HOSTS=hosts, DISTCC_REMOTE_CPP="0")
            calls = [await until(lambda: self.called(silent), "a host is called")]
            [first] = [pid for pid in helpers if self.has_connection(pid, calls[0])]
            self.end(first)
            calls.append(await until(lambda: self.called(silent), "it is called again"))
        for call in calls:
            call.close()
        self.assertEqual(await command.ended(), 0, command.stderr)
        self.is_right()
        self.assertEqual(list(filter(is_alive, helpers)), [pid for pid in helpers if pid != first])

    @staticmethod
    def called(listener: socket.socket) -> socket.socket | None:
        with contextlib.suppress(BlockingIOError):
            return listener.accept()[0]
        return None

    @staticmethod
    def has_connection(pid: int, ours: socket.socket) -> bool:
        """Whether the process has the other end of `ours`."""
        port = f":{ours.getpeername()[1]:04X}"
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        inodes = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(port)}
        links = (os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir())
        return not inodes.isdisjoint(links)
