"""A project on the disk, and the compiles in it.

In: files by their paths, and commands.  Out: what the rooms below make of them: `Candidate`, `Found`,
`Shape`.  It refuses to know what is right.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.sources import Found
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.includes.shape import Shape, shape_of
from twisted_distcc.pump.laying import Links, lay
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.text import Text, read_text
from twisted_distcc.pump.unit import Unit


class ProjectTestCase(SynchronousTestCase):
    """A folder `root`, which has no link on its way, with `work` and the compiler's own folder in it."""

    def setUp(self) -> None:
        self.files = Disk()
        self.root = Path(os.path.realpath(self.mktemp()))
        self.work, self.own = self.root / "work", self.root / "usr/include"
        for folder in (self.work, self.own):
            folder.mkdir(parents=True)

    def write(self, **files: str) -> None:
        """Write files of the work folder, `a.h` as `a_h`."""
        for name, text in files.items():
            (self.work / name.replace("_", ".")).write_text(text)

    def found(self, *paths: Path, folders: tuple[Path, ...] = ()) -> Found:
        """Say that these files were found."""
        stamps = {str(path): self.files.stamp(str(path)) for path in paths}
        unit = Unit(
            {path: stamp for path, stamp in stamps.items() if stamp is not None},
            frozenset(map(str, folders)),
        )
        self.assertEqual(len(unit.files), len(paths))
        compilation = parse(("gcc", "-c", "x.c"))
        assert isinstance(compilation, Compilation)
        return Found(str(self.work), unit, lay(unit, self.files), {}, compilation)

    def shape(self, command: str, found: Found, **environ: str) -> Shape:
        """Give the shape of a command that reads what was found."""
        return self.shape_of_words(command.split(), found, **environ)

    def shape_of_words(self, words: Sequence[str], found: Found, **environ: str) -> Shape:
        """The same for a command that stands in words."""
        invocation = Invocation(("gcc", *words), str(self.work), environ, 0o022)
        candidate = Candidate.of(invocation, "/usr/bin/gcc")
        links = Links(self.files)
        return shape_of(candidate, found, [str(self.own)], links.real, self.text)

    def text(self, path: str) -> Text:
        """Give what a file asks for."""
        return read_text(Path(path).read_bytes())
