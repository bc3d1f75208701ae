"""Remote Execution engines that die, stall or lose what they had: every object is right all the same."""

from __future__ import annotations

import os
from signal import SIGCONT, SIGSTOP

from tests.agent.home import HomeTestCase
from tests.engine import LiveEngine, start_engine


class EngineTests(HomeTestCase):
    async def engine(self) -> LiveEngine:
        """Start an engine that has compiled once."""
        engine = await start_engine(self)
        self.environ |= {"DISTCC_HOSTS": engine.word, "DISTCC_BACKOFF_PERIOD": "0"}
        await self.compiles()
        self.assertEqual(engine.requests("UpdateActionResult"), 1)
        return engine

    async def said(self, name: str, **changes: str) -> str:
        """Compile another file of this name, and return what is said about it."""
        (self.work / name).write_text(f"int {name[0]};\n")
        made, expected = self.work / "made.o", self.home / "expected.o"
        child = await self.succeeds("tdistcc", "gcc", "-c", name, "-o", "made.o", **changes)
        await self.succeeds("gcc", "-c", name, "-o", str(expected))
        self.assertEqual(made.read_bytes(), expected.read_bytes())
        return child.stderr

    async def test_killed(self) -> None:
        """Killed, and started anew: its jobs are compiled here, and there again."""
        engine = await self.engine()
        await engine.kill()
        self.assertIn("cannot be reached", await self.said("a.c"))

    async def test_stalls(self) -> None:
        """Stalling: a job waits as long as the user lets it, and is compiled here."""
        engine = await self.engine()
        engine.signal(SIGSTOP)
        said = await self.said("a.c", DISTCC_IO_TIMEOUT="1")
        engine.signal(SIGCONT)
        self.assertIn("gave no reply within 1 seconds", said)

    async def test_full_disk(self) -> None:
        """An engine without room says so, and its root is not blamed; when it has room, it is used."""
        engine = await start_engine(self, "300m")
        filler = engine.disk / "filler"
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, 290 * 2**20)
        self.environ |= {"DISTCC_HOSTS": engine.word, "DISTCC_BACKOFF_PERIOD": "0"}
        for name in ("a.c", "b.c"):
            self.assertRegex(await self.said(name), "answered: INTERNAL: .*OutOfSpace")
        filler.unlink()
        self.assertEqual(await self.said("c.c"), "")
        self.assertEqual(engine.requests("UpdateActionResult"), 1)

    async def test_lost_files(self) -> None:
        """An engine that has lost what it was sent is sent it again, and compiles."""
        engine = await self.engine()
        for path in engine.store.glob("*/objects/**/*"):
            if path.is_file():
                path.unlink()
        self.assertEqual(await self.said("a.c"), "")
        self.assertGreater(engine.requests("UpdateActionResult"), 1)
