"""Users without a home, without a name, and without a place to write to: compiles go on all the same."""

from __future__ import annotations

import os
import shutil

from tests.agent.farm import FarmTestCase
from twisted_distcc.cli.installed import installed_command

NOBODY = 12345
"""A user that no machine has a name for."""


class HomelessTests(FarmTestCase):
    async def assert_elsewhere(self, number: int, **changes: str) -> None:
        """A compile goes to the server, as the `number`th job, and nothing is said of it."""
        (self.work / "hello.o").unlink(missing_ok=True)
        child = await self.succeeds("tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o", **changes)
        self.assertEqual(child.stderr, "")
        self.is_right()
        self.assertEqual(len(self.server.jobs), number)

    async def test_homes_of_no_use(self) -> None:
        """Where no lock file can be made in the home, they are made beside the agent's socket."""
        self.server = await self.farm()
        file = str(self.work / "hello.c")
        number = 0
        for agent in ("1", "0"):
            for changes in ({"HOME": "/dev/null"}, {"HOME": file}, {"DISTCC_DIR": f"{file}/x"}):
                number += 1
                await self.assert_elsewhere(number, DISTCC_AGENT=agent, **changes)
        self.assertTrue(os.listdir(self.runtime / "twisted-distcc" / "slots"))

    async def test_a_user_without_a_name(self) -> None:
        """A number will do, as in a container: without HOME, and with next to no other variable."""
        if os.getuid() != 0:
            self.skipTest("only root can become a user without a name")
        self.server = await self.farm()
        self.runtime.chmod(0o711)
        runtime = self.runtime / "nobody"
        runtime.mkdir(mode=0o700)
        os.chown(runtime, NOBODY, NOBODY)
        self.work.chmod(0o777)
        become = ("setpriv", f"--reuid={NOBODY}", "--clear-groups", "env", "-i")
        environ = ("PATH=/usr/bin:/bin", "DISTCC_AGENT=0", f"XDG_RUNTIME_DIR={runtime}")
        hosts = f"DISTCC_HOSTS={self.environ['DISTCC_HOSTS']}"
        tdistcc = (str(installed_command("tdistcc")), "gcc")
        setpriv, *words = become
        setpriv = shutil.which(setpriv) or setpriv
        child = await self.succeeds(setpriv, *words, *environ, *tdistcc, "--version")
        self.assertEqual(child.stderr, "")
        compile_ = ("-c", "hello.c", "-o", "hello.o")
        child = await self.succeeds(setpriv, *words, *environ, hosts, *tdistcc, *compile_)
        self.assertEqual((child.stderr, len(self.server.jobs)), ("", 1))
        self.is_right()

    async def test_nowhere_to_write(self) -> None:
        """Where there is no place for a lock file at all, it is compiled here, with a warning."""
        (self.runtime / "twisted-distcc").write_text("no folder")
        for agent in ("1", "0"):
            changes = {"HOME": "/dev/null", "DISTCC_AGENT": agent}
            child = await self.succeeds("tdistcc", "gcc", "-c", "hello.c", "-o", "hello.o", **changes)
            self.assertIn("no directory for lock files", child.stderr)
            self.is_right()
            (self.work / "hello.o").unlink()
