"""Jobs of the largest kind: what is laid out, and what is sent for it."""

import os
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from benchmarks.jobs import text_request, tree_request
from benchmarks.recording import Compilation
from benchmarks.units import files_read, large_units, preprocessing
from twisted_distcc.content.lzo import expand

_TOKEN = 12


def _tokens(request: bytes) -> list[tuple[bytes, bytes]]:
    """Part a request into its tokens; a number's bytes are none."""
    found = []
    while request:
        name, value = request[:4], int(request[4:_TOKEN], 16)
        length = 0 if name in {b"DIST", b"ARGC", b"NFIL"} else value
        found.append((name, request[_TOKEN : _TOKEN + length]))
        request = request[_TOKEN + length :]
    return found


class LargeUnitsTests(SynchronousTestCase):
    """Generated units are large, and need nothing of the system's headers."""

    def setUp(self):
        """Make two."""
        self.folder = Path(os.path.realpath(self.mktemp()))
        self.folder.mkdir()
        self.first, self.second = large_units(self.folder, 2)

    def test_headers(self):
        """A unit includes nearly five hundred headers, all of them copies."""
        files = files_read(self.first)
        self.assertGreater(len(files), 450)
        self.assertEqual([path for path in files if self.folder not in path.parents], [])

    def test_units_differ(self):
        """Each source is another one, and makes another object."""
        self.assertNotEqual(self.first.command, self.second.command)
        read = [set(files_read(unit)) for unit in (self.first, self.second)]
        self.assertEqual(
            sorted(path.name for path in read[0] ^ read[1]),
            ["unit0.cc", "unit1.cc"],
        )

    def test_compiles(self):
        """The command compiles."""
        check = [*self.first.command, "-fsyntax-only"]
        subprocess.run(check, cwd=self.folder, check=True)


class RequestTests(SynchronousTestCase):
    """Both requests hold what a client would send."""

    def setUp(self):
        """Lay a source and its header."""
        self.folder = Path(os.path.realpath(self.mktemp()))
        self.folder.mkdir()
        (self.folder / "a.h").write_text("int a;\n")
        (self.folder / "a.c").write_text('#include "a.h"\n')
        self.compile = Compilation(str(self.folder), ("gcc", "-c", "a.c", "-o", "a.o"))

    def test_text(self):
        """The words of the command, and the preprocessed text."""
        _, _, *words, (token, text) = _tokens(text_request(self.compile))
        self.assertEqual([word for _, word in words], [b"gcc", b"-c", b"a.c", b"-o", b"a.o"])
        self.assertEqual(token, b"DOTI")
        self.assertIn(b"int a;", text)

    def test_tree(self):
        """The folder, the words, and each file that the compiler reads, compressed."""
        tokens = _tokens(tree_request(self.compile))
        self.assertEqual(tokens[1], (b"CDIR", os.fsencode(self.folder)))
        data = [data for name, data in tokens if name in {b"NAME", b"FILE"}]
        files = dict(zip(map(os.fsdecode, data[::2]), data[1::2], strict=True))
        self.assertEqual(expand(files[f"{self.folder}/a.c"], 99), b'#include "a.h"\n')
        self.assertEqual(expand(files[f"{self.folder}/a.h"], 99), b"int a;\n")

    def test_preprocessing(self):
        """What preprocesses writes no object."""
        self.assertEqual(preprocessing(self.compile.command, "-E"), ["gcc", "a.c", "-E"])
