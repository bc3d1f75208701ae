"""Response files."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.response import (
    EXPANSION_LIMIT,
    TooManyResponseFilesError,
    expand,
    split,
)


class SplitTests(SynchronousTestCase):
    """The text of a response file, as gcc 12 and clang 14 part it."""

    def test_words(self) -> None:
        """White space parts words, quotes and backslashes hold them together."""
        for text, words in (
            ("", []),
            (" \t\r\n\v\f", []),
            ("a b\nc\td\r\ne", ["a", "b", "c", "d", "e"]),
            ("'a b' \"c d\"", ["a b", "c d"]),
            ("a'b c'd", ["ab cd"]),
            (r"a\ b", ["a b"]),
            (r"'a\'b'", ["a'b"]),
            (r'"a\b"', ["ab"]),
            (r"\\", ["\\"]),
            ("''", [""]),
            ("'' a ''", ["", "a", ""]),
            ('"x', ["x"]),
            ("\"a'b\" 'a\"b'", ["a'b", 'a"b']),
            ("a\\", ["a"]),
            ("a\\\nb", ["a\nb"]),
        ):
            self.assertEqual(words, split(text), text)


class ExpandTests(SynchronousTestCase):
    """Response files in a command."""

    def test_in_place(self) -> None:
        """The words of a file stand where its name stood, those of nested files too."""
        files = {"x": "1 @y 4", "y": "2 3", "empty": ""}
        self.assertEqual(["a", "1", "2", "3", "4", "b"], expand(["a", "@x", "@empty", "b"], files.get))

    def test_unreadable(self) -> None:
        """A file that cannot be read is an ordinary word."""
        self.assertEqual(["@x", "@", "a@x"], expand(["@x", "@", "a@x"], lambda _name: None))

    def test_order_of_reading(self) -> None:
        """Files are asked for once each time they are named, and words without @ never."""
        asked: list[str] = []

        def read(name: str) -> str:
            asked.append(name)
            return "@y" if name == "x" else ""

        self.assertEqual(["a"], expand(["a", "@x", "@z"], read))
        self.assertEqual(["x", "y", "z"], asked)

    def test_endless(self) -> None:
        """A file that names itself comes to an end."""
        with self.assertRaises(TooManyResponseFilesError):
            expand(["@x"], {"x": "@x"}.get)

    def test_limit(self) -> None:
        """As many files as the limit allows are read."""
        words = ["@x"] * EXPANSION_LIMIT
        self.assertEqual([], expand(words, {"x": ""}.get))
        with self.assertRaises(TooManyResponseFilesError):
            expand([*words, "@x"], {"x": ""}.get)
