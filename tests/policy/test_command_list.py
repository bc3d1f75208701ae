"""The administrator's list of commands."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.policy.command_list import BadCommandListError, CommandList

GCC, CROSS = "/usr/bin/gcc", "/opt/cross/bin/gcc"


class MatchTests(SynchronousTestCase):
    def assert_matches(self, words: int, *cases: tuple[str, str | None]) -> None:
        commands = CommandList((GCC, CROSS), words)
        for name, expected in cases:
            self.assertEqual(commands.match(name), expected, name)

    def test_one_word(self) -> None:
        """By default the file's name decides, and the first line with that name is what runs."""
        self.assert_matches(
            1, ("gcc", GCC), ("/usr/bin/gcc", GCC), ("/anywhere/gcc", GCC), ("cc", None), ("agcc", None)
        )

    def test_two_words(self) -> None:
        """With two words the folder's name has to be right as well; a bare name has none."""
        self.assert_matches(
            2, ("bin/gcc", GCC), ("/usr/bin/gcc", GCC), ("gcc", None), ("/usr/local/gcc", None)
        )

    def test_three_words(self) -> None:
        """With three words two compilers of one name are told apart."""
        self.assert_matches(
            3, ("/usr/bin/gcc", GCC), ("/opt/cross/bin/gcc", CROSS), ("cross/bin/gcc", CROSS),
            ("bin/gcc", None), ("/local/bin/gcc", None),
        )  # fmt: skip

    def test_more_words_than_a_path_has(self) -> None:
        """Then the whole path has to be right, from its root."""
        self.assert_matches(9, ("/usr/bin/gcc", GCC), ("usr/bin/gcc", None))

    def test_tricks(self) -> None:
        """Neither dots nor doubled slashes nor an empty name get by."""
        self.assert_matches(
            2, ("/usr/bin/../bin/gcc", GCC), ("/usr//gcc", None), ("", None), ("/", None)
        )
        self.assert_matches(1, ("gcc/", None), ("gcc/..", None), ("GCC", None))


class ParseTests(SynchronousTestCase):
    def test_lines(self) -> None:
        """Blank lines and comments are passed over, and blanks around a path."""
        lines = ("# compilers", "", f"  {GCC} ", f"{CROSS}")
        self.assertEqual(CommandList.parse(lines, 2), CommandList((GCC, CROSS), 2))

    def test_what_is_no_list(self) -> None:
        """A list that cannot be meant is refused, with the word that is wrong."""
        for lines, words, expected in (
            ((), 1, "without commands"),
            (("# gcc",), 1, "without commands"),
            (("gcc",), 1, "gcc is not an absolute path"),
            ((GCC, "bin/cc"), 1, "bin/cc is not an absolute path"),
            ((GCC,), 0, "NUMWORDS must be at least 1"),
        ):
            with self.assertRaisesRegex(BadCommandListError, expected):
                CommandList.parse(lines, words)
