"""Trees that are too much, and compilers that a tree has taken over, against live servers."""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import Deferred, gatherResults

from tests.hostile.exploits import ExploitTestCase
from tests.hostile.tree_attacks import Entry, TreeAttackTestCase, entries_bytes
from tests.live import LiveServer
from tests.server.talk import Answer, answer_of, connect
from twisted_distcc.errors import EXIT_COMPILER_CRASHED, EXIT_OUT_OF_MEMORY

_ATTACK: Final = ("gcc", "-c", "attack.c", "-o", "attack.o")


class BulkTests(TreeAttackTestCase):
    async def test_many_names(self) -> None:
        """Files by the ten thousand are a job like others; an honest one is served meanwhile."""
        await self.besieged("--sandbox=require")
        tiny: list[Entry] = [
            (b"/project/%d/%d.h" % (number // 1000, number), b"%d" % number) for number in range(10_000)
        ]
        empty: list[Entry] = [(b"/project/%d.h" % number, b"") for number in range(30_000)]
        for entries in (tiny, empty):
            answer = await self.attack(*entries)
            self.assertEqual((answer.exit_code, answer.stderr), (0, ""))
        await self.nothing_was_done()

    async def test_what_does_not_come(self) -> None:
        """A client that announces more than it sends goes without a job; nothing of it stays."""
        await self.besieged("--sandbox=require")
        data = entries_bytes([(b"/project/hello.c", b"x"), (b"/project/a.h", b"y" * 200_000)])
        for end in (len(data) - 1, len(data) // 2, data.index(b"NFIL") + 12):
            client = await connect(self.server.port)
            client.send(data[:end])
            client.half_close()
            await client.closed
        answer = await self.sent(entries_bytes([], ("gcc", "-c", "hello.c")))
        self.assertEqual(answer.exit_code, 1)
        self.assertIn("hello.c: No such file or directory", answer.stderr)
        await self.nothing_was_done()


class TakenOverTests(ExploitTestCase):
    """A compiler that a source of a tree has taken over."""

    async def deeds(self, server: LiveServer, *deeds: str) -> Answer:
        """Have deeds done by what compiles a tree, beside an honest job."""
        source = ("\n".join(deeds) + "\n").encode()
        answers = await gatherResults(
            [
                Deferred.fromCoroutine(self._tree(server, source)),
                Deferred.fromCoroutine(self.honest(server)),
            ],
            consumeErrors=True,
        )
        return answers[0]

    async def _tree(self, server: LiveServer, source: bytes) -> Answer:
        client = await connect(server.port)
        client.send(entries_bytes([(b"/project/attack.c", source), (b"/project/a.h", b"x")], _ATTACK))
        return answer_of(await client.closed, 3)

    async def test_the_tree(self) -> None:
        """The tree cannot be written to, nor anything but the job's own folder."""
        server = await self.serve_exploited()
        deeds = (
            "write attack.c", "write a.h", "write more", "write /more", "write /etc/ld.so.preload",
            "mount", "remount", "unshare", "write /tmp/more", "read /etc/passwd", "list /proc",
        )  # fmt: skip
        answer = await self.deeds(server, *deeds, "write /.job-0/more", "list /project", "list /dev")
        for deed in deeds:
            self.assertRegex(answer.stderr, rf"(?m)^{deed}: (?!DONE)", answer.stderr)
        self.assertIn("write /.job-0/more: DONE", answer.stderr)
        answer = await self.deeds(server, "list /project", "list /.job-0")
        self.assertNotIn("more", answer.stderr)

    async def test_no_objects(self) -> None:
        """Links, fifos, sockets, folders and nothing at all are no object, whatever they lead to."""
        server = await self.serve_exploited()
        for deed in (
            "none", "fifo", "socketfile", "folder", "empty", "link /etc/shadow", "link /project/a.h",
        ):  # fmt: skip
            answer = await self.deeds(server, deed)
            self.assertEqual((answer.exit_code, answer.object_file), (EXIT_COMPILER_CRASHED, b""), deed)
            self.assertIn("made no object file", answer.stderr, deed)
        self.assertIn("Operation not permitted", (await self.deeds(server, "device", "exit 1")).stderr)

    async def test_bombs(self) -> None:
        """What it fills, forks and takes has an end, as without a tree."""
        server = await self.serve_exploited(
            "--sandbox-memory=256M", "--sandbox-space=32M", "--sandbox-processes=20",
            "--sandbox-file-size=16M",
        )  # fmt: skip
        for deed, limit in (
            ("large 64 /.job-0/large", "sandbox-file-size"),
            ("memory 400", "sandbox-memory"),
            ("fork 500", "sandbox-processes"),
        ):
            answer = await self.deeds(server, deed, "exit 1")
            self.assertEqual(answer.exit_code, EXIT_OUT_OF_MEMORY, answer.stderr)
            self.assertIn(f"met a limit of this server (--{limit})", answer.stderr)
        full = [f"large 15 /.job-0/{number}" for number in range(4)]
        answer = await self.deeds(server, *full, "exit 1")
        self.assertIn("(--sandbox-space)", answer.stderr)
        answer = await self.deeds(server, "daemon left-in-a-tree", "exit 3")
        self.assertEqual(answer.exit_code, 3)
