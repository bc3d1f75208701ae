"""`twisted-distcc explain`: where compiles could be done, and what decides that."""

from __future__ import annotations

import json

from tests.agent.home import HomeTestCase
from twisted_distcc.errors import EXIT_COMPILER_MISSING

SOURCE = '#include "a.h"\nint x = X;\n'


class ExplainTests(HomeTestCase):
    def setUp(self) -> None:
        super().setUp()
        (self.work / "a.c").write_text(SOURCE)
        (self.work / "a.h").write_text("#define X 1\n")
        (self.work / "date.c").write_text("const char *date = __TIMESTAMP__;\n")

    async def explained(self, *words: str, status: int = 0, **environ: str) -> str:
        child = self.run_in_home("twisted-distcc", "explain", *words, **environ)
        self.assertEqual(await child.ended(), status, child.stderr)
        return child.stdout.decode() or child.stderr

    async def test_places(self) -> None:
        """The first line says where, and the word that decides, as tdistcc would."""
        for command, expected in (
            (
                "gcc -O2 -c a.c",
                "elsewhere, by any server that has this compiler or is sent it, or by an engine",
            ),
            (
                "gcc -march=native -c a.c",
                "elsewhere, by a server with the jail that has this compiler or is sent it, or by an"
                " engine: for -march=native",
            ),
            (
                "clang -x c-header a.h -o a.h.pch",
                "elsewhere, by a server with the jail that has this compiler: for a.h",
            ),
            (
                "gcc -c date.c",
                "here, or as preprocessed text by a server that has this compiler and no sandbox:"
                f" {self.work}/date.c uses __TIMESTAMP__, which depends on where it is read",
            ),
            (
                "gcc -specs=nano.specs -c a.c",
                "here: compilers look for the rules nano.specs among their own files",
            ),
            ("gcc a.c", "here: neither -c nor -S is given, so the command links"),
            (
                "gcc -march=native -c date.c",
                f"here: {self.work}/date.c uses __TIMESTAMP__, which depends on where it is read",
            ),
        ):
            said = await self.explained("--", *command.split())
            self.assertEqual(said.splitlines()[0], expected)

    async def test_plugins(self) -> None:
        """A plugin is loaded where the compiler goes along, if its user says that it may leave."""
        (self.work / "p.so").write_bytes(b"")
        words = ("gcc", "-fplugin=./p.so", "-c", "a.c")
        said = await self.explained("--", *words)
        why = "here: the plugin p may read anything: DISTCC_PLUGINS does not name it\n"
        self.assertEqual(said, why)
        said = await self.explained("--all", "--", *words, DISTCC_PLUGINS="p")
        where = "elsewhere, by a server that takes this compiler along with programs for it to load"
        self.assertEqual(said.splitlines()[0], f"{where}: for -fplugin=./p.so")
        self.assertIn("reads   ./p.so\n", said)

    async def test_wrapper(self) -> None:
        """A script that starts a compiler is not known to be what a server has."""
        wrapper = self.work / "mpicc"
        wrapper.write_text('#!/bin/sh\nexec gcc "$@"\n')
        wrapper.chmod(0o755)
        said = await self.explained("--", str(wrapper), "-c", "a.c")
        self.assertIn(f"here: {wrapper} is a script or starts another compiler", said)

    async def test_files(self) -> None:
        """Then it says what is read, and what is made."""
        command = ["gcc", "-nostdinc", "-MD", "-g", "-gsplit-dwarf", "-c", "a.c", "-o", "b.o"]
        told = json.loads(await self.explained("--json", *command))
        self.assertEqual(told["makes"], ["b.o", "b.d", "b.dwo"])
        self.assertEqual(told["reads"], [f"{self.work}/a.c", f"{self.work}/a.h"])
        said = await self.explained("--all", *command)
        self.assertIn("\nreads   a.c\nreads   a.h\nmakes   b.o b.d b.dwo\n", said)

    async def test_faults(self) -> None:
        """A compiler that is not there is no compile, and nor is no command."""
        said = await self.explained("nogcc", "-c", "a.c", status=EXIT_COMPILER_MISSING)
        self.assertIn("twisted-distcc explain: failed to exec nogcc", said)
        self.assertIn("it wants a command", await self.explained("--all", status=2))
