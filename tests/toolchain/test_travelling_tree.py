"""A compiler as files: what is among them, and what stays here."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.toolchain import travelling_tree as travelling_tree_module
from twisted_distcc.toolchain.discovery import Toolchain, discover, whole_system
from twisted_distcc.toolchain.elf import INDEX
from twisted_distcc.toolchain.travelling_tree import TravellingTree, travelling_tree
from twisted_distcc.toolchain.view import View


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
            self.assertEqual(programs & {"cc1", "cc1plus", "cc1obj", "lto1", "collect2"}, {inner})
            names = [file.path for file in (*tree.files, *tree.programs)]
            self.assertEqual([name for name in names if name.endswith(".a") or "/plugin/" in name], [])
            self.assertEqual([name for name in names if os.path.realpath(name) != name], [])
            self.assertTrue(any(name.endswith("/include/stddef.h") for name in names))

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
