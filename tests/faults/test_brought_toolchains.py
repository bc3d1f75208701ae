"""Toolchains on their way to a server, and on its disk, when something goes wrong.

Whatever it is, the object is the local one, nothing is left of it on the server, and the next job works.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.agent.home import opened
from tests.faults.apart import ApartTestCase
from tests.faults.dam import Dam
from tests.hostile.brought import POLICY
from tests.live import LiveServer, until

# So much of a toolchain passes, and no more.
_SOME = 5_000_000


class BroughtToolchainTests(ApartTestCase):
    async def empty_farm(self, *options: str, **environ: str) -> LiveServer:
        """Start a server without compilers, which takes those of all."""
        policy, empty = self.home / "policy.toml", self.home / "empty"
        policy.write_text(POLICY.format("any"))
        empty.mkdir(exist_ok=True)
        server = await self.farm(
            "--sandbox=require", f"--policy={policy}", *options, DISTCCD_PATH=str(empty), **environ
        )
        self.environ |= {"DISTCC_FALLBACK": "1", "DISTCC_BACKOFF_PERIOD": "0"}
        return server

    async def dammed(self, server: LiveServer) -> Dam:
        """Have the user reach `server` through a dam."""
        dam, port = await Dam.before(self, server.port, _SOME)
        self.environ["DISTCC_HOSTS"] = f"127.0.0.1:{port}/4"
        return dam

    async def compiles_one(self, name: str, **changes: str) -> str:
        """Compile another unit, and return what is said about it."""
        source = f"int {name}(int a) {{ return a + {len(name)}; }}\n"
        (self.seen(self.work) / f"{name}.c").write_text(source)
        made, expected = f"{name}.o", str(self.home / f"{name}.expected")
        child = await self.succeeds("tdistcc", "gcc", "-c", f"{name}.c", "-o", made, **changes)
        await self.succeeds("/usr/bin/gcc", "-c", f"{name}.c", "-o", expected)
        self.assertEqual((self.seen(self.work) / made).read_bytes(), Path(expected).read_bytes())
        return child.stderr

    def done(self, server: LiveServer) -> int:
        return sum("verdict=done" in job for job in server.jobs)

    async def test_full_disk(self) -> None:
        """A disk has no room for what comes, or for laying it out; when it has, it is used."""
        await self.be_apart()
        disk = self.home / "disk"
        await self.mount(disk, "16m")
        server = await self.empty_farm(TMPDIR=str(disk))
        for name, size in (("a", "16m"), ("b", "80m")):
            await self.does("mount", "-o", f"remount,size={size}", str(disk))
            self.assertIn("No space left on device", await self.compiles_one(name))
            self.assertEqual(list(laid(self.seen(disk))), [])
        before = len(opened(server.pid))
        await self.does("mount", "-o", "remount,size=400m", str(disk))
        self.assertEqual(await self.compiles_one("c"), "")
        self.assertEqual((self.done(server), len(list(laid(self.seen(disk))))), (1, 1))
        self.assertLess(len(opened(server.pid)), before + 10)

    async def test_server_killed(self) -> None:
        """Killed while a toolchain is sent, and started anew: nothing is left of the first server."""
        server = await self.empty_farm()
        dam = await self.dammed(server)
        child = self.tdistcc("gcc", "-c", "unit00.c", "-o", "unit00.o")
        await dam.is_full
        await server.kill()
        self.assertEqual(await child.ended(), 0)
        self.assertIn("hung up", child.stderr)
        again = await self.empty_farm(f"--port={server.port}", TMPDIR=str(server.temporary))
        self.assertEqual(len(os.listdir(server.temporary)), 1)
        self.assertEqual(await self.compiles_one("next"), "")
        self.assertEqual(self.done(again), 1)

    async def test_client_killed(self) -> None:
        """What a client that was killed had sent of a toolchain takes no room on the server."""
        server = await self.empty_farm()
        dam = await self.dammed(server)
        before = len(opened(server.pid))
        child = self.tdistcc("gcc", "-c", "unit00.c", "-o", "unit00.o")
        await dam.is_full
        await until(lambda: spooled(server.temporary), "some of it is there")
        await child.kill()
        await self.end_agents()
        await until(lambda: not spooled(server.temporary), "nothing is on its way")
        self.environ["DISTCC_HOSTS"] = f"127.0.0.1:{server.port}/4"
        self.assertEqual(await self.compiles_one("next"), "")
        self.assertEqual(len(list(laid(server.temporary))), 1)
        self.assertLess(len(opened(server.pid)), before + 10)

    async def test_at_once(self) -> None:
        """Clients that know nothing of each other send one toolchain at once: it is kept once."""
        server = await self.empty_farm()
        units = [f"unit{number:02}" for number in range(4)]
        children = [
            self.tdistcc("gcc", "-c", f"{unit}.c", "-o", f"{unit}.o", DISTCC_AGENT="0") for unit in units
        ]
        for child in children:
            self.assertEqual(await child.ended(), 0, child.stderr)
            self.assertEqual(child.stderr, "")
        self.assertEqual(len(list(laid(server.temporary))), 1)
        self.assertEqual(self.done(server), 4)

    async def test_damaged(self) -> None:
        """Whatever was truncated, changed or removed on the shelf is not used, and is there again."""
        await self.be_apart()
        disk = self.home / "disk"
        await self.mount(disk, "400m")
        server = await self.empty_farm(TMPDIR=str(disk))
        await self.compiles_one("first")
        before = used(self.seen(disk))
        for number, damage in enumerate(DAMAGES):
            [tools] = laid(self.seen(disk))
            damage(tools)
            self.assertEqual(await self.compiles_one(f"unit{number}"), "")
            self.assertEqual(len(list(laid(self.seen(disk)))), 1)
        self.assertEqual(self.done(server), 1 + len(DAMAGES))
        self.assertLess(used(self.seen(disk)), 1.5 * before)


def laid(temporary: Path) -> Iterator[Path]:
    """Yield the toolchains that a server keeps, which has these temporary files."""
    return temporary.glob("*/spool/toolchains-*/*")


def spooled(temporary: Path) -> list[Path]:
    """Return the bodies on a server's disk that are not whole, or that nobody keeps."""
    return [path for path in temporary.glob("*/spool/*") if path.is_file()]


def used(disk: Path) -> int:
    """Return the bytes that are taken on a disk, by files that have names and by others."""
    told = os.statvfs(disk)
    return (told.f_blocks - told.f_bfree) * told.f_frsize


def _truncate(tools: Path) -> None:
    os.truncate(next(tools.glob("usr/**/cc1")), 100_000)


def _change(tools: Path) -> None:
    with open(next(tools.glob("usr/**/cc1")), "r+b") as file:
        file.seek(-100_000, os.SEEK_END)
        file.write(bytes(1000))


def _unlink(tools: Path) -> None:
    next(tools.glob("usr/**/as")).unlink()


def _empty(tools: Path) -> None:
    shutil.rmtree(tools / "usr")


def _remove(tools: Path) -> None:
    shutil.rmtree(tools.parent)


DAMAGES: tuple[Callable[[Path], None], ...] = (_truncate, _change, _unlink, _empty, _remove)
