"""What a wheel holds: `tdistcc` and the jail as compiled programs where there is a C compiler."""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import hatchling
from packaging.tags import sys_tags
from packaging.utils import parse_wheel_filename

from tests.agent.farm import FarmTestCase
from tests.live import LiveTestCase
from tests.wheels import ROOT, build, install
from twisted_distcc.execution.sandbox.jail import PROGRAM

ELF, SCRIPT = b"\x7fELF", b"#!/bin/sh"
# Makes a program of what it is told to compile, which does nothing.
NO_COMPILER = """#!/bin/sh
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\n' >"$2"
/bin/chmod +x "$2"
"""


JAIL = "twisted_distcc/execution/sandbox/jail"


def jail_in(wheel: Path) -> bytes | None:
    """Return the program that confines compilers, if the wheel has it."""
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(JAIL) if JAIL in archive.namelist() else None


def scripts_in(wheel: Path) -> dict[str, bytes]:
    """Return what a wheel installs as commands."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".data/scripts/" in name]
        return {name.rpartition("/")[2]: archive.read(name) for name in names}


class WheelTests(LiveTestCase):
    def assert_pure(self, wheel: Path) -> None:
        """It is for any machine, its tdistcc is a script, and it has no jail."""
        self.assertEqual([str(tag) for tag in parse_wheel_filename(wheel.name)[3]], ["py3-none-any"])
        scripts = scripts_in(wheel)
        self.assertTrue(scripts["tdistcc"].startswith(SCRIPT))
        self.assertNotIn("tdistcc-python", scripts)
        self.assertIsNone(jail_in(wheel))

    def test_with_a_compiler(self) -> None:
        """It is for machines like this one, whichever their Python, and names nothing of it."""
        wheel = build(self.place())
        (tag,) = parse_wheel_filename(wheel.name)[3]
        self.assertEqual((tag.interpreter, tag.abi), ("py3", "none"))
        self.assertIn(tag, list(sys_tags()))
        scripts = scripts_in(wheel)
        self.assertTrue(scripts["tdistcc-python"].startswith(SCRIPT))
        for program in (scripts["tdistcc"], jail_in(wheel) or b""):
            self.assertTrue(program.startswith(ELF))
            self.assertNotIn(str(ROOT).encode(), program)

    def test_manual(self) -> None:
        """It has the manual pages and the shells' completion, also where pip builds it apart."""
        packages = str(Path(hatchling.__file__).parents[1])
        python = os.path.realpath(sys.executable)
        wheel = build(self.place(), python=python, PATH="/nowhere", PYTHONPATH=packages)
        with zipfile.ZipFile(wheel) as archive:
            names = [name.partition(".data/data/share/")[2] for name in archive.namelist()]
            [page] = [name for name in archive.namelist() if name.endswith("/man1/tdistcc.1")]
            self.assertIn(b"DISTCC_HOSTS", archive.read(page))
        for name in (
            "man/man1/twisted-distcc-doctor.1", "man/man8/tdistccd.8", "man/man8/twistd-distccd.8",
            "bash-completion/completions/twisted-distcc", "zsh/site-functions/_tdistcc",
            "fish/vendor_completions.d/tdistccd.fish",
        ):  # fmt: skip
            self.assertIn(name, names)

    def test_to_be_edited(self) -> None:
        """An editable installation has the programs, too."""
        scripts = scripts_in(build(self.place(), "build_editable"))
        self.assertTrue(scripts["tdistcc"].startswith(ELF))
        self.assertTrue(os.access(PROGRAM, os.X_OK))

    def test_without_a_compiler(self) -> None:
        """Where there is no compiler the wheel holds the script alone."""
        self.assert_pure(build(self.place(), PATH="/nowhere"))

    def test_a_program_that_does_not_run(self) -> None:
        """Nor does it hold a program that does not do what it should on this machine."""
        compiler = self.place("cc")
        compiler.parent.mkdir(parents=True)
        compiler.write_text(NO_COMPILER)
        compiler.chmod(0o755)
        self.assert_pure(build(self.place(), PATH=str(compiler.parent)))

    def test_on_request(self) -> None:
        """A variable of hatch asks for the script."""
        self.assert_pure(build(self.place(), HATCH_BUILD_NO_HOOKS="1"))


class InstalledTests(FarmTestCase):
    async def test_installed(self) -> None:
        """Where a wheel is installed, the program finds its own Python, package and agent."""
        server = await self.farm()
        folder = install(build(self.place()), self.home / "a venv")
        (jail,) = folder.parent.glob(f"lib/*/site-packages/{JAIL}")
        self.assertTrue(os.access(jail, os.X_OK))
        tdistcc, script = str(folder / "tdistcc"), str(folder / "tdistcc-python")
        (self.bin / "gcc").symlink_to(folder / "tdistcc")
        words = ("-c", "hello.c", "-o", "hello.o")
        for command in ((tdistcc, "gcc"), (script, "gcc"), (tdistcc, "gcc"), (str(self.bin / "gcc"),)):
            await self.succeeds(*command, *words)
            self.is_right()
            (self.work / "hello.o").unlink()
        self.assertEqual(len(server.jobs), 4)
        self.agent()
        for words in (("--version",), ("--help",)):
            said = [(await self.succeeds(command, *words)).stdout for command in (tdistcc, script)]
            self.assertEqual(said[0], said[1].replace(b"tdistcc-python", b"tdistcc"))
        await self.starts_no_python(folder)

    async def starts_no_python(self, folder: Path) -> None:
        """What it does not know fails where Python does; the usual course does not notice."""
        (folder / "python").unlink()
        (folder / "python").symlink_to(self.program("python{}.{}".format(*sys.version_info), "exit 9"))
        tdistcc = str(folder / "tdistcc")
        await self.succeeds(tdistcc, "gcc", "-c", "hello.c")
        self.assertEqual(await self.run_in_home(tdistcc, "--version").ended(), 9)
