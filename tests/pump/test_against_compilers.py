"""What the scanner finds, against what real compilers read."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import compilation
from twisted_distcc.cmdline.compilation import Compilation, Language
from twisted_distcc.cmdline.environment import search_options
from twisted_distcc.pump.chains import chains, possible_folders
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.search import SearchPath, question

_ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
_TREES = 24
_HEADERS = 14


def _run(words: list[str], folder: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        words, cwd=folder, env={**_ENVIRONMENT, **environ}, capture_output=True, check=True
    )


def _search(c: Compilation, folder: str) -> SearchPath:
    answer = _run([c.compiler, *question(c)], folder)
    return SearchPath.parse(answer.stdout, answer.stderr, folder)


def _read_by_compiler(c: Compilation, folder: str) -> set[str]:
    words = [word for word in c.arguments if word != "-c"]
    rules = _run([c.compiler, *words, "-M", "-MT", "x"], folder).stdout.decode()
    names = rules.replace("\\\n", " ").split(":", 1)[1].split()
    return {os.path.realpath(os.path.join(folder, name)) for name in names}


class CompilersCase(SynchronousTestCase):
    """A folder of sources on the disk."""

    def setUp(self) -> None:
        self.folder = os.path.realpath(self.mktemp())
        os.makedirs(self.folder)

    def write(self, name: str, text: str) -> None:
        path = Path(self.folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def assert_whole(self, command: str) -> None:
        c = compilation(command)
        unit = Scanner(Disk()).unit(c, self.folder, _search(c, self.folder))
        found = {os.path.realpath(path) for path in unit.files}
        self.assertLessEqual(_read_by_compiler(c, self.folder), found, command)


class TruthTests(CompilersCase):
    """All that a compiler reads is found."""

    def test_library_of_cxx(self) -> None:
        """The headers of the standard library are all found, for both compilers."""
        self.write(
            "s.cc", "#include <iostream>\n#include <regex>\n#include <thread>\n#include <cmath>\n"
        )
        self.write(
            "s.c", "#include <stdlib.h>\n#include <limits.h>\n#include <math.h>\n#include <pthread.h>\n"
        )
        self.write("own.c", "#include <own.h>\n")
        self.write("own.h", "")
        for compiler in ("gcc", "clang"):
            for options in ("", "-std=c99 -O2", "-nostdinc -I/usr/include -isystem ."):
                # Without the compiler's own folder there is no <limits.h> that it can read.
                source = "own.c" if "-nostdinc" in options else "s.c"
                self.assert_whole(f"{compiler} -c {source} {options}")
        for compiler in ("g++ -std=c++20", "clang++", "g++ -O2 -pthread"):
            self.assert_whole(f"{compiler} -c s.cc")

    def test_random_trees(self) -> None:
        """In trees that dice have made, with folders, links and macros, nothing is missed."""
        for seed in range(_TREES):
            dice = random.Random(seed)
            names = [self._header(seed, number, dice) for number in range(_HEADERS)]
            self.write(f"{seed}/s.c", "".join(self._include(dice, names, 0) for _ in range(4)))
            folders = dice.sample(["a", "b", "a/b", "c"], 3)
            options = [f"{dice.choice(['-I', '-iquote', '-isystem'])} {seed}/{f}" for f in folders]
            os.symlink("a", f"{self.folder}/{seed}/c")
            compiler = dice.choice(["gcc", "clang"])
            self.assert_whole(f"{compiler} -c {seed}/s.c {' '.join(options)}")

    def _header(self, seed: int, number: int, dice: random.Random) -> str:
        name = f"{number}.h"
        for folder in dice.sample(["a", "b", "a/b"], dice.choice([1, 2])):
            later = [f"{n}.h" for n in range(number + 1, _HEADERS)]
            asked = [self._include(dice, later, number) for _ in range(2)] if later else []
            self.write(f"{seed}/{folder}/{name}", f"#pragma once\n// {folder}\n" + "".join(asked))
        return name

    def _include(self, dice: random.Random, names: list[str], number: int) -> str:
        name = dice.choice(names)
        form = dice.choice(["<>", '""', "..", "macro", "next"])
        guard = f"__has_include(<{name}>)"
        if form == '""':
            return f'#if __has_include("{name}")\n#include "{name}"\n#endif\n'
        if form == "..":
            return f'#if __has_include("../b/{name}")\n#include "../b/{name}"\n#endif\n'
        if form == "macro":
            macro = f"M{number}_{name[:-2]}"
            return f"#define {macro} <{name}>\n#if {guard}\n#include {macro}\n#endif\n"
        if form == "next":
            return f"#if __has_include_next(<{name}>)\n#include_next <{name}>\n#endif\n"
        return f"#if {guard}\n#  include <{name}>\n#endif\n"


class SearchTests(CompilersCase):
    """Search folders, computed here and by the compiler."""

    def test_order_of_folders(self) -> None:
        """Folders stand in the order in which the compiler itself says that they do."""
        for name in ("q", "i", "s", "t"):
            self.write(f"{name}/x.h", "")
        os.symlink("i", f"{self.folder}/again")
        for compiler in ("gcc", "clang", "g++", "clang++"):
            for options in (
                "-iquote q -Ii -isystem s -idirafter t",
                "-Ii -iquote i -I again -Is -isystem s -Imissing -I/usr/include",
                "-isystem s -isystem again -Ii -idirafter s -iquote /usr/include",
                f"-Wp,-I{self.folder}/i -iquote {self.folder}/q --include-directory={self.folder}/s",
                "-iquote q --include-directory=s --include-directory-after i",
            ):
                command = f"{compiler} -c s.c {options}"
                c = compilation(command)
                asked = _run(
                    [c.compiler, *c.arguments[2:], "-v", "-E", "-x", c.language.value, "/dev/null"],
                    self.folder,
                )
                truth = SearchPath.parse(asked.stdout, asked.stderr, self.folder)
                ours = chains(
                    possible_folders(c, self.folder, _search(c, self.folder)),
                    self.folder,
                    Disk().folder_stamp,
                )
                # gcc leaves out the last for quotes alone where it is the first of the others as well.
                # clang calls a folder of two names by the first that it saw.
                both = truth.quote + truth.angled, ours.quote + ours.angled
                self.assertEqual(*(list(dict.fromkeys(map(os.path.realpath, b))) for b in both), command)
                angled = truth.angled, ours.angled
                self.assertEqual(*(list(map(os.path.realpath, a)) for a in angled), command)

    def test_variables(self) -> None:
        """Options say what the variables of the environment say."""
        for name in ("i", "s"):
            self.write(f"{name}/x.h", "")
        environ = {"CPATH": "i:", "C_INCLUDE_PATH": "s"}
        for compiler in ("gcc", "clang"):
            asked = [compiler, "-v", "-E", "-x", "c", "/dev/null"]
            by_variables = _run(asked, self.folder, **environ)
            by_words = _run([*asked, *search_options(environ, Language.C)], self.folder)
            self.assertEqual(
                SearchPath.parse(b"", by_variables.stderr, "/").angled,
                SearchPath.parse(b"", by_words.stderr, "/").angled,
            )

    def test_what_clang_needs(self) -> None:
        """The file by which clang knows its C++ library is among those that are sent."""
        self.write("s.cc", "")
        c = compilation("clang++ -c s.cc")
        unit = Scanner(Disk()).unit(c, self.folder, _search(c, self.folder))
        self.assertTrue([path for path in unit.files if path.endswith("/crtbegin.o")])

    def test_one_question(self) -> None:
        """Macros, warnings and ordinary folders make no question of their own; the standard does."""
        plain = question(compilation("gcc -c s.c -O2"))
        same = question(compilation("gcc -c t.c -O2 -DX -Ii -Wall -isystem s -o t.o"))
        self.assertEqual(plain, same)
        self.assertNotEqual(plain, question(compilation("gcc -c s.c -O2 -std=c99")))
