"""By which names compilers open files: told from the texts, and told by real compilers."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.pump.calling import absolute_folders, names_of
from twisted_distcc.pump.text import read_text
from twisted_distcc.pump.unit import NotForServersError


def compilation(*words: str) -> Compilation:
    """Understand a command of gcc's, which has to be one that may travel."""
    understood = parse(("gcc", *words))
    assert isinstance(understood, Compilation), understood
    return understood


def names(
    words: str, directory: str, files: Mapping[str, bytes], own: frozenset[str] = frozenset()
) -> list[str]:
    """Give the names by which the files may be opened, sorted."""
    found = names_of(
        compilation(*words.split()), directory, files, own, lambda path: read_text(files[path])
    )
    return sorted(one.name for one in found)


FILES = {
    "/p/a.c": b'#include "a.h"\n#include <b.h>\n',
    "/p/a.h": b'#include "sub/../c.h"\n',
    "/p/c.h": b"",
    "/p/inc/b.h": b'#include "d.h"\n',
    "/p/inc/d.h": b"",
}


class NameTests(SynchronousTestCase):
    def test_relative(self) -> None:
        """What the source and relative folders lead to has relative names, just as they are put."""
        found = names("-Iinc/ -c a.c", "/p", FILES)
        self.assertEqual(found, ["a.c", "a.h", "inc/b.h", "inc/d.h", "sub/../c.h"])

    def test_absolute(self) -> None:
        """What an absolute source and absolute folders lead to has absolute names."""
        found = names("-I/p/inc -c /p/a.c", "/build", FILES)
        self.assertEqual(found, ["/p/a.c", "/p/a.h", "/p/inc/b.h", "/p/inc/d.h", "/p/sub/../c.h"])

    def test_mixed(self) -> None:
        """A relative source may find headers in an absolute folder below its own."""
        found = names("-I/p/inc -c a.c", "/p", FILES)
        self.assertEqual(found, ["/p/inc/b.h", "/p/inc/d.h", "a.c", "a.h", "sub/../c.h"])

    def test_the_first_folder_wins(self) -> None:
        """Folders are looked in as compilers do: -iquote for quotes alone, -I, -isystem, -idirafter."""
        files = {
            "/p/a.c": b'#include "q.h"\n#include <i.h>\n#include <s.h>\n',
            **{f"/p/{folder}/{name}.h": b"" for folder in "qisd" for name in "qis"},
        }
        options = "-idirafter d -isystem /p/s -I i -iquote q -c a.c"
        del files["/p/i/s.h"]
        self.assertEqual(names(options, "/p", files), ["/p/s/s.h", "a.c", "i/i.h", "q/q.h"])

    def test_included_by_the_command(self) -> None:
        """What -include names is looked for in the working directory, then as in quotes."""
        files = {"/p/s/a.c": b"", "/p/f.h": b"", "/p/i/g.h": b"", "/x/h.h": b""}
        found = names("-include f.h -include g.h -include /x/h.h -Ii -c s/a.c", "/p", files)
        self.assertEqual(found, ["/x/h.h", "f.h", "i/g.h", "s/a.c"])

    def test_from_the_compilers_own(self) -> None:
        """A header of the compiler's may find one of the user's."""
        files = {"/p/a.c": b"", "/usr/include/a.h": b"#include <u.h>\n", "/p/i/u.h": b""}
        found = names("-Ii -c a.c", "/p", files, own=frozenset({"/usr/include/a.h"}))
        self.assertEqual(found, ["/usr/include/a.h", "a.c", "i/u.h"])

    def test_data(self) -> None:
        """What the assembler takes in as it is is no text."""
        files = {"/p/a.c": b'asm(".incbin \\"x.h\\"");\n', "/p/x.h": b'#include "y.h"\n', "/p/y.h": b""}
        found = names_of(compilation("-c", "a.c"), "/p", files, (), lambda path: read_text(files[path]))
        self.assertEqual({one.name: one.is_text for one in found}, {"a.c": True, "x.h": False})

    def test_rare_folders(self) -> None:
        """Folders that are put together by -iprefix are not followed."""
        with self.assertRaises(NotForServersError):
            names("-iprefix /p/ -iwithprefix i -c a.c", "/p", FILES)

    def test_absolute_folders(self) -> None:
        """Absolute names can only come from absolute folders, or beside absolute files."""
        words = ("-I/p/i/../j", "-Ik", "-include", "/x/h.h", "-c", "/s/a.c")
        found = absolute_folders(compilation(*words))
        self.assertEqual(set(found), {"/p/j", "/x", "/s"})


class RealCompilerTests(SynchronousTestCase):
    """`-E` tells each file by the name that `__FILE__` has in it."""

    def test_against_gcc(self) -> None:
        """Every name that gcc goes by is among those that are told."""
        root = Path(self.mktemp()).absolute()
        for path, contents in FILES.items():
            (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (root / path[1:]).write_bytes(contents)
        (root / "p/sub").mkdir()
        files = {f"{root}{path}": contents for path, contents in FILES.items()}
        for words in (
            "-Iinc/ -c a.c",
            f"-I{root}/p/inc -c a.c",
            f"-I{root}/p/inc//. -c {root}/p/a.c",
            "-isystem ./inc -I . -c ../p/a.c",
            f"-iquote {root}/p -idirafter {root}/p/inc/ -c ./a.c",
        ):
            command = ["gcc", "-nostdinc", "-E", *words.replace("-c ", "").split()]
            text = subprocess.run(command, cwd=root / "p", check=True, capture_output=True).stdout
            opened = set(re.findall(r'^# \d+ "([^"<]+[.][ch])"', os.fsdecode(text), re.MULTILINE))
            self.assertEqual(opened - set(names(words, f"{root}/p", files)), set(), words)
