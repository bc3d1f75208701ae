"""Compiles in another folder, which does not show; and dependency files, folded as compilers do."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation, Language
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import serve_tree_argv
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.path_mapping import moved, restored, restored_rules
from twisted_distcc.toolchain.search_folders import search_folders

FAMILIES = {"gcc": Family.GCC, "clang": Family.CLANG}
SEARCHED = ("/own/include", "/usr/include")


def place(path: str) -> str | None:
    """Say that all of the client's lies in `/c` and in `/usr/include`."""
    return f"/tree{path}" if path.startswith(("/c/", "/usr/include")) else None


class MovedTests(SynchronousTestCase):
    def check(self, command: str, expected: str, searched: tuple[str, ...] = ()) -> None:
        understood = parse(shlex.split(command), arrived=True, with_files=True)
        assert isinstance(understood, Compilation)
        argv = serve_tree_argv(moved(understood, "/tree", place, searched), "cc", "o", "d")
        self.assertEqual(shlex.join(argv), f"cc -ffile-prefix-map=/tree/=/ {expected} -o o")

    def test_paths(self) -> None:
        """Paths of what the client has sent lead below the folder; nothing else changes."""
        self.check(
            "gcc -I/c/x -I /c/y -isystem/c/z -I/far -Ic/x -D/c/x -include /c/i.h -c /c/a.c",
            "-I/tree/c/x -I /tree/c/y -isystem/tree/c/z -I/far -Ic/x -D/c/x -include /tree/c/i.h "
            "-c /tree/c/a.c",
        )
        self.check(
            "gcc -fdebug-prefix-map=/c/x=/y -fdebug-compilation-dir=/c/x -c a.c",
            "-fdebug-prefix-map=/tree/c/x=/y -fdebug-compilation-dir=/c/x -c a.c",
        )
        self.check("clang --sysroot=/c/s -isysroot /c/s -c a.c",
                   "--sysroot=/tree/c/s -isysroot /tree/c/s -c a.c")  # fmt: skip

    def test_system_headers(self) -> None:
        """The client's own are searched where the server's would be, in the compiler's order."""
        own = "-nostdinc -isystem /own/include -isystem /tree/usr/include"
        self.check("gcc -c a.c", f"-include stdc-predef.h -c a.c {own}", SEARCHED)
        self.check("clang -c a.c", f"-c a.c {own}", SEARCHED)
        self.check("gcc -ffreestanding -c a.c", f"-ffreestanding -c a.c {own}", SEARCHED)
        self.check("gcc -nostdinc -c a.c", "-nostdinc -c a.c", SEARCHED)
        self.check("gcc -c a.c", "-c a.c", ("/own/include", "/other"))

    def test_messages(self) -> None:
        """What a compiler says names no folder of the server's."""
        self.assertEqual(restored(b"/w/1/tree/c/a.c:1: x\n", b"/w/1/tree"), b"/c/a.c:1: x\n")


class RuleTests(SynchronousTestCase):
    """Dependency files of compilers here, moved below a folder and back."""

    def setUp(self) -> None:
        self.folder = Path(os.path.abspath(self.mktemp()))
        (self.folder / "a b/c$d").mkdir(parents=True)
        (self.folder / "a b/c$d/x#y.h").touch()
        text = '#include "a b/c$d/x#y.h"\n#include <stdio.h>\n#include <stdlib.h>\n#include <map>\n'
        (self.folder / "a.cc").write_text(text)

    def rules(self, compiler: str, *options: str) -> bytes:
        argv = [compiler, "-x", "c++", "-M", *options, f"{self.folder}/a.cc"]
        return subprocess.run(argv, cwd=self.folder, check=True, capture_output=True).stdout

    def test_folds(self) -> None:
        """Taken apart and folded anew they are the same, whatever their targets."""
        long = "/very/long/name/of/a/target/that/goes/on/and/on/until/the/line/is/full/x.o"
        for options in ((), ("-MP",), ("-MT", "foo bar", "-MT", long), ("-MQ", "a b$c.o")):
            for compiler, family in FAMILIES.items():
                rules = self.rules(compiler, *options)
                self.assertEqual(restored_rules(rules, b"/no/such/folder", family), rules, options)

    def test_restored(self) -> None:
        """The folder's name is gone, in make's spelling as well, and lines are as long as without it."""
        for compiler, family in FAMILIES.items():
            rules = self.rules(compiler)
            root = os.fsencode(self.folder)
            expected = subprocess.run(
                [compiler, "-x", "c++", "-M", "a.cc"], cwd=self.folder, check=True, capture_output=True
            ).stdout
            got = restored_rules(rules, root + b"/", family)
            self.assertEqual(got.replace(b"\\\n", b""), expected.replace(b"\\\n", b""))
            self.assertEqual(got, expected, compiler)


class SearchedTests(SynchronousTestCase):
    def test_compilers(self) -> None:
        """A compiler tells its folders, those of C++ before those of C."""
        for compiler in FAMILIES:
            path, environ = f"/usr/bin/{compiler}", {"PATH": "/usr/bin:/bin"}
            c = search_folders(path, Language.C, environ)
            cxx = search_folders(path, Language.CXX, environ)
            self.assertIn("/usr/include", c)
            self.assertEqual(cxx[-len(c) :], c)
            self.assertTrue(any("c++" in folder for folder in cxx))

    def test_others(self) -> None:
        """A program that is no compiler tells nothing."""
        with self.assertRaisesRegex(DistccError, "does not tell which folders"):
            search_folders("/bin/true", Language.C, {})
