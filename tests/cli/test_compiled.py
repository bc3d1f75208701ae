"""The compiled tdistcc: it does what the one in Python does, or becomes it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.agent import test_live_command
from tests.agent.farm import FarmTestCase
from tests.agent.home import HomeTestCase
from tests.live import LiveServer
from tests.prefix import SCRIPT, START, TDISTCC, install_program
from twisted_distcc.cli.compiled import compile_program, is_our_program, make_program
from twisted_distcc.cli.masquerade import MasqueradeError, make_links, remove_links
from twisted_distcc.toolchain.program_build import CannotBuildError

# In the place of Python, which gets -I, -S and its script: tells how tdistcc was called.
TELLS = 'shift 3; echo "python ${1##*/}"; shift; echo "$*"'

# Starts tdistcc with an environment that Python and shells cannot make.
RUN = """#include <unistd.h>
int main(void)
{{
    char *words[] = {{"tdistcc", "gcc", "-c", "hello.c", 0}}, *environ[] = {{{environ}, 0}};
    return execve("{program}", words, environ);
}}
"""


class ScriptTests(test_live_command.MasqueradeTests):
    """The same claims, of links to the script of the tdistcc in Python."""

    async def set_up_links(self, **targets: str | Path) -> LiveServer:
        scripts = {name: SCRIPT if to == TDISTCC else to for name, to in targets.items()}
        return await super().set_up_links(**scripts)


class UsualCourseTests(FarmTestCase):
    """Python is not there to be left anything to."""

    async def with_agent(self) -> LiveServer:
        """Start a farm, an agent, and a program whose Python tells how it was called."""
        server = await self.farm()
        await self.compiles()
        self.installed = install_program(self.home / "installed", TELLS)
        (self.bin / "gcc").symlink_to(self.installed)
        return server

    async def test_compiles(self) -> None:
        """It compiles on the farm, by either name, and says what the compiler says."""
        server = await self.with_agent()
        for command in ((str(self.installed), "gcc"), (str(self.bin / "gcc"),)):
            (self.work / "hello.o").unlink()
            child = await self.succeeds(*command, "-c", "hello.c", "-o", "hello.o")
            self.assertEqual((child.stdout, child.stderr), (b"", ""))
            self.is_right()
        self.assertEqual(len(server.jobs), 3)

    async def test_a_copy_for_links(self) -> None:
        """A program in a folder of links finds the installation by the link that is beside it."""
        server = await self.with_agent()
        make_links(self.home / "links", ["cc"], self.installed, compiled=True)
        links = self.home / "links"
        for command in ((str(links / "cc"),), (str(links / "tdistcc"), "gcc")):
            child = await self.succeeds(*command, "-c", "hello.c", "-o", "hello.o")
            self.assertEqual((child.stdout, child.stderr), (b"", ""))
        self.assertEqual(len(server.jobs), 3)

    async def test_whatever_it_is_told_to_be(self) -> None:
        """The first word of its command line, which may be anything, does not matter: its path does."""
        server = await self.with_agent()
        for name in ("tdistcc", "gcc", "-", "/nowhere/cc1"):
            code = "import os, sys; os.execv(sys.argv[1], sys.argv[2:])"
            await self.succeeds("python3", "-c", code, str(self.bin / "gcc"), name, "-c", "hello.c")
        self.assertEqual(len(server.jobs), 5)

    async def test_hostile_variables(self) -> None:
        """Neither PATH nor any other variable leads it to another Python or another package."""
        server = await self.with_agent()
        self.program("python3.0", "exit 9")
        self.program(START, "exit 9")
        changes = {"PYTHONHOME": "/nowhere", "PYTHONPATH": str(self.bin), "VIRTUAL_ENV": str(self.home)}
        await self.succeeds(str(self.installed), "gcc", "-c", "hello.c", **changes)
        self.assertEqual(len(server.jobs), 2)
        child = await self.succeeds(str(self.installed), "--version", **changes)
        self.assertEqual(child.stdout, b"python tdistcc\n--version\n")

    async def test_fails(self) -> None:
        """Exit status and messages of a compile that fails are the compiler's."""
        await self.with_agent()
        (self.work / "fails.c").write_text("int f(void) { return x; }\n")
        child = self.run_in_home(str(self.bin / "gcc"), "-c", "fails.c")
        self.assertEqual(await child.ended(), 1)
        self.assertIn("undeclared", child.stderr)

    async def test_nobody_listens(self) -> None:
        """Messages of our own that nobody reads any more do not end a compile."""
        await self.with_agent()
        code = (
            "import os, subprocess, sys\n"
            "reading, writing = os.pipe()\n"
            "os.close(reading)\n"
            "sys.exit(subprocess.run(sys.argv[1:], stderr=writing).returncode)\n"
        )
        (self.work / "hello.o").unlink()
        words = [str(self.installed), "gcc", "-c", "hello.c", "-o", "hello.o"]
        await self.succeeds("python3", "-c", code, *words, DISTCC_VERBOSE="1")
        self.is_right()

    async def test_odd_environment(self) -> None:
        """Variables without a name or a value, or with two, are Python's to make sense of."""
        await self.with_agent()
        for odd in ("NAME", "=value", f"PATH={self.bin}"):
            environ = [f"{name}={value}" for name, value in self.environ.items()]
            source, run = self.home / "run.c", self.home / "run"
            words = ", ".join(map(json.dumps, [*environ, odd]))
            source.write_text(RUN.format(program=self.installed, environ=words))
            subprocess.run(["gcc", "-o", run, source], check=True)
            child = await self.succeeds(str(run))
            self.assertEqual(child.stdout, b"python tdistcc\ngcc -c hello.c\n")

    async def test_becomes_the_compiler(self) -> None:
        """What is not for servers is done by the compiler that it becomes."""
        await self.with_agent()
        child = await self.succeeds(str(self.bin / "gcc"), "--version")
        self.assertIn(b"gcc", child.stdout)
        self.assertNotIn(b"python", child.stdout)

    async def test_what_it_does_not_know(self) -> None:
        """Everything else is left to the tdistcc in Python, word by word."""
        await self.with_agent()
        (self.bin / "distcc").symlink_to(self.installed)
        for name in ("tdistcc", "distcc"):
            program = str(self.installed if name == "tdistcc" else self.bin / name)
            for words in (["--version"], ["-j"], [], ["x.c", "-c"], ["-c", "x.c"], ["./cc.sh", "a b"]):
                child = await self.succeeds(program, *words)
                self.assertEqual(child.stdout.decode(), f"python {name}\n{' '.join(words)}\n")
        for changes in ({"DISTCC_AGENT": "0"}, {"_TDISTCC_SAFEGUARD": "+"}, {"DISTCC_LOG": "log"}):
            child = await self.succeeds(str(self.bin / "gcc"), "-c", "x.c", **changes)
            self.assertEqual(child.stdout, b"python tdistcc\ngcc -c x.c\n")


