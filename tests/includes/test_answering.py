"""What C distcc's client is answered, found by a real compiler's word."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import TestCase

from twisted_distcc.client.inputs.search_paths import SearchPaths
from twisted_distcc.client.inputs.sources import Sources
from twisted_distcc.includes.answering import Answers, Surroundings, outermost
from twisted_distcc.includes.mirror import Mirror
from twisted_distcc.pump.unit import NotForServersError
from twisted_distcc.runtime.processes import ReactorSpawner


def at_once(work: Callable[[], None]) -> Deferred[None]:
    """Work here and now."""
    return succeed(work())


class AnswerTests(TestCase):
    def setUp(self) -> None:
        above = Path(tempfile.mkdtemp(prefix="answers-", dir="/tmp"))
        self.addCleanup(shutil.rmtree, above)
        self.copies = above / "copies"
        self.copies.mkdir()
        self.work = Path(os.path.realpath(self.mktemp()))
        self.work.mkdir()
        (self.work / "a.c").write_text('#include "a.h"\n#include <stddef.h>\n')
        (self.work / "a.h").write_text("")

    def answers(self, **environ: str) -> Answers:
        """Make the memory of a build in this environment."""
        spawn = ReactorSpawner(reactor)
        sources = Sources(spawn, at_once)
        mirror = Mirror(str(self.copies), sources.files, at_once)
        surroundings = Surroundings({"PATH": os.environ["PATH"], **environ}, 0o022, 1)
        return Answers(surroundings, sources, SearchPaths(sources.files, spawn), mirror)

    async def paths(self, command: str, **environ: str) -> set[str]:
        """Ask for a command, and give the answer below the folder of copies."""
        found = await self.answers(**environ).paths(tuple(command.split()), str(self.work))
        self.assertEqual([path for path in found if not os.path.lexists(path)], [])
        return {path.removeprefix(str(self.copies)) for path in found}

    async def left(self, command: str, **environ: str) -> str:
        """Ask for a command that is left to distcc, and give the reason."""
        with self.assertRaises(NotForServersError) as refusal:
            await self.paths(command, **environ)
        return str(refusal.exception)

    async def test_files_and_own_folders(self) -> None:
        """The user's files, and for the compiler's folders links: none for headers in them."""
        found = await self.paths("gcc -c a.c")
        files = {f"{self.work}/a.c.lzo", f"{self.work}/a.h.lzo"}
        self.assertEqual(found & files, files)
        links = found - files
        self.assertIn("/usr/include", links)
        for link in links:
            self.assertTrue(os.readlink(f"{self.copies}{link}").endswith(f"../{link[1:]}"))

    async def test_without_own_folders(self) -> None:
        """With -nostdinc, too, the compiler's folders may be named: they are the server's."""
        self.assertIn("/usr/include", await self.paths("gcc -nostdinc -I/usr/include -c a.c"))

    async def test_other_roots(self) -> None:
        """Another root for the compiler's headers would be another one on the server."""
        root = self.work / "root"
        (root / "usr/include").mkdir(parents=True)
        for option in (f"--sysroot={root}", f"-isysroot {root}"):
            self.assertIn(f"{root}/usr/include", await self.left(f"gcc {option} -c a.c"), option)

    async def test_other_folders(self) -> None:
        """Folders that the command does not name do not travel."""
        (self.work / "i").mkdir()
        self.assertIn("environment", await self.left("gcc -c a.c", CPATH=f"{self.work}/i"))
        self.assertIn("folders", await self.left(f"gcc -iprefix {self.work}/ -iwithprefix i -c a.c"))

    async def test_dates(self) -> None:
        """No server of distcc's is told the date that the environment fixes."""
        (self.work / "a.h").write_text("const char *date = __DATE__;\n")
        for environ in ({}, {"SOURCE_DATE_EPOCH": "0"}):
            self.assertIn("__DATE__", await self.left("gcc -c a.c", **environ))

    async def test_pwd(self) -> None:
        """The build's PWD does not rename the folder that the client tells."""
        os.symlink(self.work, f"{self.work}.link")
        found = await self.paths("gcc -c a.c", PWD=f"{self.work}.link")
        self.assertIn(f"{self.work}/a.c.lzo", found)

    async def test_no_compile(self) -> None:
        """What distcc should not ask for is left to it: linking, no compiler, no source."""
        for command in ("gcc a.o", "no-such-compiler -c a.c", "gcc -c no-such.c"):
            self.assertNotEqual(await self.left(command), "")

    def test_outermost(self) -> None:
        """A folder that lies in another needs no link."""
        found = outermost({"/usr/include/x", "/usr/include", "/usr/include-fixed", "/a/b"})
        self.assertEqual(found, ("/a/b", "/usr/include", "/usr/include-fixed"))
