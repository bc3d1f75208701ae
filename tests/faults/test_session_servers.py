"""A server of sessions that is killed in the middle of a build, and starts again."""

from __future__ import annotations

from tests.faults.building import FaultTestCase
from tests.faults.project import UNITS
from tests.live import until

WANTED = tuple(f"{unit}.o" for unit in UNITS[:4])
# A gcc for this machine alone: a compile waits, as long as its mark is there.
WAITS = """\
case " $* " in
*' -c '*) echo >> {mark}.compiles; while [ -e {mark} ]; do sleep 0.02; done;;
esac
exec /usr/bin/gcc "$@"
"""


class SessionServerTests(FaultTestCase):
    async def test_restarted(self) -> None:
        """Its job is compiled here; the one that starts then, and knows nothing, does the rest."""
        local = self.home / "local"
        local.touch()
        self.program("gcc", WAITS.format(mark=local))
        server = await self.farm_that_stops()
        self.environ |= {"DISTCC_FALLBACK": "1", "DISTCC_BACKOFF_PERIOD": "0"}
        build = self.make(*WANTED, jobs=1)
        await self.stopped()
        await server.kill()
        await until(local.with_suffix(".compiles").exists, "its job is compiled here")
        again = await self.serve("--jobs=4", f"--port={server.port}")
        local.unlink()
        self.assertEqual(await build.ended(), 0, build.stderr)
        await self.is_tidy()
        self.assertEqual(len(again.jobs), len(WANTED) - 1, again.log)