class LeftToPythonTests(HomeTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.installed = install_program(self.home / "installed", TELLS + '; echo "$_TDISTCC_SAFEGUARD"')
        self.packages = self.home / "installed" / "lib" / "python3.0" / "site-packages"
        (self.bin / "gcc").symlink_to(self.installed)

    async def assert_left(self, **changes: str) -> None:
        """It has left the command to the tdistcc in Python, and changed nothing for it."""
        child = await self.succeeds(str(self.bin / "gcc"), "-c", "x.c", **changes)
        self.assertEqual(child.stdout, b"python tdistcc\ngcc -c x.c\n\n")

    async def test_no_agent(self) -> None:
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

    async def test_another_package(self) -> None:
        """Where it finds no package, or one of another version, it leaves the agent alone."""
        await self.compiles()
        agent = self.agent()
        (editable,) = self.packages.iterdir()
        editable.rename(editable.with_name("another.pth"))
        await self.assert_left()
        (self.packages / "twisted_distcc").mkdir()
        (self.packages / "twisted_distcc" / "__init__.py").write_text(
            '"""A."""\n\n__version__ = "0.0.1"\n'
        )
        await self.assert_left()
        self.assertEqual(self.agent(), agent)

    async def test_a_quoted_interpreter(self) -> None:
        """An installer quotes a path with a space as shells do, in the second line."""
        python = self.home / "a b'c\"d"
        shutil.copy(self.home / "installed" / "bin" / "python3.0", python)
        quoted = "'" + str(python).replace("'", "'\"'\"'") + "'"
        lines = f"#!/bin/sh\n'''exec' {quoted} \"$0\" \"$@\"\n' '''\n"
        self.installed.with_name(START).write_text(lines)
        await self.assert_left()

    async def test_no_installation(self) -> None:
        """Without what names the interpreter, it compiles here; where that is forbidden, it fails."""
        self.installed.with_name(START).unlink()
        await self.succeeds(str(self.bin / "gcc"), "-c", "hello.c", "-o", "hello.o")
        self.is_right()
        child = self.run_in_home(str(self.bin / "gcc"), "-c", "hello.c", DISTCC_FALLBACK="0")
        self.assertEqual(await child.ended(), 110)
        self.assertIn("its installation is gone", child.stderr)


class MakingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def test_links(self) -> None:
        """Links lead to the program in their folder; all of them go with it."""
        make_links(self.folder, ["gcc", "g++"], TDISTCC, compiled=True)
        self.assertEqual(sorted(os.listdir(self.folder)), ["g++", "gcc", "tdistcc", START])
        self.assertEqual(os.readlink(self.folder / "gcc"), str(self.folder / "tdistcc"))
        make_links(self.folder, ["gcc", "g++"], TDISTCC, compiled=True)
        remove_links(self.folder, ["gcc"])
        self.assertEqual(sorted(os.listdir(self.folder)), ["g++", "tdistcc", START])
        remove_links(self.folder, [])
        self.assertEqual(os.listdir(self.folder), [])

    def test_no_links(self) -> None:
        """Where no link can be made no program is made either."""
        (self.folder / "gcc").write_text("mine")
        for names in ([], ["gcc"]):
            with self.assertRaises(MasqueradeError):
                make_links(self.folder, names, TDISTCC, compiled=True)
        self.assertEqual(os.listdir(self.folder), ["gcc"])

    def test_no_way_to_python(self) -> None:
        """A program that could not find its installation is not made."""
        (self.folder / START).write_text("mine")
        for tdistcc in (TDISTCC, self.folder / "tdistcc", self.folder / "bin" / "tdistcc"):
            with self.assertRaises(MasqueradeError):
                make_links(self.folder, ["gcc"], tdistcc, compiled=True)
        self.assertEqual(os.listdir(self.folder), [START])

    def test_another_file(self) -> None:
        """A file or link that was not made here is left as it is, also when links are removed."""
        (self.folder / "tdistcc").write_text("mine")
        self.assertRaises(CannotBuildError, make_program, self.folder / "tdistcc", TDISTCC)
        remove_links(self.folder, [])
        self.assertEqual((self.folder / "tdistcc").read_text(), "mine")

    def test_from_a_script(self) -> None:
        """Where a script is what is installed the program is compiled."""
        make_program(self.folder / "tdistcc", SCRIPT)
        self.assertFalse(is_our_program(SCRIPT))
        self.assertTrue(is_our_program(self.folder / "tdistcc"))

    def test_nothing_of_this_machine(self) -> None:
        """The same bytes are built wherever that is, and hold no path of it."""
        programs = [self.folder / name for name in ("a", "another")]
        for program in programs:
            compile_program(program)
        self.assertEqual(*(program.read_bytes() for program in programs))
        self.assertNotIn(os.fsencode(Path(__file__).parents[2]), programs[0].read_bytes())
        self.assertNotIn(os.fsencode(self.folder), programs[0].read_bytes())

    def test_no_warnings(self) -> None:
        """The source has nothing that compilers warn of."""
        source = Path(compile_program.__code__.co_filename).with_name("compiled.c")
        words = ["gcc", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", '-DVERSION="1"', str(source)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_no_compiler(self) -> None:
        """Without a C compiler nothing is made, and the person is told."""
        self.patch(os, "environ", {"PATH": str(self.folder)})
        error = self.assertRaises(CannotBuildError, make_program, self.folder / "tdistcc", SCRIPT)
        self.assertIn("no C compiler", str(error))
        self.assertEqual(os.listdir(self.folder), [])
