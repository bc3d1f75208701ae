"""The compiled tdistcc: it does what the one in Python does, or becomes it."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.agent import test_live_command
from tests.agent.farm import FarmTestCase
from tests.agent.home import HomeTestCase
from tests.agent.test_live_command import TDISTCC
from tests.live import LiveServer
from twisted_distcc.cli import compiled
from twisted_distcc.cli.compiled import CannotCompileError, is_our_program, make_program
from twisted_distcc.cli.masquerade import MasqueradeError, make_links, remove_links

# In the place of the tdistcc in Python: tells how it was called.
TELLS = 'echo "python $*"'


class MasqueradeTests(test_live_command.MasqueradeTests):
    """The same claims, of links to the compiled program."""

    async def set_up_links(self, **targets: str | Path) -> LiveServer:
        program = self.home / "compiled" / "tdistcc"
        program.parent.mkdir()
        make_program(program, TDISTCC)
        compiled = {name: program if to == TDISTCC else to for name, to in targets.items()}
        return await super().set_up_links(**compiled)


class UsualCourseTests(FarmTestCase):
    """Python is not there to be left anything to."""

    async def with_agent(self) -> LiveServer:
        """Start a farm, an agent, and a program that knows of no Python."""
        server = await self.farm()
        await self.compiles()
        make_links(self.bin, ["gcc"], self.program("tells", TELLS), compiled=True)
        return server

    async def test_compiles(self) -> None:
        """It compiles on the farm, by either name, and says what the compiler says."""
        server = await self.with_agent()
        for command in ((str(self.bin / "tdistcc"), "gcc"), (str(self.bin / "gcc"),)):
            (self.work / "hello.o").unlink()
            child = await self.succeeds(*command, "-c", "hello.c", "-o", "hello.o")
            self.assertEqual((child.stdout, child.stderr), (b"", ""))
            self.is_right()
        self.assertEqual(len(server.jobs), 3)

    async def test_fails(self) -> None:
        """Exit status and messages of a compile that fails are the compiler's."""
        await self.with_agent()
        (self.work / "fails.c").write_text("int f(void) { return x; }\n")
        child = self.run_in_home(str(self.bin / "gcc"), "-c", "fails.c")
        self.assertEqual(await child.ended(), 1)
        self.assertIn("undeclared", child.stderr)

    async def test_becomes_the_compiler(self) -> None:
        """What is not for servers is done by the compiler that it becomes."""
        await self.with_agent()
        child = await self.succeeds(str(self.bin / "gcc"), "--version")
        self.assertIn(b"gcc", child.stdout)
        self.assertNotIn(b"python", child.stdout)

    async def test_what_it_does_not_know(self) -> None:
        """Everything else is left to the tdistcc in Python, word by word."""
        await self.with_agent()
        program = str(self.bin / "tdistcc")
        for words in (["--version"], ["-j"], [], ["x.c", "-c"], ["-c", "x.c"], ["./cc.sh", "a b"]):
            child = await self.succeeds(program, *words)
            self.assertEqual(child.stdout.decode(), f"python {' '.join(words)}\n")
        for changes in ({"DISTCC_AGENT": "0"}, {"_TDISTCC_SAFEGUARD": "+"}):
            child = await self.succeeds(str(self.bin / "gcc"), "-c", "x.c", **changes)
            self.assertEqual(child.stdout, b"python gcc -c x.c\n")


class NoAgentTests(HomeTestCase):
    async def assert_left(self, **changes: str) -> None:
        """It has left the command to the tdistcc in Python, and changed nothing for it."""
        make_program(self.bin / "gcc", self.program("tells", TELLS + '; echo "$_TDISTCC_SAFEGUARD"'))
        child = await self.succeeds(str(self.bin / "gcc"), "-c", "x.c", **changes)
        self.assertEqual(child.stdout, b"python gcc -c x.c\n\n")

    async def test_none(self) -> None:
        """Where no agent listens, Python starts one."""
        await self.assert_left()

    async def test_an_unsafe_folder(self) -> None:
        """A folder that others may enter is none to look for an agent in: Python says so."""
        (self.runtime / "twisted-distcc").mkdir(mode=0o755)
        (self.runtime / "twisted-distcc").chmod(0o755)
        await self.assert_left()

    async def test_a_long_folder(self) -> None:
        """Nor is one whose name is too long for a socket."""
        folder = self.home / ("x" * 100)
        folder.mkdir()
        await self.assert_left(XDG_RUNTIME_DIR=str(folder))

    async def test_another_installation(self) -> None:
        """It notices that the installation was upgraded, and leaves the agent alone."""
        await self.compiles()
        agent = self.agent()
        self.patch(compiled, "stamp", lambda: b"0.0.1 1 2 3")
        await self.assert_left()
        self.assertEqual(self.agent(), agent)


class MakingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_links(self) -> None:
        """Links lead to the program in their folder; all of them go with it."""
        make_links(self.folder, ["gcc", "g++"], TDISTCC, compiled=True)
        self.assertEqual(sorted(os.listdir(self.folder)), ["g++", "gcc", "tdistcc"])
        self.assertEqual(os.readlink(self.folder / "gcc"), str(self.folder / "tdistcc"))
        make_links(self.folder, ["gcc", "g++"], TDISTCC, compiled=True)
        remove_links(self.folder, ["gcc"])
        self.assertEqual(sorted(os.listdir(self.folder)), ["g++", "tdistcc"])
        remove_links(self.folder, [])
        self.assertEqual(os.listdir(self.folder), [])

    def test_no_links(self) -> None:
        """Where no link can be made no program is made either."""
        (self.folder / "gcc").write_text("mine")
        for names in ([], ["gcc"]):
            with self.assertRaises(MasqueradeError):
                make_links(self.folder, names, TDISTCC, compiled=True)
        self.assertEqual(os.listdir(self.folder), ["gcc"])

    def test_odd_paths(self) -> None:
        """A path may hold what means something in C."""
        python = self.folder / 'a"b\\n%s \u00e4'
        python.write_text(f"#!/bin/sh\n{TELLS}\n")
        python.chmod(0o755)
        make_program(self.folder / "tdistcc", python)
        with os.popen(f"{self.folder}/tdistcc --help") as told:
            self.assertEqual(told.read(), "python --help\n")

    def test_another_file(self) -> None:
        """A file or link that was not made here is left as it is, also when links are removed."""
        (self.folder / "tdistcc").write_text("mine")
        self.assertRaises(CannotCompileError, make_program, self.folder / "tdistcc", TDISTCC)
        remove_links(self.folder, [])
        self.assertEqual((self.folder / "tdistcc").read_text(), "mine")

    def test_not_to_itself(self) -> None:
        """A program that would become itself again and again is not made."""
        make_program(self.folder / "one", TDISTCC)
        self.assertTrue(is_our_program(self.folder / "one"))
        self.assertFalse(is_our_program(TDISTCC))
        one, two = self.folder / "one", self.folder / "two"
        self.assertRaises(CannotCompileError, make_program, two, one)
        self.assertEqual(os.listdir(self.folder), ["one"])

    def test_no_compiler(self) -> None:
        """Without a C compiler nothing is made, and the person is told."""
        self.patch(os, "environ", {"PATH": str(self.folder)})
        error = self.assertRaises(CannotCompileError, make_program, self.folder / "tdistcc", TDISTCC)
        self.assertIn("no C compiler", str(error))
        self.assertEqual(os.listdir(self.folder), [])
