"""The journal of a real build over two servers: every unit is there, once, and its parts add up."""

from __future__ import annotations

import json

from tests.agent.test_live_sessions import UNITS, SessionTestCase
from tests.live import until
from twisted_distcc.client.journal.journal_file import JournalFile
from twisted_distcc.client.journal.unit_record import UnitRecord


class JournalTests(SessionTestCase):
    def units(self) -> list[UnitRecord]:
        return JournalFile(str(self.home / ".distcc")).read().units

    async def recorded(self, count: int) -> list[UnitRecord]:
        await until(lambda: len(self.units()) >= count, f"{count} units are recorded")
        return self.units()

    async def two_farms(self) -> set[str]:
        servers = [await self.serve("--jobs=4", "--sandbox=require") for _ in range(2)]
        hosts = [f"127.0.0.1:{server.port}/2" for server in servers]
        self.environ |= {"DISTCC_HOSTS": " ".join(hosts), "PWD": str(self.work)}
        return set(hosts)

    async def test_a_build(self) -> None:
        """A build of units over two servers, one of which has to stay, and two that fail."""
        hosts = await self.two_farms()
        self.project()
        self.file("unit-covered.c", "int covered;\n")
        self.file("broken.c", "#error no\n")
        await self.build()
        await self.succeeds("tdistcc", "gcc", "--coverage", "-c", "unit-covered.c")
        await self.run_in_home("tdistcc", "gcc", "-c", "broken.c").ended()
        units = {unit.file: unit for unit in await self.recorded(UNITS + 3)}
        self.assertEqual(len(units), UNITS + 2)
        for unit in units.values():
            self.assertEqual(unit.folder, str(self.work))
            self.assertGreater(unit.took, 0)
        remote = [unit for unit in units.values() if unit.file.removesuffix(".c")[4:].isdigit()]
        self.assertEqual({(unit.became, unit.status) for unit in remote}, {("files", 0)})
        self.assertEqual(
            {unit.host for unit in remote}, {host.removesuffix("/2") + "/2" for host in hosts}
        )
        self.assertEqual(len({unit.build for unit in remote}), 1)
        self.assertTrue(all(unit.sent and unit.received for unit in remote))
        self.assertTrue(units["broken.c"].reason.startswith("the compile failed on the server"))

    async def test_without_agent(self) -> None:
        """A compile without an agent is recorded, too; and `stats` tells of it."""
        await self.two_farms()
        self.project()
        await self.succeeds("tdistcc", "gcc", "-c", "unit1.c", DISTCC_AGENT="0")
        await self.succeeds("tdistcc", "gcc", "unit1.o", "-shared", "-o", "unit", DISTCC_AGENT="0")
        shown = await self.succeeds("twisted-distcc", "stats", "--json")
        self.assertEqual(json.loads(shown.stdout)["became"], {"files": 1})

    async def test_nowhere(self) -> None:
        """Where nothing can be written, as in a home that is no folder, compiles go on."""
        await self.farm("--sandbox=require")
        (self.home / "file").touch()
        await self.compiles(DISTCC_DIR=str(self.home / "file" / "none"))
