"""A compiler as files: what is among them, and what stays here."""

from __future__ import annotations

import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.toolchain import travelling_tree as travelling_tree_module
from twisted_distcc.toolchain.discovery import Toolchain, discover, whole_system
from twisted_distcc.toolchain.elf import INDEX
from twisted_distcc.toolchain.travelling_tree import (
    ToolFile,
    TravellingTree,
    environment_within,
    inner_program,
    travelling_tree,
)
from twisted_distcc.toolchain.view import View

INNER = ("cc1", "cc1plus", "cc1obj", "cc1objplus")


class TravellingTests(SynchronousTestCase):
    def tree(self, language: Language) -> TravellingTree:
        environ = {"PATH": "/usr/bin:/bin"}
        return travelling_tree(discover("/usr/bin/gcc", environ, ()), language, environ)

    def test_gcc(self) -> None:
        """gcc travels with the one compiler of a language, without what links, and can be executed."""
        for language, inner in ((Language.C, "cc1"), (Language.CXX, "cc1plus")):
            tree = self.tree(language)
            programs = {os.path.basename(file.path) for file in tree.programs}
            self.assertIn(inner, programs)
            self.assertTrue(any(name.endswith("objcopy") for name in programs))
            self.assertEqual(programs & {"cc1", "cc1plus", "cc1obj", "lto1", "collect2"}, {inner})
            names = [file.path for file in (*tree.files, *tree.programs)]
            self.assertEqual([name for name in names if name.endswith(".a") or "/plugin/" in name], [])
            self.assertEqual([name for name in names if os.path.realpath(name) != name], [])
            self.assertTrue(any(name.endswith("/include/stddef.h") for name in names))

    def test_languages(self) -> None:
        """It is known of every language which of gcc's compilers it takes: none for LLVM's own code."""
        self.assertEqual({inner_program(language) for language in Language}, {*INNER, ""})

    def test_contents(self) -> None:
        """Each file has its digest and size; each link leads where it leads here, by a relative path."""
        tree = self.tree(Language.C)
        file = min(tree.files, key=lambda one: one.size)
        data = Path(file.path).read_bytes()
        self.assertEqual((file.digest, file.size), (sha256(data).digest(), len(data)))
        for path, target in tree.links:
            self.assertFalse(target.startswith("/"))
            self.assertTrue(os.path.samefile(path, os.path.join(os.path.dirname(path), target)))
        self.assertIn("/usr/bin/gcc", dict(tree.links))

    def test_index(self) -> None:
        """The loader's index stays here, as what is installed is none of the compiler's business."""
        self.assertNotIn(INDEX, [file.path for file in self.tree(Language.C).files])
        odd = Toolchain(("/bin/true",), View((), (INDEX,)), is_whole_system=False)
        self.patch(travelling_tree_module, "needed", lambda *_, by_index=True: (str(by_index),))
        [index] = travelling_tree(odd, Language.C, {}).files
        self.assertEqual(index.path, INDEX)

    def test_changed(self) -> None:
        """A tree is current until one of its files changes, or is gone."""
        tree = self.tree(Language.C)
        self.assertTrue(tree.is_current())
        stamps = (("/nonexistent", (0, 0, 0, 0)),)
        self.assertFalse(TravellingTree((), (), (), stamps).is_current())
        self.assertFalse(TravellingTree((), (), (), (("/bin/sh", (0, 0, 0, 0)),)).is_current())

    def test_whole_system(self) -> None:
        """What cannot be told from the rest of the system does not travel."""
        with self.assertRaises(ValueError):
            travelling_tree(whole_system("/usr/bin/c89"), Language.C, {})


class EnvironmentTests(SynchronousTestCase):
    """A machine with a compiler in `opt/v1/bin`, to which `cur` leads, and its configuration."""

    def setUp(self) -> None:
        self.root = os.path.realpath(self.mktemp())
        self.bin = f"{self.root}/opt/v1/bin"
        os.makedirs(self.bin)
        os.symlink("opt/v1", f"{self.root}/cur")
        os.makedirs(f"{self.root}/home/.config")
        program = ToolFile(f"{self.bin}/as", b"", 0)
        self.tree = TravellingTree((), (program,), ((f"{self.root}/opt/gcc", "v1/bin/gcc"),), ())

    def test_path(self) -> None:
        """Folders without any of its files are left out, and others are named as its files are."""
        told = environment_within(self.tree, {"PATH": f"/sbin:{self.root}/cur/bin:{self.bin}:/nowhere"})
        self.assertEqual(told, {"PATH": self.bin})
        told = environment_within(self.tree, {"PATH": f"{self.root}/opt:{self.root}/cur/bin"})
        self.assertEqual(told, {"PATH": f"{self.root}/opt:{self.bin}"})

    def test_odd_paths(self) -> None:
        """A path with a folder of the moment stays as it is, and so does one that leads to nothing."""
        for path in (f".:{self.bin}", f"{self.bin}:", "/sbin", ""):
            self.assertEqual(environment_within(self.tree, {"PATH": path}), {"PATH": path})

    def test_home(self) -> None:
        """A home is left out unless a file of the compiler's is in it."""
        environ = {"HOME": f"{self.root}/home", "LD_LIBRARY_PATH": "/opt"}
        self.assertEqual(environment_within(self.tree, environ), {"LD_LIBRARY_PATH": "/opt"})
        configured = ToolFile(f"{self.root}/home/.config/clang.cfg", b"", 0)
        self.assertEqual(environment_within(replace(self.tree, files=(configured,)), environ), environ)
        for home in ("", "home", "/"):
            self.assertEqual(environment_within(self.tree, {"HOME": home}), {"HOME": home})
