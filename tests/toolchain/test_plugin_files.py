"""What of plugins travels: they themselves, and the libraries that they need."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.toolchain.plugin_files import plugin_tree
from twisted_distcc.toolchain.travelling_tree import ToolFile, TravellingTree

NOTHING = TravellingTree((), (), (), ())


class PluginTreeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.library("libword.so", "-Wl,-soname,libword.so")
        rpath = f"-Wl,--no-as-needed,-rpath,{self.folder}"
        self.library("p.so", f"-L{self.folder}", rpath, "-lword")

    def library(self, name: str, *words: str) -> None:
        """Make a library that does nothing."""
        argv = ["gcc", "-shared", "-nostdlib", "-x", "c", "/dev/null", "-o", self.folder / name, *words]
        subprocess.run(argv, check=True)

    def names(self, tree: TravellingTree) -> set[str]:
        """Return the names of the files that a tree has in the folder."""
        files = (file.path for file in (*tree.files, *tree.programs))
        return {os.path.basename(path) for path in files if path.startswith(f"{self.folder}/")}

    def test_libraries(self) -> None:
        """Libraries come along, from wherever the loader finds them, and links that lead there."""
        (self.folder / "link.so").symlink_to("p.so")
        tree = plugin_tree([f"{self.folder}/link.so"], "/usr/bin/gcc", NOTHING, {})
        self.assertEqual(self.names(tree), {"p.so", "libword.so"})
        self.assertIn((f"{self.folder}/link.so", "p.so"), tree.links)

    def test_in_the_compilers_folder(self) -> None:
        """What has no path is in gcc's own folder, if it is a gcc."""
        own = ToolFile(f"{self.folder}/crtbegin.o", b"", 0)
        (self.folder / "plugin").mkdir()
        (self.folder / "p.so").rename(self.folder / "plugin" / "p.so")
        gcc = TravellingTree((own,), (), (), ())
        self.assertIn("p.so", self.names(plugin_tree(["p"], "/usr/bin/gcc", gcc, {})))
        self.assertRaises(FileNotFoundError, plugin_tree, ["q"], "/usr/bin/gcc", gcc, {})
        self.assertRaises(ValueError, plugin_tree, ["p"], "/usr/bin/gcc", NOTHING, {})

    def test_changed(self) -> None:
        """A plugin, or a library of it, that was replaced is not the same any more."""
        tree = plugin_tree([f"{self.folder}/p.so"], "/usr/bin/gcc", NOTHING, {})
        self.assertTrue(tree.is_current())
        self.library("libword.so", "-Wl,-soname,libword.so", "-g")
        self.assertFalse(tree.is_current())

    def test_joined(self) -> None:
        """With a compiler's files, those that both have are there once."""
        tree = plugin_tree([f"{self.folder}/p.so"], "/usr/bin/gcc", NOTHING, {})
        whole = tree.joined(plugin_tree([f"{self.folder}/libword.so"], "/usr/bin/gcc", NOTHING, {}))
        self.assertEqual((whole.files, whole.programs), (tree.files, tree.programs))
        self.assertTrue(whole.is_current())
