"""How outputs are written, and which are left to the compiler."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.results.outputs import LeftToCompilerError, Outputs, is_new
from twisted_distcc.cmdline.foreseen import Existing

REPLACED, OVERWRITTEN, DISPUTED = Existing.REPLACED, Existing.OVERWRITTEN, Existing.DISPUTED


def full_disk() -> Iterator[bytes]:
    """Give contents of which a disk takes only the beginning."""
    yield b"half"
    raise OSError(errno.ENOSPC, "No space left on device")


class OutputTestCase(SynchronousTestCase):
    """A folder with an output in it."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "w.o"

    def old(self, contents: bytes = b"of before") -> None:
        self.path.write_bytes(contents)

    def write(self, existing: Existing, umask: int = 0o022) -> None:
        outputs = Outputs(umask)
        outputs.add(str(self.path), existing, [b"new", b"er"])
        outputs.show()
        outputs.discard()
        self.assertEqual(self.path.read_bytes(), b"newer")
        self.assertEqual([name for name in os.listdir(self.folder) if "tdistcc" in name], [])


class ExistingTests(OutputTestCase):
    """What is at the name of an output."""

    def left(self, existing: Existing, word: str, path: str | None = None) -> None:
        error = self.assertRaises(LeftToCompilerError, is_new, path or str(self.path), existing)
        self.assertIn(word, str(error))

    def test_nothing(self) -> None:
        """Every output may be a new file."""
        for existing in Existing:
            self.assertTrue(is_new(str(self.path), existing))

    def test_file(self) -> None:
        """An object replaces a file, dependencies overwrite it, and the rest is left to compilers."""
        self.old()
        self.assertFalse(is_new(str(self.path), REPLACED))
        self.assertFalse(is_new(str(self.path), OVERWRITTEN))
        self.left(DISPUTED, "disagree")

    def test_empty_file(self) -> None:
        """The assembler writes into an empty object, clang replaces it."""
        self.old(b"")
        self.left(REPLACED, "is empty")
        self.assertFalse(is_new(str(self.path), OVERWRITTEN))

    def test_link(self) -> None:
        """Of a link the assembler asks what it leads to."""
        self.path.symlink_to("nothing")
        for existing in Existing:
            self.left(existing, "is not a regular file")

    def test_read_only(self) -> None:
        """The assembler replaces a read-only object, clang complains."""
        self.old()
        with patch("twisted_distcc.client.results.outputs.os.access", return_value=False):
            self.left(REPLACED, "is read-only")

    def test_long_name(self) -> None:
        """Where clang finds no name for a new file it writes into the old one."""
        for length, is_short in ((242, True), (243, False)):
            self.path = self.folder / ("n" * length)
            self.old()
            if is_short:
                self.assertFalse(is_new(str(self.path), REPLACED))
            else:
                self.left(REPLACED, "too long")

    def test_closed_folder(self) -> None:
        """Where no file can be made, a file may still be overwritten."""
        with patch("twisted_distcc.client.results.outputs.os.access", return_value=False):
            self.left(REPLACED, "no file can be made in")
            self.old()
            self.assertFalse(is_new(str(self.path), OVERWRITTEN))

    def test_no_name(self) -> None:
        """A name that the kernel takes for none is the compiler's to complain of."""
        self.old()
        for name in ("w.o/", "w.o/a", "nul\0", "n" * 256, "folder/", "no/w.o"):
            for existing in Existing:
                self.left(existing, "", f"{self.folder}/{name}")


class WritingTests(OutputTestCase):
    """Files that are written."""

    def test_new(self) -> None:
        """A new file has the mode that the caller's umask leaves, be ours wider or narrower."""
        for umask, mode in ((0o002, 0o664), (0o077, 0o600), (0, 0o666)):
            self.write(REPLACED, umask)
            self.assertEqual(self.path.stat().st_mode & 0o7777, mode)
            self.path.unlink()

    def test_replaced(self) -> None:
        """The file of before keeps its other name, and its mode."""
        self.old()
        self.path.chmod(0o751)
        kept = self.folder / "kept"
        os.link(self.path, kept)
        self.write(REPLACED)
        self.assertEqual(kept.read_bytes(), b"of before")
        self.assertEqual(self.path.stat().st_mode & 0o7777, 0o644)

    def test_overwritten(self) -> None:
        """The file of before stays the same file."""
        self.old(b"longer than what comes")
        self.path.chmod(0o751)
        before = self.path.stat()
        self.write(OVERWRITTEN)
        after = self.path.stat()
        self.assertEqual((after.st_ino, after.st_mode), (before.st_ino, before.st_mode))

    def test_overwritten_by_less(self) -> None:
        """Nothing stays of what was longer, or equally long, and its time is that of the compile."""
        for before, after in ((b"of before", b"new"), (b"of before", b""), (b"old", b"new"), (b"", b"")):
            self.old(before)
            os.utime(self.path, (1, 1))
            outputs = Outputs(0o022)
            outputs.add(str(self.path), OVERWRITTEN, [after])
            outputs.discard()
            self.assertEqual(self.path.read_bytes(), after)
            self.assertGreater(self.path.stat().st_mtime, 1)

    def test_full_disk(self) -> None:
        """A disk that becomes full leaves the object of before, and nothing half."""
        self.old()
        outputs = Outputs(0o022)
        error = self.assertRaises(
            LeftToCompilerError, outputs.add, str(self.path), REPLACED, full_disk()
        )
        outputs.discard()
        self.assertEqual(str(error), f"cannot write {self.path}: No space left on device")
        self.assertEqual(os.listdir(self.folder), ["w.o"])
        self.assertEqual(self.path.read_bytes(), b"of before")

    def test_order(self) -> None:
        """Nothing has its name before all is complete, and then the object is last."""
        outputs = Outputs(0o022)
        for name, existing in (("a.o", REPLACED), ("a.d", OVERWRITTEN)):
            outputs.add(str(self.folder / name), existing, [b""])
        self.assertFalse({"a.o", "a.d"} & set(os.listdir(self.folder)))
        with patch("twisted_distcc.client.results.outputs.os.rename") as rename:
            outputs.show()
        outputs.discard()
        self.assertEqual([call.args[1] for call in rename.call_args_list], ["a.d", "a.o"])
