"""What a pattern with `*` matches."""

from __future__ import annotations

from fnmatch import fnmatchcase

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.policy.patterns import matches, matches_any


class PatternTests(SynchronousTestCase):
    def test_patterns(self) -> None:
        """An asterisk stands for any characters or none, and all of the text has to fit."""
        for pattern, text, expected in (
            ("tls:alice", "tls:alice", True),
            ("tls:alice", "tls:alice2", False),
            ("tls:alice", "xtls:alice", False),
            ("tls:*", "tls:", True),
            ("tls:*", "ssh:tls:", False),
            ("*", "", True),
            ("", "", True),
            ("", "x", False),
            ("*gcc*", "/usr/bin/gcc-12", True),
            ("a*a", "a", False),
            ("ab*ba", "aba", False),
            ("*ab*ba*", "aba", False),
            ("a*b*c", "a-b-c", True),
            ("a*b*c", "acb", False),
            ("a*b*b", "ab", False),
            ("*aab", "aaab", True),
            ("**", "x", True),
        ):
            self.assertEqual(matches(pattern, text), expected, (pattern, text))

    def test_no_other_character_is_special(self) -> None:
        """Brackets are those of an IPv6 address, a question mark is one, lines and case count."""
        self.assertTrue(matches("tcp:[2001:db8::1]", "tcp:[2001:db8::1]"))
        self.assertTrue(matches("tls:*", "tls:a\nb"))
        for pattern, text in (("tls:?", "tls:a"), ("tls:[ab]", "tls:a"), ("tls:A", "tls:a")):
            self.assertFalse(matches(pattern, text), pattern)

    @given(st.text("ab*", max_size=8), st.text("ab", max_size=12))
    def test_as_shells_do(self, pattern: str, text: str) -> None:
        """Of what both know, this is what a shell makes of it."""
        self.assertEqual(matches(pattern, text), fnmatchcase(text, pattern))

    def test_hostile_texts(self) -> None:
        """A text that nearly matches at every place is done with: a backtracking matcher never ends."""
        self.assertFalse(matches("*a" * 20 + "*b*", "a" * 200_000))

    def test_any(self) -> None:
        """One pattern that matches one text is enough; no patterns match nothing."""
        self.assertTrue(matches_any(("x", "b*"), iter(("a", "bc"))))
        self.assertFalse(matches_any(("x", "y"), ("a", "b")))
        self.assertFalse(matches_any((), ("a",)))
