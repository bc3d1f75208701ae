"""A compiler that a source has taken over: how much it can use up, and how it is told."""

from __future__ import annotations

import re

from twisted.internet.defer import Deferred, gatherResults

from tests.hostile.exploits import ATTACK, ExploitTestCase, compilers
from tests.live import LiveServer
from tests.server.connection.test_stdio import CONFINED, PipeTestCase
from tests.server.talk import answer_of, ask, request_bytes
from twisted_distcc.errors import EXIT_OUT_OF_MEMORY, EXIT_TIMEOUT
from twisted_distcc.execution.resource_limits import Limits

# One bomb each, that is larger than its limit; none would take a machine down that has no walls.
BOMBS = (
    ("memory 400", "sandbox-memory", "Cannot allocate memory", r"took (\d+) MiB", 256),
    ("files 64", "sandbox-space", "No space left on device", None, 0),
    ("fork 500", "sandbox-processes", "Resource temporarily unavailable", r"forked (\d+)", 20),
)
SMALL = (
    "--sandbox-memory=256M", "--sandbox-space=32M", "--sandbox-processes=20", "--sandbox-cpu=1",
    "--sandbox-file-size=16M",
)  # fmt: skip


class BombTests(ExploitTestCase):
    async def assert_limit(self, server: LiveServer, limit: str, exit_code: int, *deeds: str) -> None:
        """Be told that the job met `limit`, as the client is and the log."""
        answer = await self.attack(server, *deeds)
        self.assertEqual(answer.exit_code, exit_code)
        self.assertIn(f"met a limit of this server (--{limit})", answer.stderr)
        await server.logged(rf"verdict=failed .*{limit}")

    async def test_what_is_denied(self) -> None:
        """Memory, files together and processes end at their limits, whoever goes on asking."""
        server = await self.serve_exploited(*SMALL)
        for deed, limit, why, counted, most in BOMBS:
            answer = await self.attack(server, deed)
            self.assertIn(f"{deed}: {why}", answer.stderr)
            if counted is not None:
                found = re.search(counted, answer.stderr)
                assert found is not None, answer.stderr
                self.assertLess(int(found[1]), most)
            await self.assert_limit(server, limit, EXIT_OUT_OF_MEMORY, deed, "exit 1")

    async def test_names(self) -> None:
        """Files, folders and links without contents, which take memory too, end their job."""
        server = await self.serve_exploited("--sandbox-space=1M", "--job-lifetime=30")
        for kind in ("file", "folder", "link", "symlink"):
            deed = f"names {Limits(space=2**20).files} {kind}"
            await self.assert_limit(server, "sandbox-space", EXIT_OUT_OF_MEMORY, deed, "exit 1")

    async def test_names_of_honest_jobs(self) -> None:
        """A job with a file less may go on."""
        server = await self.serve_exploited("--sandbox-space=1M", "--job-lifetime=1")
        answer = await self.attack(server, f"names {Limits(space=2**20).files - 3} file")
        self.assertEqual(answer.exit_code, EXIT_TIMEOUT)

    async def test_what_is_stopped(self) -> None:
        """A file too large, and too much work, end the compiler; nobody can ignore that for long."""
        server = await self.serve_exploited(*SMALL)
        await self.assert_limit(server, "sandbox-file-size", EXIT_OUT_OF_MEMORY, "large 64")
        await self.assert_limit(server, "sandbox-cpu", EXIT_TIMEOUT, "spin")

    async def test_one_that_listens_to_no_signal(self) -> None:
        """Who ignores the signal of too much work is killed soon after."""
        server = await self.serve_exploited(*SMALL)
        self.assertEqual((await self.attack(server, "spin deaf")).exit_code, 128 + 9)

    async def test_sleepers(self) -> None:
        """Jobs that sleep in all places give them up in the end, and others get them."""
        server = await self.serve_exploited("--job-lifetime=1", "--jobs=2")
        sleepers = [Deferred.fromCoroutine(ask(server.port, ATTACK, b"pause\n")) for _ in range(3)]
        await self.honest(server)
        for answer in await gatherResults(sleepers):
            self.assertEqual(answer.exit_code, EXIT_TIMEOUT)
            self.assertIn("the most that this server allows", answer.stderr)

    async def test_large_objects(self) -> None:
        """An object beyond the limit of files is told as that, and lies nowhere afterwards."""
        server = await self.serve_exploited("--sandbox-file-size=4M")
        await self.assert_limit(server, "sandbox-file-size", EXIT_OUT_OF_MEMORY, "large 64 output.o")
        self.assertEqual(self.spooled(server), [])

    async def test_a_flood_of_words(self) -> None:
        """A gigabyte of complaints is cut; the streams can be made neither longer nor shorter."""
        server = await self.serve_exploited()
        answer = await self.attack(server, "stretch", "shout 1024", "exit 1")
        self.assertIn("stretch: Operation not permitted", answer.stderr)
        self.assertIn("(what was said beyond", answer.stderr)
        self.assertLess(len(answer.stderr), 17 * 2**20)
        self.assertEqual(self.spooled(server), [])

    def spooled(self, server: LiveServer) -> list[str]:
        """Give the results that lie in the server's folder."""
        return [path.name for path in server.temporary.glob("*/spool/*")]


class BubblewrapBombTests(BombTests):
    """The same in sandboxes of bubblewrap's, whose files the server counts."""

    confiner = "bubblewrap"


class StreamBombTests(PipeTestCase):
    async def test_names(self) -> None:
        """A server on standard streams counts them as well."""
        path = f"{compilers()}:/usr/bin:/bin"
        piped = self.piped(*CONFINED, "--sandbox-space=1M", "--log-file=log", DISTCCD_PATH=path)
        deed = f"names {Limits(space=2**20).files} file\nexit 1\n"
        answer = answer_of(await self.ask(*piped, request_bytes(ATTACK, deed.encode())))
        self.assertEqual(answer.exit_code, EXIT_OUT_OF_MEMORY)
        self.assertIn("--sandbox-space", answer.stderr)
