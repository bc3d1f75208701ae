"""A compiler that a source has taken over: what it leaves in place of an object, and behind it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.hostile.exploits import ATTACK, ExploitTestCase
from tests.live import until
from tests.server.standing import require_root
from tests.server.talk import ask, connect, request_bytes
from twisted_distcc.errors import EXIT_COMPILER_CRASHED

# Not one of them is an object, whatever it leads to or whoever would wait at it.
NO_OBJECTS = (
    "none", "fifo", "socketfile", "folder", "empty", "link /etc/shadow", "link /etc/passwd",
    "link /proc/self/environ", "link /dev/urandom", "link /dev/null", "link output.o", "link source.i",
)  # fmt: skip


def processes(name: str) -> list[int]:
    """Give the processes that call themselves `name`, wherever they are."""
    found = []
    for comm in Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text() == f"{name}\n":
                found.append(int(comm.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def zombies_below(parent: int) -> list[str]:
    """Return the names of descendants of `parent` that have ended, and that nobody has reaped."""
    children = [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]
    found = []
    for child in children:
        name, _, rest = Path(f"/proc/{child}/stat").read_text().partition(") ")
        found += [name] if rest.startswith("Z") else zombies_below(child)
    return found


class OutputTests(ExploitTestCase):
    async def test_no_objects(self) -> None:
        """Links, fifos, sockets, folders and nothing at all are no object: a sentence says so."""
        server = await self.serve_exploited()
        for deed in NO_OBJECTS:
            answer = await self.attack(server, deed)
            self.assertEqual(answer.exit_code, EXIT_COMPILER_CRASHED, deed)
            self.assertEqual(answer.object_file, b"", deed)
            self.assertIn("made no object file", answer.stderr, deed)

    async def test_devices(self) -> None:
        """A device is not made at all."""
        server = await self.serve_exploited()
        answer = await self.attack(server, "device", "exit 1")
        self.assertIn("device: Operation not permitted", answer.stderr)

    async def test_what_it_may_do(self) -> None:
        """It may lie about its own job, as any client may to itself, and about no other."""
        server = await self.serve_exploited()
        answer = await self.attack(server, "forge", "exit 0")
        self.assertEqual((answer.exit_code, answer.object_file), (0, bytes(6)))
        self.assertEqual((await self.attack(server, "exit 7")).exit_code, 7)
        answer = await self.attack(server, "signal 11")
        self.assertEqual((answer.exit_code, answer.object_file), (128 + 11, b""))


class LeftBehindTests(ExploitTestCase):
    async def test_daemons(self) -> None:
        """Who leaves group and session dies with the job, when it ends and when it is given up."""
        server = await self.serve_exploited()
        answer = await self.attack(server, "daemon left-behind")
        self.assertIn("daemon left-behind: DONE", answer.stderr)
        await until(lambda: not processes("left-behind"), "what the job left is gone")
        client = await connect(server.port)
        client.send(request_bytes(ATTACK, b"daemon left-alone\npause\n"))
        await until(lambda: processes("left-alone"), "the job runs")
        client.abort()
        await until(lambda: not processes("left-alone"), "what the job left is gone")
        await self.honest(server)

    async def test_the_next_job(self) -> None:
        """A job finds nothing of the one before it."""
        server = await self.serve_exploited()
        await self.attack(server, "write planted", "write /tmp/planted", "daemon planter")
        said = (await self.attack(server, "list .", "list /tmp")).stderr
        self.assertIn("./output.o", said)
        self.assertNotIn("planted", said)

    async def test_one_that_kills_all_it_can(self) -> None:
        """It kills nobody, not even the shell that started it, which tells how it has ended."""
        server = await self.serve_exploited()
        answer = await self.attack(server, "killall", "exit 3")
        self.assertEqual((answer.exit_code, answer.object_file), (3, b""))
        self.assertFalse(server.has_ended())

    async def test_the_disk(self) -> None:
        """Nothing lies in the server's folders when its jobs are over."""
        server = await self.serve_exploited()
        for deed in ("large 8", "large 8 output.o", "shout 4", "exit 1"):
            await self.attack(server, deed)
        left = [path.name for path in server.temporary.rglob("*") if path.is_file()]
        self.assertEqual([name for name in left if not re.fullmatch("lock", name)], [])


class ContainerTests(ExploitTestCase):
    async def test_the_first_process(self) -> None:
        """A server that is the first process of a container is left no zombies to reap."""
        require_root()
        container = ("/usr/bin/unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
        confiner = f"--sandbox-program={self.confiner}"
        server = self.start_server(*container, *self.twistd(), "--sandbox=require", confiner)
        await server.ready()
        for _ in range(3):
            self.assertEqual((await ask(server.port)).exit_code, 0)
        await until(lambda: not zombies_below(server.pid), "nothing is left of the sandboxes")


class BubblewrapLeftBehindTests(LeftBehindTests):
    """The same in sandboxes of bubblewrap's."""

    confiner = "bubblewrap"


class BubblewrapContainerTests(ContainerTests):
    """The same in sandboxes of bubblewrap's."""

    confiner = "bubblewrap"
