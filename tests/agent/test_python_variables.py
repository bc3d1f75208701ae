"""A build's Python variables are its own: none of our programs heeds them, and compilers get them."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from tests.agent.farm import FarmTestCase
from tests.agent.home import HomeTestCase
from tests.agent.variables import poison, poison_each
from tests.prefix import PLAIN, QUOTED, SCRIPT, install
from twisted_distcc.cli.installed import installed_command

SCRIPTS = ("pump", SCRIPT.name, "tdistccd", "twistd-stdio", "twisted-distcc")
PROGRAMS = sorted({"tdistcc", *SCRIPTS})


class ProgramTests(HomeTestCase):
    async def test_none_heeds_them(self) -> None:
        """Each program starts as ever, whichever of the variables are set, and says nothing more."""
        plain = {name: (await self.succeeds(name, "--help")).stdout for name in PROGRAMS}
        for name in PROGRAMS:
            child = await self.succeeds(name, "--help", **poison(self.home / "poison"))
            self.assertEqual((child.stdout, child.stderr), (plain[name], ""))

    async def test_one_script(self) -> None:
        """The scripts that start the programs differ in the program's name alone."""
        beside = installed_command("tdistcc").parent
        scripts = {(beside / name).read_text().replace(f'start" {name} ', "") for name in SCRIPTS}
        self.assertEqual(len(scripts), 1)

    async def test_one_by_one(self) -> None:
        """So it is for each variable alone, down to the compiler."""
        self.program("compiler", 'echo "$0"')
        self.environ["DISTCC_HOSTS"] = "localhost"
        for variables in poison_each(self.home / "poison"):
            child = await self.succeeds(SCRIPT.name, "compiler", "-c", "hello.c", **variables)
            self.assertEqual((child.stdout, child.stderr), (f"{self.bin}/compiler\n".encode(), ""))

    async def test_compilers_get_them(self) -> None:
        """What a compiler is started with here is what tdistcc was started with."""
        self.program("compiler", "env")
        self.environ["DISTCC_HOSTS"] = "localhost"
        variables = poison(self.home / "poison")
        variables |= {"python": "3", "start": "now", "IFS_": " "}  # names that a script may use
        self.environ |= variables
        expected = {f"{name}={value}" for name, value in variables.items()}
        for agent in ("1", "0"):
            for tdistcc in ("tdistcc", SCRIPT.name):
                child = await self.succeeds(tdistcc, "compiler", "-c", "hello.c", DISTCC_AGENT=agent)
                self.assertEqual(expected - {*child.stdout.decode().splitlines()}, set())
                self.assertEqual(child.stderr, "")


class CompileTests(FarmTestCase):
    async def test_elsewhere(self) -> None:
        """An agent that such a build starts serves it; without an agent it is the same."""
        server = await self.farm()
        variables = poison(self.home / "poison")
        for number, agent in enumerate(("1", "1", "0"), 1):
            child = self.run_in_home("tdistcc", "gcc", "-c", "hello.c", DISTCC_AGENT=agent, **variables)
            self.assertEqual((await child.ended(), child.stderr, child.stdout), (0, "", b""))
            self.is_right()
            self.assertEqual(len(server.jobs), number)


