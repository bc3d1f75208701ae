"""The walk through the grammar's tables, version 3's with the others."""

from __future__ import annotations

from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.wire.cursor import Agreement, Cursor, Misplaced
from twisted_distcc.wire.grammar import DIST, DONE, REPLIES, REQUESTS, Field, Shape
from twisted_distcc.wire.limits import Limits

HEAD_3: Final = ((b"DIST", 3), (b"CDIR", 9), (b"ARGC", 1), (b"ARGV", 3))
RESULTS: Final = ((b"SERR", 0), (b"SOUT", 0), (b"DOTO", 0))


def _request(*tokens: tuple[bytes, int]) -> Cursor:
    return _walk(Cursor(DIST, REQUESTS, Limits()), *tokens)


def _reply(*tokens: tuple[bytes, int]) -> Cursor:
    return _walk(Cursor(DONE, REPLIES, Limits()), *tokens)


def _walk(place: Cursor, *tokens: tuple[bytes, int]) -> Cursor:
    for token, value in tokens:
        place.enter(token, value)
    return place


class OrderTests(SynchronousTestCase):
    """Each token in its turn, and no other."""

    def assertExpects(self, place: Cursor, *tokens: bytes) -> None:
        """Check that `tokens`, and nothing else, may stand next."""
        error = self.assertRaises(Misplaced, place.enter, b"ELSE", 0)
        names = " or ".join(token.decode() for token in tokens)
        self.assertEqual(str(error), f"expected {names}, got ELSE")

    def test_request(self) -> None:
        """Versions 1 and 2 ask with a command and a source."""
        for version in (1, 2):
            place = _request()
            self.assertExpects(place, b"DIST")
            self.assertExpects(_walk(place, (b"DIST", version)), b"ARGC")
            self.assertExpects(_walk(place, (b"ARGC", 2)), b"ARGV")
            self.assertExpects(_walk(place, (b"ARGV", 3)), b"ARGV")
            self.assertExpects(_walk(place, (b"ARGV", 0)), b"DOTI")
            self.assertFalse(place.is_end)
            self.assertTrue(_walk(place, (b"DOTI", 0)).is_end)

    def test_reply(self) -> None:
        """Versions 1 and 2 answer with a status and three bodies, whatever the status."""
        for version in (1, 2):
            for status in (0, 256, 11, 0xFFFF_FFFF):
                place = _reply()
                self.assertExpects(place, b"DONE")
                self.assertExpects(_walk(place, (b"DONE", version)), b"STAT")
                self.assertExpects(_walk(place, (b"STAT", status)), b"SERR")
                self.assertExpects(_walk(place, (b"SERR", 1)), b"SOUT")
                self.assertExpects(_walk(place, (b"SOUT", 1)), b"DOTO")
                self.assertTrue(_walk(place, (b"DOTO", 1)).is_end)

    def test_files(self) -> None:
        """Version 3 asks with a folder, a command, and files: each a name with data or a target."""
        place = _request()
        self.assertExpects(_walk(place, (b"DIST", 3)), b"CDIR")
        self.assertExpects(_walk(place, (b"CDIR", 1)), b"ARGC")
        self.assertExpects(_walk(place, (b"ARGC", 1)), b"ARGV")
        self.assertExpects(_walk(place, (b"ARGV", 1)), b"NFIL")
        self.assertExpects(_walk(place, (b"NFIL", 3)), b"NAME")
        for kind in (b"FILE", b"LINK"):
            self.assertExpects(_walk(place, (b"NAME", 5)), b"FILE", b"LINK")
            self.assertExpects(_walk(place, (kind, 5)), b"NAME")
        self.assertTrue(_walk(place, (b"NAME", 5), (b"FILE", 0)).is_end)

    def test_no_files(self) -> None:
        """A job of no files ends at their count."""
        self.assertTrue(_request(*HEAD_3, (b"NFIL", 0)).is_end)

    def test_many_files(self) -> None:
        """The greatest number of files is walked, and not one more."""
        place = _request(*HEAD_3, (b"NFIL", Limits().files))
        for _ in range(Limits().files):
            self.assertFalse(place.is_end)
            _walk(place, (b"NAME", 1), (b"LINK", 1))
        self.assertTrue(place.is_end)

    def test_dependencies(self) -> None:
        """After a compile that succeeded, version 3 sends its dependency file too."""
        place = _reply((b"DONE", 3), (b"STAT", 0), *RESULTS)
        self.assertExpects(place, b"DOTD")
        self.assertTrue(_walk(place, (b"DOTD", 7)).is_end)

    def test_no_dependencies(self) -> None:
        """After a compile that failed, it does not."""
        for status in (1, 11, 256, 0xFFFF_FFFF):
            place = _reply((b"DONE", 3), (b"STAT", status), *RESULTS)
            self.assertTrue(place.is_end)
            self.assertRaises(Misplaced, place.enter, b"DOTD", 0)

    def test_nothing_after_the_end(self) -> None:
        """A complete message takes no token."""
        place = _reply((b"DONE", 1), (b"STAT", 0), *RESULTS)
        for token in (b"DONE", b"STAT", b"DOTO", b"DOTD", b"DIST"):
            error = self.assertRaises(Misplaced, place.enter, token, 0)
            self.assertEqual(str(error), "the message is complete, nothing may follow")

    def test_no_words(self) -> None:
        """A command has at least one word."""
        place = _request((b"DIST", 1))
        error = self.assertRaises(Misplaced, place.enter, b"ARGC", 0)
        self.assertEqual(str(error), "ARGC must be at least 1")

    def test_field(self) -> None:
        """The field that was entered tells what follows the header."""
        place = _request()
        shapes = [place.enter(token, 1).shape for token in (b"DIST", b"ARGC", b"ARGV", b"DOTI")]
        self.assertEqual(shapes, [Shape.NUMBER, Shape.NUMBER, Shape.TEXT, Shape.BULK])


