"""What compilers write when they are asked which files they read."""

from __future__ import annotations

import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.listing import prerequisites

# All that a make rule has to escape, as far as compilers do.
ODD = "a b#c$d.h"


class PrerequisitesTests(SynchronousTestCase):
    def test_several_lines(self) -> None:
        """The files of a rule are all words behind its target, on however many lines."""
        self.assertEqual(prerequisites("x.o: x.c \\\n  a.h\\\n b.h\n"), ["x.c", "a.h", "b.h"])

    def test_nothing(self) -> None:
        """What is no rule names no files."""
        self.assertEqual(prerequisites(""), [])

    def test_compilers(self) -> None:
        """Names with blanks, numbers signs and dollars are read as gcc and clang write them."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / ODD).touch()
        (folder / "x.c").write_text(f'#include "{ODD}"\n')
        for compiler in ("gcc", "clang"):
            command = [compiler, "-nostdinc", "-M", "x.c"]
            said = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True, text=True)
            names = [name for name in prerequisites(said.stdout) if not name.startswith("/")]
            self.assertEqual(names, ["x.c", ODD], compiler)
