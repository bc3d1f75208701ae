"""The list of what a job has changed, as the jail writes it, and lists that no jail writes."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import IN_MEMORY
from twisted_distcc.execution.sandbox.changes import (
    BadChangesError,
    contents_of,
    read_changes,
)

LIST = (
    b"file 644 1796039266692528455 7 7\n/p/a.suobject\n"
    b"other 777 5 1 4\n/new"
    b"file 600 6 0 10\n/p/end\nendend\n"
)


class ListTests(SynchronousTestCase):
    def write(self, data: bytes) -> str:
        path = Path(self.mktemp())
        path.write_bytes(data)
        return str(path)

    def test_changes(self) -> None:
        """Files with their contents, whatever their names and contents look like, and other things."""
        path = self.write(LIST)
        first, second, third = read_changes(path)
        self.assertEqual((first.path, first.changed, first.length), ("/p/a.su", 1796039266692528455, 7))
        self.assertEqual(contents_of(first, path, "").read(), b"object\n")
        self.assertEqual((second.path, second.length), ("/new", None))
        self.assertEqual((third.path, third.length), ("/p/end\nend", 0))
        self.assertEqual(read_changes(self.write(b"end\n")), [])

    def test_large_contents(self) -> None:
        """A large file is a file again, in the folder for such."""
        large = bytes(range(256)) * (IN_MEMORY // 128)
        path = self.write(b"file 644 1 %d 2\n/a%send\n" % (len(large), large))
        (change,) = read_changes(path)
        folder = self.mktemp()
        Path(folder).mkdir()
        body = contents_of(change, path, folder)
        self.assertIsNotNone(body.path)
        self.assertEqual(body.read(), large)
        body.discard()
        self.assertEqual(list(Path(folder).iterdir()), [])

    def test_cut_short(self) -> None:
        """A list that has no end is none."""
        for length in range(len(LIST)):
            try:
                found = read_changes(self.write(LIST[:length]))
            except BadChangesError:
                continue
            self.fail(f"{length} bytes are {found}")

    def test_nonsense(self) -> None:
        """Nor is one with anything else in it."""
        for line in (b"file 644 1 2\n/a", b"link 644 1 2 2\n/a", b"file 999 1 0 2\n/a", b"end", b"\n"):
            self.assertRaises(BadChangesError, read_changes, self.write(line + b"end\n"))

    def test_beyond_its_end(self) -> None:
        """A file that would be longer than the list has no end."""
        path = self.write(b"file 644 1 100 2\n/aend\n")
        self.assertRaises(BadChangesError, read_changes, path)