class RefusalTests(SynchronousTestCase):
    """A token that was refused was not entered."""

    def test_place_stays(self) -> None:
        """After any refusal the message goes on as if it had not been."""
        place = _request()
        for token, value in ((b"DIST", 1), (b"ARGC", 2), (b"ARGV", 3), (b"ARGV", 0), (b"DOTI", 0)):
            self.assertRaises(Misplaced, place.enter, b"ELSE", value)
            self.assertRaises(Misplaced, place.enter, token, 0xFFFF_FFFF)
            entered = place.enter(token, value)
            self.assertEqual(entered.token, token)
        self.assertTrue(place.is_end)

    def test_wrong_shape(self) -> None:
        """A caller that would send something else after the token is refused, and may try again."""
        place = _request((b"DIST", 1))
        error = self.assertRaises(Misplaced, place.enter, b"ARGC", 1, Shape.TEXT)
        self.assertEqual(str(error), "ARGC is sent as a NUMBER")
        place.enter(b"ARGC", 1, Shape.NUMBER)


class VersionTests(SynchronousTestCase):
    """Which versions may open a message."""

    def test_in_the_tables(self) -> None:
        """A version without a table is refused, and the message names those that have one."""
        for place, opening in ((_request(), b"DIST"), (_reply(), b"DONE")):
            for version in (0, 4, 0xFFFF_FFFF):
                error = self.assertRaises(Misplaced, place.enter, opening, version)
                expected = f"protocol version {version} is not supported, only 1, 2, 3"
                self.assertEqual(str(error), expected)

    def test_both_ways(self) -> None:
        """A version that may be asked for may be answered."""
        self.assertEqual(REQUESTS.keys(), REPLIES.keys())

    def test_agreement(self) -> None:
        """The second message of an exchange opens with the version of the first."""
        agreed = Agreement()
        request = Cursor(DIST, REQUESTS, Limits(), agreed)
        reply = Cursor(DONE, REPLIES, Limits(), agreed)
        request.enter(b"DIST", 2)
        error = self.assertRaises(Misplaced, reply.enter, b"DONE", 1)
        self.assertEqual(str(error), "the other message has version 2, not 1")
        self.assertEqual(reply.enter(b"DONE", 2), Field(b"DONE", Shape.NUMBER))

    def test_disagreement_leaves_no_trace(self) -> None:
        """A version that was refused is not agreed on."""
        agreed = Agreement()
        place = Cursor(DIST, REQUESTS, Limits(), agreed)
        self.assertRaises(Misplaced, place.enter, b"DIST", 4)
        self.assertIs(agreed.version, None)
