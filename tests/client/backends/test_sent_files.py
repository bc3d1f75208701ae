"""What was sent to servers is known to the next agent, as far as files can tell."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.backends.sent_files import SentFiles
from twisted_distcc.client.backends.session_inputs import SentContent

A, B, C = (sha256(name).digest() for name in (b"a", b"b", b"c"))


class SentFilesTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.files = SentFiles(str(self.folder))

    def names(self) -> list[str]:
        return sorted(os.listdir(self.folder))


class FileTests(SentFilesTestCase):
    def test_kept(self) -> None:
        """What one process adds another one reads, until it is forgotten."""
        self.files.add("red", [A, B])
        self.files.add("red", [C])
        self.files.add("blue", [A])
        self.assertEqual(SentFiles(str(self.folder)).read("red"), {A, B, C})
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)
        self.files.forget("red")
        self.assertEqual(self.files.read("red"), set())
        self.assertEqual(self.files.read("blue"), {A})

    def test_few(self) -> None:
        """There is one file for each of the servers that were used last."""
        for number in range(20):
            name = f"{number:02}"
            self.files.add(name, [A])
            os.utime(self.folder / name, (number, number))
            self.files.read("00")
        self.assertEqual(self.names(), ["00", *(f"{number:02}" for number in range(5, 20))])

    def test_cut_short(self) -> None:
        """A file that ends in the middle of a digest has those before it."""
        self.files.add("red", [A, B[:7]])
        self.assertEqual(self.files.read("red"), {A})

    def test_no_folder(self) -> None:
        """Where nothing can be kept, nothing is, and that is all."""
        self.folder.write_text("")
        self.files.add("red", [A])
        self.files.forget("red")
        self.assertEqual(self.files.read("red"), set())


class ContentTests(SentFilesTestCase):
    def content(self, caller: str = "ada", memory: bytes = b"m" * 16) -> SentContent:
        """Return what a new process knows when a server has greeted it."""
        content = SentContent(self.files, caller)
        content.begin(memory)
        return content

    def test_next_process(self) -> None:
        """What was sent counts as sent in the next process, for that caller and that memory alone."""
        self.content().add([A, B])
        self.assertEqual(self.content().lacking([A, B, C]), [C])
        self.assertEqual(self.content("eve").lacking([A]), [A])
        self.assertEqual(self.content(memory=b"n" * 16).lacking([A]), [A])

    def test_once(self) -> None:
        """A file has each digest once, however often it is sent."""
        content = self.content()
        for _ in range(3):
            content.add([A])
            content.add([A, B])
        (name,) = self.names()
        self.assertEqual((self.folder / name).read_bytes(), A + B)

    def test_forgotten(self) -> None:
        """What is given up is given up for the next process, too; what is sent then counts."""
        content = self.content()
        content.add([A, B])
        content.forget()
        self.assertEqual(self.content().lacking([A]), [A])
        content.add([B])
        self.assertEqual(self.content().lacking([A, B]), [A])
