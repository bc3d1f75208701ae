"""Disks that are full from the middle of a build on."""

from __future__ import annotations

import os

from tests.faults.apart import FILLER, ApartTestCase
from tests.faults.project import PRODUCTS, write_project

NO_SPACE = "No space left on device"


class DiskTests(ApartTestCase):
    async def test_on_a_server(self) -> None:
        """A server whose disk is full says so; another one does its jobs, and none is done here."""
        await self.be_apart()
        disk = self.home / "disk"
        await self.mount(disk, "4m")
        full = await self.farm_that_stops(TMPDIR=str(disk))
        good = await self.serve("--jobs=4")
        self.hosts(full.port, good.port)
        self.environ["DISTCC_BACKOFF_PERIOD"] = "0"
        build = self.make()
        await self.in_the_middle(build, full)
        self.fill(disk)
        self.let_go()
        await self.is_built(build)
        said = f"{self.address}:{full.port} answered: the server cannot do this job: {NO_SPACE}"
        self.assertIn(said, build.stderr)
        self.assertRegex(full.log, f"verdict=failed .*{NO_SPACE}")
        await self.leaves_nothing(full, good)
        self.assertEqual(os.listdir(self.seen(disk)), [FILLER])

    async def test_for_objects(self) -> None:
        """Where objects have no room the compiler says so, and what there is of them is whole."""
        await self.be_apart()
        await self.mount(self.work, "2m")
        write_project(self.seen(self.work))
        server = await self.farm_that_stops()
        build = self.make("--keep-going")
        await self.in_the_middle(build, server)
        self.fill(self.work)
        self.let_go()
        self.assertEqual(await build.ended(), 2)
        self.assertRegex(build.stderr, rf"rror: .*unit\d\d\.[od].*{NO_SPACE}")
        self.room(self.work)
        self.assertLess(self.products(), PRODUCTS)
        self.remove_empty_rules()
        await self.is_tidy()
        await self.is_built(self.make())
        await self.leaves_nothing(server)

    def remove_empty_rules(self) -> None:
        """Remove what gcc leaves of a dependency file that it has no room for."""
        for path in self.seen(self.work).glob("*.d"):
            if not path.stat().st_size:
                path.unlink()

    async def test_for_temporary_files(self) -> None:
        """Where temporary files have no room, the rest is done here, by compilers that need none."""
        await self.be_apart()
        await self.mount(self.tmp, "2m")
        server = await self.farm_that_stops()
        build = self.make("CFLAGS=-O2 -pipe")
        await self.in_the_middle(build, server)
        self.fill(self.tmp)
        self.let_go()
        self.assertEqual(await build.ended(), 0, build.stderr)
        self.room(self.tmp)
        await self.is_built(build)
        self.assertLess(len(server.jobs), 16)
        await self.leaves_nothing(server)
