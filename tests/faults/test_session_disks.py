"""A server that keeps what clients have sent, and whose disk fails in the middle of a build."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable

from tests.faults.apart import ApartTestCase
from tests.faults.project import UNITS
from tests.live import LiveServer, until

_BEFORE = 3


class SessionDiskTests(ApartTestCase):
    """Whatever happens to the disk, a build is as if it were made here, and the server serves again."""

    async def begin(self, size: str) -> LiveServer:
        """Start a server whose temporary files have a disk of their own."""
        await self.be_apart()
        self.disk = self.home / "disk"
        await self.mount(self.disk, size)
        server = await self.farm("--sandbox=require", TMPDIR=str(self.disk))
        self.environ |= {"DISTCC_FALLBACK": "1", "DISTCC_BACKOFF_PERIOD": "0"}
        return server

    async def builds(self, server: LiveServer, fault: Callable[[], Awaitable[None]]) -> None:
        """Build, and have `fault` happen when the server has done some jobs."""
        build = self.make()
        await until(lambda: len(server.jobs) >= _BEFORE, "the server has done some jobs")
        self.assertFalse(build.has_ended())
        await fault()
        await self.is_built(build)

    async def serves(self, server: LiveServer) -> None:
        """Assert that the server does the next job."""
        before = self.served(server)
        (self.seen(self.work) / f"{UNITS[0]}.o").unlink()
        await self.is_built(self.make())
        self.assertEqual(self.served(server) - before, 1)

    def served(self, server: LiveServer) -> int:
        return sum("verdict=done" in job for job in server.jobs)

    async def test_removed(self) -> None:
        """All that the server keeps is removed; soon it has a folder again."""
        server = await self.begin("64m")

        async def remove() -> None:
            [folder] = self.seen(self.disk).iterdir()
            shutil.rmtree(folder.rename(folder.with_name("gone")), ignore_errors=True)

        await self.builds(server, remove)
        await server.logged("was gone; there is a new one")
        await self.serves(server)

    async def test_full(self) -> None:
        """There is no room any more, and later there is."""
        server = await self.begin("16m")

        async def fill() -> None:
            self.fill(self.disk)

        await self.builds(server, fill)
        self.room(self.disk)
        await self.serves(server)

    async def test_read_only(self) -> None:
        """There is another disk in its place, which cannot be written to, and later the old one."""
        server = await self.begin("64m")
        disk = str(self.disk)
        await self.builds(server, lambda: self.does("mount", "-t", "tmpfs", "-o", "ro", "none", disk))
        await server.logged("there is no folder for temporary files: .*Read-only")
        await self.does("umount", disk)
        await self.serves(server)
