"""Servers that die or stall in the middle of a build, and what then runs here."""

from __future__ import annotations

from signal import SIGCONT, SIGSTOP

from tests.faults.building import FaultTestCase

# A gcc that notes when a compile begins and ends.
NOTES = """\
case " $* " in
*' -E '*) exec /usr/bin/gcc "$@";;
esac
echo begins >> "{notes}"
/usr/bin/gcc "$@"
status=$?
echo ends >> "{notes}"
exit $status
"""


def most_at_once(notes: list[str]) -> int:
    """Give how many had begun and not ended, at most."""
    running = most = 0
    for note in notes:
        running += 1 if note == "begins" else -1
        most = max(most, running)
    return most


class ServerTests(FaultTestCase):
    async def test_killed(self) -> None:
        """Killed: what it was doing, and what finds its port closed, is compiled here."""
        server = await self.farm_that_stops()
        self.environ |= {"DISTCC_FALLBACK": "1", "DISTCC_BACKOFF_PERIOD": "0"}
        build = self.make()
        await self.in_the_middle(build, server)
        await server.kill()
        await self.is_built(build)
        self.assertIn("hung up without an answer", build.stderr)
        self.assertIn("cannot be reached", build.stderr)

    async def test_stalls(self) -> None:
        """Stalling, with every connection open: a job waits for so long, and is compiled here."""
        server = await self.farm_that_stops()
        self.environ |= {"DISTCC_FALLBACK": "1", "DISTCC_IO_TIMEOUT": "2"}
        build = self.make()
        await self.in_the_middle(build, server)
        server.signal(SIGSTOP)
        await self.is_built(build)
        self.assertIn("gave no reply within 2 seconds", build.stderr)
        server.signal(SIGCONT)
        await self.leaves_nothing(server)

    async def test_another_takes_over(self) -> None:
        """Of two servers one is killed: no job is lost, and none is compiled here."""
        dies = await self.farm_that_stops()
        lives = await self.serve("--jobs=4")
        self.hosts(dies.port, lives.port)
        build = self.make()
        await self.in_the_middle(build, dies)
        await dies.kill()
        await self.is_built(build)
        self.assertIn("hung up without an answer", build.stderr)
        self.assertGreaterEqual(len(dies.jobs) + len(lives.jobs), 16)
        await self.leaves_nothing(lives)

    async def test_the_whole_farm(self) -> None:
        """When all servers are killed under sixteen compiles, no more than four at a time run here."""
        farm = [await self.farm_that_stops(), await self.serve("--jobs=4")]
        self.hosts(*(server.port for server in farm), limit=8)
        self.environ["DISTCC_FALLBACK"] = "1"
        notes = self.home / "notes"
        self.program("gcc", NOTES.format(notes=notes))
        build = self.make(jobs=16)
        await self.stopped()
        self.assertFalse(notes.exists())
        for server in farm:
            await server.kill()
        await self.is_built(build)
        self.assertEqual(most_at_once(notes.read_text().split()), 4)
