"""Objects that come out of the sandbox: the same as without it, as C distccd's, and as local ones."""

from __future__ import annotations

import os
import subprocess

from tests.distccd import DISTCCD, start_distccd
from tests.live import LiveTestCase
from tests.server.talk import ask

C = """\
#include <stdio.h>
#include "beside.h"
static inline int twice(int x) { return 2 * x; }
int shown(int x) { printf("%s: %d\\n", __FILE__, beside(twice(x))); return x; }
"""
CXX = """\
#include <string>
#include <vector>
#include "beside.h"
template <class T> T most(std::vector<T> const &all) {
    T m{};
    for (auto x : all) m = x > m ? x : m;
    return m;
}
int shown(std::string const &s) { std::vector<int> v{beside(1), 2}; return most(v) + int(s.size()); }
"""
ASSEMBLER = """\
#include "beside.h"
#ifdef __ASSEMBLER__
.globl shown
shown: nop
#endif
"""
HEADER = """\
#ifndef __ASSEMBLER__
static inline int beside(int x) { return x + 1; }
#endif
"""
SOURCES = {"shown.c": C, "shown.cc": CXX, "shown.m": C, "shown.S": ASSEMBLER, "beside.h": HEADER}
MATRIX = (
    ("gcc", "shown.c", "-O0", "-g"),
    ("gcc", "shown.c", "-O3", "-g3", "-ffunction-sections"),
    ("gcc", "shown.S"),
    ("g++", "shown.cc", "-O2", "-g", "-gdwarf-4"),
    ("g++", "shown.cc", "-O1", "-fPIC", "-fno-exceptions"),
    ("clang", "shown.c", "-O2", "-g"),
    ("clang", "shown.m", "-O2"),
    ("clang", "shown.c", "-O0", "-fno-integrated-as"),
    ("clang++", "shown.cc", "-O2", "-g"),
)
# What the languages become, as a suffix.
PREPROCESSED = {".c": ".i", ".cc": ".ii", ".m": ".mi", ".S": ".s"}


class ObjectTests(LiveTestCase):
    def setUp(self) -> None:
        self.folder = self.place("client")
        (self.folder / "distcc").mkdir(parents=True)
        for name, text in SOURCES.items():
            (self.folder / name).write_text(text)

    def run_here(self, *argv: str) -> None:
        subprocess.run(argv, cwd=self.folder, check=True)

    def preprocessed(self, compiler: str, source: str, *options: str) -> tuple[str, list[str]]:
        """Do the client's part; give the name of the text, and the words that clang is to be told."""
        stem, suffix = os.path.splitext(source)
        text = f"{stem}{PREPROCESSED[suffix]}"
        self.run_here(f"/usr/bin/{compiler}", *options, "-E", source, "-o", text)
        return text, [f"-fdebug-compilation-dir={self.folder}"] if "clang" in compiler else []

    def local(self, compiler: str, source: str, *options: str) -> bytes:
        text, told = self.preprocessed(compiler, source, *options)
        self.run_here(f"/usr/bin/{compiler}", *options, *told, "-c", text, "-o", "local.o")
        return (self.folder / "local.o").read_bytes()

    async def served(self, port: int, compiler: str, source: str, *options: str) -> bytes:
        text, told = self.preprocessed(compiler, source, *options)
        command = (compiler, *options, *told, "-c", text, "-o", "served.o")
        answer = await ask(port, command, (self.folder / text).read_bytes())
        self.assertEqual((answer.exit_code, answer.stderr), (0, ""), command)
        return answer.object_file

    async def test_our_own(self) -> None:
        """With the sandbox, without it, and at the client itself the same bytes come out."""
        walled = await self.serve("--sandbox=require")
        bare = await self.serve("--sandbox=off")
        for row in MATRIX:
            made = await self.served(walled.port, *row)
            self.assertEqual(made, self.local(*row), row)
            self.assertEqual(made, await self.served(bare.port, *row), row)
            debug = any(word.startswith("-g") for word in row[2:])
            self.assertEqual(os.fsencode(self.folder) in made, debug, row)

    async def test_of_c_distcc(self) -> None:
        """C distcc has the same objects from our sandbox as from C distccd."""
        walled = await self.serve("--sandbox=require")
        theirs = await self.distccd()
        for row in MATRIX:
            if row[1] != "shown.S" and row[0] in {"gcc", "g++"}:  # it sends no assembler source
                made = self.by_distcc(walled.port, *row)
                self.assertEqual(made, self.by_distcc(theirs, *row), row)
        self.assertEqual(len(walled.jobs), 4)

    if DISTCCD is None:
        test_of_c_distcc.skip = "C distcc is not installed (Debian: apt-get install distcc)"  # type: ignore[attr-defined]

    def by_distcc(self, port: int, compiler: str, source: str, *options: str) -> bytes:
        argv = ("distcc", f"/usr/bin/{compiler}", *options, "-c", source, "-o", "far.o")
        environ = {
            "PATH": "/usr/bin:/bin", "DISTCC_HOSTS": f"127.0.0.1:{port}", "DISTCC_FALLBACK": "0",
            "DISTCC_DIR": str(self.folder / "distcc"), "DISTCC_BACKOFF_PERIOD": "0",
        }  # fmt: skip
        subprocess.run(argv, cwd=self.folder, env=environ, check=True)
        return (self.folder / "far.o").read_bytes()

    async def distccd(self) -> int:
        """Start C distccd; give its port."""
        return (await start_distccd(self, "--enable-tcp-insecure", PATH="/usr/bin:/bin"))[1]
