"""What a compiler consists of, in a few words."""

from __future__ import annotations

import shutil
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.toolchain.anatomy import anatomy, differences
from twisted_distcc.toolchain.digest import Part, file_stamp
from twisted_distcc.toolchain.known_toolchains import parts_in


class AnatomyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def part(self, role: str, name: str, content: str) -> Part:
        path = self.folder / name
        path.write_text(content)
        return Part(role, str(path), file_stamp(str(path)))

    def test_names(self) -> None:
        """Programs, libraries and files are told by name, headers all together."""
        parts = [
            self.part("program", "cc1", "1"),
            self.part("library", "libmpfr.so.6", "2"),
            self.part("header include/a.h", "a.h", "3"),
            self.part("header include/b.h", "b.h", "4"),
            self.part("file specs", "specs", "5"),
        ]
        names = ["file specs", "headers", "library libmpfr.so.6", "program cc1"]
        self.assertEqual(list(anatomy(parts)), names)

    def test_differences(self) -> None:
        """What has other content, or is on one side alone, is named; the rest is not."""
        ours = anatomy([self.part("program", "cc1", "1"), self.part("header h/a.h", "a.h", "3")])
        theirs = anatomy([self.part("program", "cc1", "2"), self.part("header h/a.h", "a.h", "3")])
        self.assertEqual(differences(ours, theirs), ("program cc1",))
        self.assertEqual(differences(ours, ours), ())
        self.assertEqual(differences(ours, {}), ("program cc1", "headers"))

    def test_renamed_header(self) -> None:
        """A header by another name is another header."""
        one, other = self.part("header h/a.h", "a.h", "3"), self.part("header h/b.h", "b.h", "3")
        self.assertNotEqual(anatomy([one]), anatomy([other]))

    def test_real_compiler(self) -> None:
        """Of this machine's gcc its compiler proper, its assembler and its headers are named."""
        found = anatomy(parts_in(str(shutil.which("gcc")), {"PATH": "/usr/bin:/bin"}))
        for name in ("program cc1", "headers"):
            self.assertIn(name, found)
        self.assertTrue(any(name.endswith(("-as", " as")) for name in found), found)