class PrefixTests(HomeTestCase):
    """Installations elsewhere, of which nothing tells Python."""

    def prefix(self, first_line: str = PLAIN) -> Path:
        folder = self.home / "a prefix"
        install(folder, first_line)
        return folder

    def prefix_alone(self) -> Path:
        """Make one whose interpreter knows no other installation."""
        self.patch(sys, "executable", os.path.realpath(sys.executable))
        folder = self.home / "a prefix"
        install(folder, python=sys.executable)
        return folder

    async def masquerade(self, folder: Path, *words: str) -> None:
        """Make links in the first folder on PATH, by the command of that installation."""
        command = str(folder / "bin" / "twisted-distcc")
        await self.succeeds(command, "masquerade", str(self.bin), *words)

    async def test_how_installers_name_the_interpreter(self) -> None:
        """pip names it in the first line, uv in the second where the path has a space."""
        for first_line in (PLAIN, QUOTED):
            folder = self.prefix(first_line)
            for name in PROGRAMS:
                child = await self.succeeds(str(folder / "bin" / name), "--help")
                self.assertEqual(child.stderr, "")
            shutil.rmtree(folder)

    async def test_links(self) -> None:
        """A link named like a compiler finds the interpreter, also where no `readlink` is on PATH."""
        folder = self.prefix()
        for name in ("tdistcc", SCRIPT.name):
            (self.bin / "gcc").unlink(missing_ok=True)
            (self.bin / "gcc").symlink_to(folder / "bin" / name)
            child = self.run_in_home(str(self.bin / "gcc"), "--version", PATH=str(self.bin))
            self.assertEqual(await child.ended(), 110)
            self.assertIn("failed to exec gcc", child.stderr)

    async def test_without_the_package(self) -> None:
        """While the package is gone, as in an upgrade, a compile is done here."""
        folder = self.prefix_alone()
        tdistcc = str(folder / "bin" / "tdistcc")
        compiled, gcc, cc = (str(self.bin / name) for name in ("tdistcc", "gcc", "cc"))
        await self.masquerade(folder, "cc", "--compiled")
        await self.masquerade(folder, "gcc")
        shutil.rmtree(folder / "lib")
        why = "tdistcc: No module named 'twisted_distcc'; compiling here\n"
        for command in ([tdistcc, "gcc"], [tdistcc], [gcc], [cc], [compiled], [compiled, "gcc"]):
            child = await self.succeeds(*command, "-c", "hello.c")
            self.assertEqual(child.stderr, why)
            self.is_right()
            (self.work / "hello.o").unlink()

    async def test_without_the_package_or_fallback(self) -> None:
        """A build that forbids local compiles has none."""
        folder = self.prefix_alone()
        await self.masquerade(folder, "cc", "--compiled")
        shutil.rmtree(folder / "lib")
        for tdistcc, why in (
            (folder / "bin" / "tdistcc", "No module named 'twisted_distcc'"),
            (folder / "bin" / SCRIPT.name, "No module named 'twisted_distcc'"),
            (self.bin / "tdistcc", "No module named 'twisted_distcc'"),
        ):
            child = self.run_in_home(str(tdistcc), "gcc", "-c", "hello.c", DISTCC_FALLBACK="0")
            self.assertNotEqual(await child.ended(), 0)
            self.assertIn(why, child.stderr)

    async def test_in_the_middle_of_an_upgrade(self) -> None:
        """A package of which some modules are missing compiles here as well."""
        folder = self.prefix_alone()
        await self.masquerade(folder, "cc", "--compiled")
        [package] = folder.glob("lib/*/site-packages/twisted_distcc")
        (package / "agent" / "handover.py").write_text("def hand_ov")
        for tdistcc in (folder / "bin" / "tdistcc", self.bin / "tdistcc"):
            child = await self.succeeds(str(tdistcc), "gcc", "-c", "hello.c")
            self.assertIn("compiling here", child.stderr)
            self.is_right()
            (self.work / "hello.o").unlink()

    async def test_after_an_uninstall(self) -> None:
        """Links find the compiler by themselves: those to a program, and those that lead nowhere."""
        folder = self.prefix_alone()
        await self.masquerade(folder, "gcc", "--compiled")
        await self.masquerade(folder, "cc")
        shutil.rmtree(folder)
        tdistcc, gcc = str(self.bin / "tdistcc"), str(self.bin / "gcc")
        for command in ([gcc], [tdistcc, "gcc"], [tdistcc], ["/bin/sh", "-c", 'cc "$@"', "sh"]):
            child = await self.succeeds(*command, "-c", "hello.c")
            self.assertEqual(child.stderr, "")
            self.is_right()
            (self.work / "hello.o").unlink()
        child = self.run_in_home(tdistcc, "--version")
        self.assertEqual(await child.ended(), 110)
        self.assertIn("its installation is gone", child.stderr)
