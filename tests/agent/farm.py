"""A user with a farm of one server of ours, whose compilers stop where a test wants them to.

In: a test.  Out: a server, and the compiler that has stopped.  It refuses to know what the test does
about that.
"""

from __future__ import annotations

import os
from pathlib import Path
from signal import SIGKILL

from tests.agent.home import HomeTestCase, is_alive
from tests.live import LiveServer, until

# A gcc that stops the first time that it {does}, and says which process it is; later it is gcc.
STOPS_ONCE = """\
case " $* " in
{pattern})
    if mkdir "{mark}.lock" 2>/dev/null; then
        echo $$ > "{mark}.new" && mv "{mark}.new" "{mark}"
        exec sleep 1000
    fi;;
esac
exec /usr/bin/gcc "$@"
"""
PREPROCESSING = "*' -E -o '*"
COMPILING = "*' -x '*"


class FarmTestCase(HomeTestCase):
    async def farm(self, *options: str, **environ: str) -> LiveServer:
        """Start a server, which is the only host, and is to compile whatever can be sent."""
        server = await self.serve("--jobs=4", *options, environ=environ)
        self.environ |= {"DISTCC_HOSTS": f"127.0.0.1:{server.port}/4", "DISTCC_FALLBACK": "0"}
        return server

    async def farm_that_stops(self, *options: str, **environ: str) -> LiveServer:
        """Start a server whose first compile does not end."""
        folder = self.home / "server-bin"
        folder.mkdir()
        self.stops_once(folder / "gcc", COMPILING)
        return await self.farm(*options, DISTCCD_PATH=f"{folder}:/usr/bin:/bin", **environ)

    def stops_once(self, gcc: Path, pattern: str) -> None:
        """Make this gcc, which is a script, for which the user vouches."""
        self.environ["DISTCC_TRUST_NAMES"] = "1"
        gcc.write_text("#!/bin/sh\n" + STOPS_ONCE.format(pattern=pattern, mark=self.mark))
        gcc.chmod(0o755)

    @property
    def mark(self) -> Path:
        """The file that the compiler that stops writes its process number to."""
        return self.home / "stopped"

    async def stopped(self) -> int:
        """Wait until the compiler has stopped; give its process number."""
        await until(self.mark.exists, "the compiler has stopped")
        pid = int(self.mark.read_text())
        self.addCleanup(_kill, pid)
        return pid

    def nothing_is_left(self, server: LiveServer) -> None:
        """Assert that no slot is taken and that no file is left but the source."""
        self.assertEqual(self.left(), ["hello.c"])
        self.assertEqual(self.slots_taken(f"tcp_127.0.0.1_{server.port}"), 0)
        self.assertEqual(self.slots_taken("localhost"), 0)


def _kill(pid: int) -> None:
    if is_alive(pid):
        os.kill(pid, SIGKILL)
