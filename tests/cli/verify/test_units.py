"""Which commands of a build are repeated."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.verify.units import Command, Stays, Unit, units_of


class UnitTests(SynchronousTestCase):
    """`units_of` a build in a folder that has `a.c`, with a compiler `gcc`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        (self.folder / "bin").mkdir(parents=True)
        for name in ("gcc", "ccache"):
            (self.folder / "bin" / name).write_text("#!/bin/sh\n")
            (self.folder / "bin" / name).chmod(0o755)
        (self.folder / "a.c").write_text("int a;\n")

    def command(self, *argv: str) -> Command:
        """A command of the build."""
        return Command(str(self.folder), argv, {"PATH": str(self.folder / "bin")})

    def units(self, *argv: str) -> list[Unit | Stays]:
        """What is made of one command."""
        return units_of([self.command(*argv)])

    def unit(self, *argv: str) -> Unit:
        """The unit of one command."""
        (unit,) = self.units(*argv)
        assert isinstance(unit, Unit)
        return unit

    def test_outputs(self) -> None:
        """A unit knows its compiler, its source, and the object, by their absolute paths."""
        unit = self.unit("gcc", "-c", "a.c", "-o", "out/a.o")
        self.assertEqual(unit.compiler, str(self.folder / "bin/gcc"))
        self.assertEqual(unit.path, str(self.folder / "a.c"))
        self.assertEqual(unit.outputs, {"object": str(self.folder / "out/a.o")})

    def test_dependencies(self) -> None:
        """A dependency file is an output too."""
        unit = self.unit("gcc", "-MMD", "-c", "a.c")
        self.assertEqual(unit.outputs["dependency file"], str(self.folder / "a.d"))

    def test_other_files(self) -> None:
        """So is every other file that the command makes; where their names are not known, it stays."""
        unit = self.unit("gcc", "--coverage", "-fstack-usage", "-c", "a.c", "-o", "out/a.o")
        made = {name: str(self.folder / "out" / name) for name in ("a.gcno", "a.su")}
        self.assertEqual(unit.outputs, {"object": str(self.folder / "out/a.o"), **made})
        (stays,) = self.units("gcc", "-fdump-tree-all", "-c", "a.c")
        assert isinstance(stays, Stays)
        self.assertIn("dumps the compiler's passes", stays.reason)

    def test_generic_name(self) -> None:
        """`cc` is understood as the compiler that it stands for: where it could be any, this stays."""
        (self.folder / "bin" / "cc").symlink_to("gcc")
        unit = self.unit("cc", "-Wp,-MD,rules", "-c", "a.c", "-o", "b.o")
        self.assertEqual(unit.outputs["dependency file"], str(self.folder / "rules"))

    def test_response_file(self) -> None:
        """Words in a response file count."""
        (self.folder / "words").write_text("-o z.o")
        unit = self.unit("gcc", "-c", "a.c", "@words")
        self.assertEqual(unit.outputs["object"], str(self.folder / "z.o"))

    def test_wrappers(self) -> None:
        """What passes compiles on is left out, so that the compiler itself is compared."""
        for wrapper in ("tdistcc", "/usr/bin/ccache", "distcc"):
            unit = self.unit(wrapper, "gcc", "-c", "a.c")
            self.assertEqual(unit.command.argv, ("gcc", "-c", "a.c"))

    def test_others(self) -> None:
        """Links, archives, and other programs are no compiles."""
        for argv in (["gcc", "a.o", "-o", "a"], ["ar", "-c", "a.c"], [":"], [], ["gcc"]):
            self.assertEqual(self.units(*argv), [], argv)

    def test_gone(self) -> None:
        """A source that is there no more, as of a configure script's trials, is passed over."""
        self.assertEqual(self.units("gcc", "-c", "conftest.c"), [])

    def test_once(self) -> None:
        """What is compiled twice in the same way counts once; in another way, again."""
        same, other = self.command("gcc", "-c", "a.c"), self.command("gcc", "-O2", "-c", "a.c")
        self.assertEqual(len(units_of([same, same, other])), 2)

    def test_stays(self) -> None:
        """What no client sends is no unit, and has a reason."""
        (stays,) = self.units("gcc", "-fplugin=x.so", "-c", "a.c")
        assert isinstance(stays, Stays)
        self.assertIn("-fplugin=x.so", stays.reason)

    def test_no_compiler(self) -> None:
        """A compiler that is not there is a reason."""
        (stays,) = self.units("clang", "-c", "a.c")
        assert isinstance(stays, Stays)
        self.assertEqual(stays.reason, "clang not found")

    def test_precompiled(self) -> None:
        """What other compiles read is known, and done before these."""
        (self.folder / "a.h").write_text("")
        (self.folder / "bin" / "clang").symlink_to("gcc")
        self.assertTrue(self.unit("clang", "-x", "c-header", "-c", "a.h", "-o", "a.h.pch").precompiles)
        self.assertFalse(self.unit("clang", "-c", "a.c").precompiles)

    def test_masquerade(self) -> None:
        """A link to ccache is not the compiler: the next on PATH is."""
        links = self.folder / "links"
        links.mkdir()
        (links / "gcc").symlink_to(self.folder / "bin" / "ccache")
        path = os.pathsep.join([str(links), str(self.folder / "bin")])
        (unit,) = units_of([Command(str(self.folder), ("gcc", "-c", "a.c"), {"PATH": path})])
        assert isinstance(unit, Unit)
        self.assertEqual(unit.compiler, str(self.folder / "bin/gcc"))
