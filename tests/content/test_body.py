"""Bodies in memory while they are few bytes, on disk beyond that, and nowhere once given up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from unittest.mock import patch

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.body import EMPTY, IN_MEMORY, PIECE, Body, Spool, spooled

SMALL = b"s" * IN_MEMORY
LARGE = os.urandom(PIECE + IN_MEMORY)


class BodyTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)

    def files(self) -> list[str]:
        return os.listdir(self.directory)

    def spooled(self, *pieces: bytes) -> Body:
        spool = Spool(self.directory)
        for piece in pieces:
            spool.write(piece)
        return spool.finish()

    def file(self, data: bytes) -> str:
        path: str = self.mktemp()
        with open(path, "wb") as file:
            file.write(data)
        return path


class SpoolTests(BodyTestCase):
    def test_a_small_body_stays_in_memory(self) -> None:
        """Up to the threshold no file is made."""
        body = self.spooled(SMALL[:-1], SMALL[-1:])
        self.assertEqual((body.data, body.length, self.files()), (SMALL, IN_MEMORY, []))

    def test_a_large_body_goes_to_disk(self) -> None:
        """One byte beyond it all lies in a file, and nothing in memory."""
        body = self.spooled(SMALL, b"x")
        self.assertEqual((body.data, body.length, len(self.files())), (None, IN_MEMORY + 1, 1))
        self.assertEqual(body.read(), SMALL + b"x")

    def test_only_the_owner_may_read_it(self) -> None:
        """Sources of one user are not for the others of the machine."""
        body = self.spooled(LARGE)
        assert body.path is not None
        self.assertEqual(os.stat(body.path).st_mode & 0o777, 0o600)

    def test_no_more_is_held_in_memory_on_the_way(self) -> None:
        """What was written beyond the threshold is on disk at once, not at the end."""
        spool = Spool(self.directory)
        for _ in range(50):
            spool.write(SMALL)
        (name,) = self.files()
        self.assertGreaterEqual(os.path.getsize(os.path.join(self.directory, name)), 49 * IN_MEMORY)
        spool.discard()

    def test_an_unfinished_body_is_given_up(self) -> None:
        """Discarding a spool removes its file; a small one has none."""
        for data in (SMALL, LARGE):
            spool = Spool(self.directory)
            spool.write(data)
            spool.discard()
            self.assertEqual(self.files(), [])

    def test_pieces_that_break_off(self) -> None:
        """Of pieces that do not come to their end nothing is left."""

        def pieces() -> Iterator[bytes]:
            yield LARGE
            raise KeyError

        self.assertRaises(KeyError, spooled, pieces(), self.directory)
        self.assertEqual(self.files(), [])
        self.assertEqual(spooled((SMALL, b"x"), self.directory).read(), SMALL + b"x")

    def test_nothing_written(self) -> None:
        """A body of no bytes is one."""
        self.assertEqual(self.spooled(), EMPTY)


class BodyTests(BodyTestCase):
    def test_pieces_are_bounded(self) -> None:
        """A large body is read in pieces, none above their size, that join to the whole."""
        pieces = list(self.spooled(LARGE).pieces())
        self.assertEqual(b"".join(pieces), LARGE)
        self.assertEqual([len(piece) for piece in pieces], [PIECE, IN_MEMORY])

    def test_no_empty_piece(self) -> None:
        """A body of no bytes has no pieces."""
        self.assertEqual(list(EMPTY.pieces()), [])

    def test_discard(self) -> None:
        """A body that is given up, even twice, leaves no file."""
        body = self.spooled(LARGE)
        body.discard()
        body.discard()
        EMPTY.discard()
        self.assertEqual(self.files(), [])

    def test_save(self) -> None:
        """Saved over another file the body is there, and nowhere else."""
        for data in (SMALL, LARGE):
            body, path = self.spooled(data), self.file(b"old")
            body.save(path)
            body.discard()
            with open(path, "rb") as file:
                self.assertEqual(file.read(), data)
            self.assertEqual(self.files(), [])

    def test_a_small_file_is_read(self) -> None:
        """A file that is adopted while small is in memory, and gone from the disk."""
        path = self.file(SMALL)
        body = Body.adopt(path, self.directory)
        self.assertEqual((body.data, os.path.exists(path), self.files()), (SMALL, False, []))

    def test_a_large_file_is_moved(self) -> None:
        """A large one is moved out of its folder, not copied through memory."""
        path = self.file(LARGE)
        with patch("builtins.open", side_effect=AssertionError("it was read")):
            body = Body.adopt(path, self.directory)
        self.assertEqual((os.path.exists(path), len(self.files())), (False, 1))
        self.assertEqual((body.length, body.read()), (len(LARGE), LARGE))

    def test_a_large_file_may_stay(self) -> None:
        """Without a folder to move it to, it stays where it is until it is given up."""
        path = self.file(LARGE)
        body = Body.adopt(path)
        self.assertEqual(body.path, path)
        body.discard()
        self.assertFalse(os.path.exists(path))
