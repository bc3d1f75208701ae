"""What differs between two runs, said in a few words."""

import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli.verify.differences import Ran, differences
from twisted_distcc.cli.verify.sections import differing_sections


def ran(status: int = 0, **left: bytes) -> Ran:
    """A run that left something."""
    return Ran(status, left)


class DifferenceTests(SynchronousTestCase):
    """`differences`."""

    def test_none(self) -> None:
        """Two equal runs differ in nothing."""
        self.assertEqual(differences(ran(object=b"x"), ran(object=b"x")), {})

    def test_status(self) -> None:
        """The exit status counts."""
        self.assertEqual(differences(ran(0), ran(1)), {"exit status": "0 here, 1 there"})

    def test_missing(self) -> None:
        """A file that one run alone wrote is a difference, even when it is empty."""
        self.assertEqual(differences(ran(rules=b""), ran()), {"rules": "only here"})
        self.assertEqual(differences(ran(), ran(rules=b"")), {"rules": "only there"})

    def test_line(self) -> None:
        """Of text, the first line that differs is shown from both sides."""
        found = differences(ran(rules=b"a\nb\n"), ran(rules=b"a\nc\n"))
        self.assertEqual(found, {"rules": r"line 2 is 'b\n' here, 'c\n' there"})

    def test_shorter(self) -> None:
        """Text that ends earlier has no such line."""
        found = differences(ran(rules=b"a\nb\n"), ran(rules=b"a\n"))
        self.assertEqual(found, {"rules": r"line 2 is 'b\n' here, missing there"})

    def test_bytes(self) -> None:
        """Of other files, the first byte that differs is counted."""
        self.assertEqual(differences(ran(o=b"a\0b"), ran(o=b"a\0c")), {"o": "byte 2 on"})
        self.assertEqual(differences(ran(o=b"a\0"), ran(o=b"a\0c")), {"o": "byte 2 on"})

    def test_no_elf(self) -> None:
        """An object that is none is compared as any file."""
        found = differences(ran(object=b"\x7fELF\0"), ran(object=b"\x7fELF\1"))
        self.assertEqual(found, {"object": "byte 4 on"})


class SectionTests(SynchronousTestCase):
    """Sections of real objects, and of rubbish."""

    def setUp(self) -> None:
        self.source = Path(self.mktemp()).with_suffix(".c")

    def compiled(self, text: str, *options: str) -> bytes:
        """The object of a source; all sources have one name."""
        self.source.write_text(text)
        made = self.source.with_suffix(".o")
        subprocess.run(["gcc", "-c", *options, self.source, "-o", made], check=True)
        return made.read_bytes()

    def test_code(self) -> None:
        """Another number in the code is in .text, and nowhere else."""
        one, other = (self.compiled(f"int f(void) {{ return {n}; }}", "-O2") for n in (1, 2))
        self.assertEqual(differing_sections(one, other), [".text"])

    def test_more_sections(self) -> None:
        """A section that one object has alone is named."""
        one, other = self.compiled("int x;"), self.compiled("int x = 1;")
        self.assertIn(".data", differing_sections(one, other))

    def test_rubbish(self) -> None:
        """What is cut short, or no ELF file, has no sections, and raises nothing."""
        whole = self.compiled("int x = 1;")
        for length in range(0, len(whole), 7):
            differing_sections(whole[:length], whole)
        self.assertEqual(differing_sections(b"", b"x"), [])
