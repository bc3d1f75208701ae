"""The demo as users run it, with a real server, client and agent."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tests.agent.home import agents
from tests.live import LiveTestCase, until

MAKEFILE = "all: a.o b.o\n"


def agents_below(folder: Path) -> list[str]:
    """Return the logs in `folder`, which may be gone, of agents that run."""
    found = []
    for pid in agents():
        with contextlib.suppress(OSError):  # it has ended meanwhile
            found.append(os.readlink(f"/proc/{pid}/fd/2"))
    return [log for log in found if log.startswith(str(folder))]


class DemoTests(LiveTestCase):
    async def test_a_project(self) -> None:
        """Each file is compiled on the server, every object is right, and no agent is left."""
        project = self.place()
        project.mkdir()
        (project / "Makefile").write_text(MAKEFILE)
        for name in ("a", "b"):
            (project / f"{name}.c").write_text(f"#include <stdio.h>\nint {name};\n")
        command = ("twisted-distcc", "demo", "--project", str(project), "--jobs", "2")
        child = self.start(*command, environ={"HOME": str(self.place())})
        self.assertEqual(await child.ended(), 0, child.stderr + child.stdout.decode())
        self.assertIn("2 objects are the same, byte for byte.", child.stdout.decode())
        self.assertRegex(child.stdout.decode(), r"through the farm +2 +2 +0 ")
        await until(lambda: not agents_below(child.temporary), "the demo's agent is gone")
