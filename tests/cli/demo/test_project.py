"""Projects: which recipe, which commands, and a build that leaves the user's folder alone."""

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.demo.project import (
    Builder,
    BuildFailedError,
    CMake,
    Compilers,
    Configure,
    Make,
    user_project,
)

MAKEFILE = "all: a.o\n%.o: %.c\n\t$(CC) -c $< -o $@\n"
PLAIN = Compilers("gcc", "g++")
FARMED = Compilers("gcc", "g++", "/opt/my farm/tdistcc")


class RecipeTests(SynchronousTestCase):
    """How a project is recognised, and the commands for it."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()) / "thing"
        self.folder.mkdir(parents=True)

    def test_first_of_several(self) -> None:
        """CMake is preferred to configure, and configure to a Makefile, which it may have written."""
        expected = {"Makefile": Make(), "configure": Configure(), "CMakeLists.txt": CMake()}
        for name, recipe in expected.items():
            (self.folder / name).touch()
            self.assertEqual(user_project(self.folder).recipe, recipe)

    def test_title(self) -> None:
        """A project is called by its folder, however that was written."""
        (self.folder / "makefile").touch()
        self.assertEqual(user_project(self.folder / ".").title, "thing")

    def test_unknown(self) -> None:
        """A folder without any of them is refused by name."""
        error = self.assertRaises(BuildFailedError, user_project, self.folder)
        self.assertIn(str(self.folder), str(error))

    def test_make(self) -> None:
        """make gets the compilers as variables."""
        self.assertEqual(Make().prepare(FARMED), [])
        self.assertEqual(
            Make().build(FARMED, 3),
            ["make", "-j3", "CC=/opt/my farm/tdistcc gcc", "CXX=/opt/my farm/tdistcc g++"],
        )

    def test_configure(self) -> None:
        """configure gets the compilers, and make what configure wrote."""
        self.assertEqual(Configure().prepare(PLAIN), ["sh", "./configure", "CC=gcc", "CXX=g++"])
        self.assertEqual(Configure().build(PLAIN, 3), ["make", "-j3"])

    def test_cmake(self) -> None:
        """CMake gets the compilers, and a launcher only when there is one."""
        self.assertEqual(
            CMake().prepare(PLAIN),
            ["env", "CC=gcc", "CXX=g++", "cmake", "-S", ".", "-B", "cmake-build"],
        )
        self.assertEqual(
            CMake().prepare(FARMED)[-2:],
            [
                "-DCMAKE_C_COMPILER_LAUNCHER=/opt/my farm/tdistcc",
                "-DCMAKE_CXX_COMPILER_LAUNCHER=/opt/my farm/tdistcc",
            ],
        )


class BuilderTests(SynchronousTestCase):
    """Builds with the real make and gcc."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.source = self.root / "source"
        self.source.mkdir(parents=True)
        (self.source / "Makefile").write_text(MAKEFILE)
        (self.source / "a.c").write_text("int a;\n")
        self.progress: list[tuple[str, int]] = []
        scratch = self.root / "scratch"
        scratch.mkdir()
        self.builder = Builder(
            scratch, 2, dict(os.environ), lambda name, count: self.progress.append((name, count))
        )

    def build(self, name: str, compilers: Compilers = PLAIN):  # type: ignore[no-untyped-def]
        project = user_project(self.source)
        self.builder.prepare(name, project, compilers)
        return self.builder.build(name, project, compilers)

    def test_objects(self) -> None:
        """A build knows its objects, and its folder bears its name."""
        built = self.build("alone")
        self.assertEqual(built.objects, {"a.o"})
        self.assertEqual(built.tree, self.root / "scratch" / "alone")
        self.assertTrue((built.tree / "a.o").is_file())

    def test_source_untouched(self) -> None:
        """Nothing is written into the user's folder: it may be read-only."""
        before = sorted(os.listdir(self.source))
        self.build("alone")
        self.assertEqual(sorted(os.listdir(self.source)), before)

    def test_older_objects(self) -> None:
        """An object of the user's own build, newer than its source, does not stand for a new one."""
        (self.source / "a.o").write_text("old")
        os.utime(self.source / "a.o", (2**31 - 10, 2**31 - 10))
        built = self.build("alone")
        self.assertNotEqual((built.tree / "a.o").read_bytes(), b"old")

    def test_times_are_kept(self) -> None:
        """Copies are as old as the originals, so that make regenerates nothing."""
        os.utime(self.source / "a.c", (10**9, 10**9))
        built = self.build("alone")
        self.assertEqual(os.stat(built.tree / "a.c")[stat.ST_MTIME], 10**9)

    def test_same_path(self) -> None:
        """Two builds see the same working folder."""
        (self.source / "Makefile").write_text("all:\n\tpwd > where; touch a.o\n")
        paths = {(self.build(name).tree / "where").read_text() for name in ("one", "other")}
        self.assertEqual(len(paths), 1)

    def test_progress(self) -> None:
        """While a build runs, its objects are counted."""
        go = self.root / "go"
        waits = f"while [ ! -e {go} ]; do sleep 0.02; done"
        (self.source / "Makefile").write_text(f"all:\n\ttouch a.o; {waits}; touch b.o\n")

        def tell(_name: str, count: int) -> None:
            if count == 1:
                go.touch()

        self.builder = Builder(self.root / "scratch", 2, dict(os.environ), tell)
        self.build("slow")
        self.assertTrue(go.exists())

    def test_failure(self) -> None:
        """A build that fails tells which, and the end of what it printed."""
        (self.source / "a.c").write_text("int a = nonsense;\n")
        error = self.assertRaises(BuildFailedError, self.build, "alone")
        self.assertIn("alone: make -j2", str(error))
        self.assertIn("nonsense", str(error))

    def test_interrupted(self) -> None:
        """Ctrl-C in the middle of a build ends the build before it goes on its way."""
        (self.source / "Makefile").write_text("all:\n\techo $$$$ > pid; exec sleep 60\n")

        note = self.root / "scratch" / "tree" / "pid"

        def interrupt(_name: str, _count: int) -> None:
            if note.exists() and note.read_text():
                raise KeyboardInterrupt

        builder = Builder(self.root / "scratch", 2, dict(os.environ), interrupt)
        project = user_project(self.source)
        builder.prepare("alone", project, PLAIN)
        self.assertRaises(KeyboardInterrupt, builder.build, "alone", project, PLAIN)
        self.assertRaises(ProcessLookupError, os.kill, int(note.read_text()), 0)
