"""What a program says: all of it, up to a ceiling that it cannot pass."""

from __future__ import annotations

import errno
import os

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.output_capture import MOST_OUTPUT, OutputCapture


class WordsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.words = OutputCapture("said")
        self.addCleanup(self.words.__exit__, None, None, None)
        self.folder = self.mktemp()
        os.mkdir(self.folder)

    def said(self) -> bytes:
        return self.words.read(self.folder).read()

    def test_lengths(self) -> None:
        """Nothing, a word, a page, more than a page: as it was said."""
        self.assertEqual(self.said(), b"")
        self.assertEqual(self.words.last(), b"")
        for length in (3, 4093, 4096, 100_000):
            os.write(self.words.descriptor, b"x" * length)
        body = self.words.read(self.folder)
        self.addCleanup(body.discard)
        self.assertEqual(body.read(), b"x" * (3 + 4093 + 4096 + 100_000))

    def test_a_stream_opened_anew(self) -> None:
        """A shell script that writes to /dev/stderr opens it anew, and writes at its beginning."""
        again = os.open(f"/proc/self/fd/{self.words.descriptor}", os.O_WRONLY)
        self.addCleanup(os.close, again)
        os.write(again, b"said by a script\n")
        self.assertEqual(self.said(), b"said by a script\n")

    def test_more_than_anybody_reads(self) -> None:
        """The file takes no more than its ceiling, and the reader is told that there was more."""
        piece = b"y" * 65536
        with self.assertRaises(OSError) as raised:
            while True:
                os.write(self.words.descriptor, piece)
        self.assertEqual(raised.exception.errno, errno.EPERM)
        body = self.words.read(self.folder)
        self.addCleanup(body.discard)
        said = body.read()
        self.assertEqual(said[:MOST_OUTPUT], b"y" * MOST_OUTPUT)
        self.assertIn(b"is left out", said[MOST_OUTPUT:])
        self.assertLess(len(said), MOST_OUTPUT + 100)

    def test_a_gap(self) -> None:
        """What stands behind a gap is not read: no compiler leaves one."""
        os.pwrite(self.words.descriptor, b"far", MOST_OUTPUT - 3)
        os.write(self.words.descriptor, b"near")
        self.assertEqual(self.said(), b"near")

    def test_the_end(self) -> None:
        """The last words are found behind a long story."""
        os.write(self.words.descriptor, b"z" * 200_000 + b"No space left on device\n")
        self.assertTrue(self.words.ended_with(b"No space left on device"))
        self.assertFalse(self.words.ended_with(b"no such words"))
