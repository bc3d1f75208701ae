"""A user's build in whose middle something goes wrong.

In: a test.  Out: a build that is held in its middle, and whether all is right in the end.  It refuses
to know what goes wrong.

A build is held by one of its compiles, on the server or here, which waits until the test lets it go: so
whatever the test does, it does before the build can be over, on a machine of any speed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from signal import SIGTERM

from tests.agent.farm import FarmTestCase
from tests.faults.project import PRODUCTS, SOURCES, built_here, write_project
from tests.live import Child, LiveServer, until

# A gcc that waits, the first time that its arguments match, for as long as its mark is there.
_WAITS_ONCE = """\
#!/bin/sh
case " $* " in
{pattern})
    if mkdir "{mark}.lock" 2>/dev/null; then
        echo $$ > "{mark}.new" && mv "{mark}.new" "{mark}"
        while [ -e "{mark}" ]; do sleep 0.02; done
    fi;;
esac
exec /usr/bin/gcc "$@"
"""
_DONE_BEFORE = 3


class FaultTestCase(FarmTestCase):
    """The project of `tests.faults.project` is in the work folder.

    Attributes:
        root: the root of the files that the user sees.
        address: of the servers.
    """

    root = Path("/")
    address = "127.0.0.1"

    def setUp(self) -> None:
        super().setUp()
        (self.work / "hello.c").unlink()
        write_project(self.work)
        self.environ["MAKEFLAGS"] = ""  # the tests may be run by a make of their own
        self.addCleanup(self.let_go)

    def stops_once(self, gcc: Path, pattern: str) -> None:
        self.environ["DISTCC_TRUST_NAMES"] = "1"
        gcc.write_text(_WAITS_ONCE.format(pattern=pattern, mark=self.mark))
        gcc.chmod(0o755)

    def let_go(self) -> None:
        """Let the compile that waits go on, if there is one."""
        self.mark.unlink(missing_ok=True)

    def hosts(self, *ports: int, limit: int = 4) -> None:
        """Make the servers on these ports the user's hosts, in this order."""
        self.environ["DISTCC_HOSTS"] = " ".join(f"{self.address}:{port}/{limit}" for port in ports)

    def make(self, *words: str, jobs: int = 4) -> Child:
        """Start to build, with tdistcc."""
        return self.run_in_home("make", f"--jobs={jobs}", "CC=tdistcc gcc", *words)

    async def in_the_middle(self, build: Child, server: LiveServer) -> None:
        """Wait until one compile waits, and `server` has done some; the build is not over then."""
        await self.stopped()
        await until(lambda: len(server.jobs) >= _DONE_BEFORE, "the server has done some jobs")
        self.assertFalse(build.has_ended(), build.stderr)

    async def is_built(self, build: Child) -> None:
        """Wait for the end of a build, and assert that it is a good one."""
        self.assertEqual(await build.ended(), 0, build.stderr)
        self.assertEqual(self.products(), PRODUCTS)
        await self.is_tidy()

    async def is_tidy(self) -> None:
        """Assert that what was made is right and whole, and that nothing else is left of the build."""
        expected = built_here()
        folder = self.seen(self.work)
        made = {name: (folder / name).read_bytes() for name in self.products()}
        self.assertEqual([name for name in made if made[name] != expected.get(name)], [])
        await until(lambda: not self.temporary(), f"nothing is left in {self.tmp}")
        await until(lambda: not any(map(self.slots_taken, self.lock_names())), "no slot is taken")

    async def leaves_nothing(self, *servers: LiveServer) -> None:
        """End servers; assert that they leave no file."""
        for server in servers:
            self.assertEqual(await server.stop(), -SIGTERM, server.stderr)
            self.assertEqual(os.listdir(server.temporary), [])

    def lock_names(self) -> list[str]:
        """Name the hosts as their slots do."""
        hosts = re.findall(r"(\S+):(\d+)/", self.environ["DISTCC_HOSTS"])
        return ["localhost", *(f"tcp_{address}_{port}" for address, port in hosts)]

    def products(self) -> frozenset[str]:
        """Name all that is in the work folder, save the sources."""
        return frozenset(os.listdir(self.seen(self.work))) - SOURCES

    def temporary(self) -> list[str]:
        """Name what is in the user's folder for temporary files."""
        return os.listdir(self.seen(self.tmp))

    def seen(self, path: Path) -> Path:
        """Say where the test sees the user's `path`."""
        return self.root / path.relative_to("/")
