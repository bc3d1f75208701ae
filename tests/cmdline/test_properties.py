"""What holds for all command lines, sensible or not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.options import OPTIONS
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.preprocessed import source_forbids
from twisted_distcc.cmdline.response import expand, split
from twisted_distcc.cmdline.rewrite import preprocess_argv, remote_argv, serve_argv

# Any text, lone surrogates and NUL among it.
_ANY = st.text(st.characters(exclude_categories=()), max_size=12)
_NAMES = st.sampled_from([rule.name for rule in OPTIONS.rules])
_OPERANDS = st.sampled_from(["a.c", "b.cc", "c.s", "d.S", "e.i", "-", "", "/dev/null", "@x", "f.o"])
_WILD = st.lists(st.one_of(_ANY, _NAMES, _OPERANDS, st.builds(str.__add__, _NAMES, _ANY)), max_size=12)

# What names a file elsewhere, or a file of more options, as the argument of any option.
_ELSEWHERE = st.sampled_from(
    ["/etc/passwd", "../x", "@x", "@/etc/passwd", "./x", "a,/b", "a=/b", "a=@b", "-O2,/x", "x", "1", ""]
)
_BEGINNINGS = st.sampled_from(["-f", "-m", "-W", "-g", "-O", "-A", "-Wa,", "-Wp,", "--param", "-mllvm"])
_BETWEEN = st.sampled_from(["", "=", ",", "no-", "x=", "1,", "--defsym,", "-march=", "-m"])
_POINTING = st.lists(
    st.one_of(
        st.tuples(st.builds("{}{}{}".format, _BEGINNINGS | _NAMES, _BETWEEN, _ELSEWHERE)),
        st.tuples(_BEGINNINGS | _NAMES, _ELSEWHERE),
        st.tuples(_NAMES, st.builds("{}{}".format, _NAMES, _ELSEWHERE)),
        st.tuples(_ANY),
    ),
    max_size=6,
)

# Words that travel, with odd names in them.
_HARMLESS = "-O2 -Wall -g -g0 -DX -I. -lm -MD -MMD -MP -S -Wp,-DX -Wa,-W -pthread -std=c11"
_TRAVELLING = st.lists(st.sampled_from(_HARMLESS.split()), max_size=8)
_ODD = st.lists(
    st.builds(str.__add__, st.sampled_from(["-o", "-D", "-I", "-MT", "-f", "-L"]), _ANY),
    max_size=4,
).map(lambda words: ["-c", *words, "a.c"])
_WORDS = _WILD | _ODD
_COMPILERS = st.sampled_from(["gcc", "g++", "clang", "clang++-14", "cc", "a-name", ""])


def _quoted(word: str) -> str:
    return "'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _is_text(word: str, family: Family) -> bool:
    rule = OPTIONS.find(word, family)
    return rule is not None and rule.form is Form.TEXT


class PropertyTests(SynchronousTestCase):
    """No command breaks the parser, and rewriting keeps a meaning."""

    @settings(deadline=None)
    @given(_COMPILERS, _WORDS)
    def test_always_a_verdict(self, compiler: str, words: list[str]) -> None:
        """Any words give a verdict, and a reason fit for a log."""
        verdict = parse([compiler, *words], {"x": "-c @x"}.get)
        self.assertIsInstance(verdict, Compilation | StayLocal)
        if isinstance(verdict, StayLocal):
            self.assertTrue(verdict.reason.isprintable())
            verdict.reason.encode()

    @settings(deadline=None)
    @given(st.lists(_ANY))
    def test_bare_words(self, words: list[str]) -> None:
        """Any list of strings at all gives a verdict."""
        self.assertIsInstance(parse(words), Compilation | StayLocal)

    @settings(deadline=None)
    @given(_COMPILERS, _WORDS, st.integers(0, 12), st.integers(0, 12))
    def test_response_files(self, compiler: str, words: list[str], start: int, end: int) -> None:
        """Words in a response file mean what they mean outside of it."""
        words = [word for word in words if not word.startswith("@")]
        text = " ".join(map(_quoted, words[start:end]))
        within = [*words[:start], "@x", *(words[end:] if end > start else words[start:])]
        self.assertEqual(parse([compiler, *words]), parse([compiler, *within], {"x": text}.get))

    @given(st.lists(_ANY))
    def test_quoting(self, words: list[str]) -> None:
        """Quoted words come back as they were."""
        self.assertEqual(words, split(" ".join(map(_quoted, words))))

    @given(st.text(alphabet=" @xy'\"\\", max_size=20), st.text(alphabet=" @xy'\"\\", max_size=20))
    def test_expansion_ends(self, x: str, y: str) -> None:
        """Files that name one another expand to words, or to too many files."""
        verdict = parse(["gcc", "@x"], {"x": x, "y": y}.get)
        self.assertIsInstance(verdict, StayLocal)

    @settings(deadline=None)
    @given(st.sampled_from(["gcc", "g++", "clang"]), _TRAVELLING, st.integers(0, 8))
    def test_rewriting(self, compiler: str, words: list[str], place: int) -> None:
        """A request is understood as the same compile of preprocessed text, and so is its like."""
        c = parse([compiler, "-c", *words[:place], "src/a.c", *words[place:]])
        if isinstance(c, StayLocal):
            self.assertIn("without -MD", c.reason)
            return
        received = parse(remote_argv(c, "/folder"))
        assert isinstance(received, Compilation)
        self.assertIs(c.language.preprocessed, received.language)
        self.assertEqual((c.output, c.stage, c.debug), (received.output, received.stage, received.debug))
        self.assertIsNone(received.dependencies)
        served = parse(serve_argv(received, compiler, "in.i", "out.o"))
        assert isinstance(served, Compilation)
        self.assertEqual(("in.i", "out.o"), (served.source, served.output))
        self.assertNotIn("-c", preprocess_argv(c, "t.i", "t.d"))

    @settings(deadline=None)
    @given(st.sampled_from(["gcc", "clang", "cc"]), _POINTING)
    def test_nothing_points_elsewhere(self, compiler: str, options: list[tuple[str, ...]]) -> None:
        """What a server runs has no word with a path or @ in it, but its own and listed texts."""
        for words in options:
            c = parse([compiler, "-c", *words, "a.c"], arrived=True)
            if isinstance(c, Compilation):
                texts = {word for o in c.options for word in o.words if _is_text(o.words[0], c.family)}
                for word in set(serve_argv(c, "cc", "in.i", "out.o")) - texts:
                    self.assertNotIn("/", word)
                    self.assertNotIn("@", word)

    def test_thousands_of_words(self) -> None:
        """A command of many and long words gets its verdict."""
        many = parse(["gcc", "-c", "a.c", *(["-DX"] * 20_000)])
        self.assertIsInstance(many, Compilation)
        long = parse(["gcc", "-c", "a.c", "-f" + "x" * 1_000_000])
        self.assertIsInstance(long, Compilation)

    @given(_ANY, st.sampled_from(Family))
    def test_one_row(self, word: str, family: Family) -> None:
        """A row that is found fits the word, and no longer row does."""
        rule = OPTIONS.find(word, family)
        fitting = [r for r in OPTIONS.rules if r.only in {None, family} and r.matches(word)]
        longest = max((len(r.name) for r in fitting), default=0)
        self.assertEqual(longest, len(rule.name) if rule else 0)

    @given(st.binary())
    def test_any_text(self, text: bytes) -> None:
        """Any bytes may be looked through."""
        self.assertIsInstance(source_forbids(text), str | None)

    @given(st.lists(_ANY))
    def test_words_without_files(self, words: list[str]) -> None:
        """Where no file can be read, no word changes."""
        self.assertEqual(words, expand(words, lambda _name: None))
