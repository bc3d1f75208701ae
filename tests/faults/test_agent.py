"""An agent that dies in the middle of a build."""

from __future__ import annotations

import os
from signal import SIGKILL

from tests.faults.building import FaultTestCase


class AgentTests(FaultTestCase):
    async def test_killed(self) -> None:
        """Killed, with four compiles on their way: another agent does them, and clears up after it."""
        server = await self.farm_that_stops()
        build = self.make()
        await self.in_the_middle(build, server)
        dead = self.agent()
        os.kill(dead, SIGKILL)
        await self.is_built(build)
        self.assertNotEqual(self.agent(), dead)
        self.assertEqual(build.stderr, "")
        await self.leaves_nothing(server)
