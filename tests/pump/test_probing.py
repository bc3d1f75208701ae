"""Macros that stand for `__has_include`, pasted names, and what is remembered of computed ones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.peers import COMPILERS
from twisted_distcc.pump import computed
from twisted_distcc.pump.asked import Asked, Kind
from twisted_distcc.pump.computed import Computed
from twisted_distcc.pump.macro_bodies import Definition
from twisted_distcc.pump.macros import Lookup
from twisted_distcc.pump.pasting import Part, makes_clock, makes_probe, parts_in
from twisted_distcc.pump.probing import calls_oddly, standing_for_probes
from twisted_distcc.pump.text import read_text


class Case(NamedTuple):
    """A text, the macros that stand for a probe, `?` for what is not understood, and the rule."""

    text: str
    expected: str
    reason: str


_STANDING = [
    Case("#define HAS(x) __has_include(x)", "HAS", "It hands on what it is called with."),
    Case("#define HAS(x) __has_include ( x )", "HAS", "With blanks."),
    Case("#define HAS(x) __has_include/* y */(x)", "HAS", "With a comment."),
    Case("# /* x */ define HAS( x ) __has_include(x)", "HAS", "Wherever they stand."),
    Case("#define HAS(x) (1 && __has_include(x))", "HAS", "Among other words."),
    Case("#define HAS(x) __has_include_next(x)", "HAS", "For the next file."),
    Case("#define HAS(x) __has_include__(x)", "HAS", "By the older name."),
    Case("#define HAS(x) __has_embed(x)", "HAS", "For what would be embedded."),
    Case("#define HAS(...) __has_include(__VA_ARGS__)", "HAS", "With any number of arguments."),
    Case("#define HAS(x...) __has_include(x)", "HAS", "That have a name."),
    Case("#define HAS __has_include", "HAS", "Without parameters it is but another name."),
    Case("#define HAS __has_include // x", "?", "What is behind that is not looked through."),
    Case("#define HAS __has_include(", "?", "An open parenthesis is not understood."),
    Case("#define HAS(x, y) __has_include(x)", "?", "Nor are two parameters."),
    Case("#define HAS(x) __has_include(y)", "?", "Nor another name than the parameter."),
    Case("#define HAS(x) __has_include(x.h)", "?", "Nor more than it."),
    Case("#define HAS(x) __has_include(<x.h>)", "?", "Nor a header with the parameter in it."),
    Case("#define HAS(...) __has_include(<__VA_ARGS__>)", "?", "Nor with any number of them."),
    Case("#define HAS(y) __has_include(<x.h>)", "", "One without is like any other header."),
    Case('#define HAS(x) __has_include("x")', "", "A string has no parameters."),
    Case("#define HAS(x) __has_include(x) __has_include(<x>)", "HAS ?", "Each call counts."),
    Case('#define HAS __has_include("a.h")', "", "A header that is named is found where it stands."),
    Case("#define HAS __has_include(X)", "", "A name that is to be computed is, where it stands."),
    Case("#define HAS(x) defined __has_include", "", "Whether there is such a macro asks for no file."),
    Case("#define HAS(x) defined(__has_include)", "", "With parentheses, too."),
    Case("#define HAS(x) defined ( __has_include )", "", "And blanks."),
    Case("#define HAS(x) undefined(__has_include)", "?", "Any other word is another word."),
    Case("#define HAS(x) __has_included(x)", "", "A longer name is another name."),
    Case("#if __has_include(<x>)", "", "A condition names its header."),
    Case('#if __has_include("x")', "", "In either way."),
    Case("#if __has_include(X)", "", "Or what it is computed from."),
    Case("#elif __has_include(7)", "?", "Or something that is not understood."),
    Case("#if __has_include X", "?", "As without parentheses."),
    Case("#if /* x\n */ __has_include X", "?", "In a later line of it, too."),
    Case("#if defined(__has_include) && __has_include(<x>)", "", "The usual form is understood."),
    Case("#ifdef __has_include", "", "Whether there is such a macro is no condition of this kind."),
    Case("#undef __has_include", "", "Nor is its end."),
    Case("int x = __has_include;", "", "Nor code."),
    Case("#if x\nint y = __has_include;", "", "Behind a condition."),
]  # fmt: skip

# How HAS may be called; whether that is odd.
_CALLS = [
    Case('#if HAS("a.h")', "", "It names the header."),
    Case("#if HAS(<a.h>)", "", "In brackets."),
    Case("#if HAS ( <a.h> )", "?", "A blank before the parenthesis is not understood."),
    Case("#if HAS( \t<a.h>\t)", "", "Within, it is."),
    Case("#if HAS(A)", "?", "What a macro names is not."),
    Case("#if HAS", "?", "Nor a name alone."),
    Case("#elif HAS(A)", "?", "In any condition."),
    Case("#define A HAS(B)", "?", "And definition."),
    Case("#define HAS(x) 0", "", "But not its own."),
    Case('#if HAS("a.h") && HAS(A)', "?", "Each call counts."),
    Case('#if HAS("a")', "", "A condition has no other strings."),
    Case('#if 0\n#elif HAS("a/b") && 1', "", "A name may have no suffix."),
    Case('#define A HAS("a")', "?", "In a definition that may be a string like others."),
    Case('#define A HAS("a/b")', "", "Unless it names a folder."),
    Case('#if HAS("a b")', "?", "Or has a blank."),
    Case("#if defined HAS", "", "Whether there is such a macro asks for no file."),
    Case("#if defined(HAS)", "", "With parentheses, too."),
    Case("#if xHAS(A) + HASx(A)", "", "Other words are other macros."),
    Case("#ifdef HAS", "", "This is no call."),
    Case("HAS(A)", "", "Code asks for nothing."),
    Case("#if ALSO(A)", "?", "Each of several macros counts."),
]  # fmt: skip


class StandingTests(SynchronousTestCase):
    def test_standing(self) -> None:
        """Macros that stand for a probe are named, and what is not understood is said to be so."""
        for case in _STANDING:
            found = [(name or b"?").decode() for name in standing_for_probes(case.text.encode())]
            self.assertEqual(" ".join(found), case.expected, case)

    def test_calls(self) -> None:
        """A call that names its header is understood, and no other."""
        for case in _CALLS:
            odd = calls_oddly(case.text.encode(), [b"HAS", b"ALSO"])
            self.assertEqual(odd, case.expected == "?", case)

    def test_compilers(self) -> None:
        """Wherever gcc or clang ask for a.h or A, the scanner knows that, or that it does not know."""
        folder = Path(self.mktemp())
        asking = 0
        for with_header in (False, True):
            (folder / f"{with_header}").mkdir(parents=True)
            if with_header:
                (folder / "True" / "a.h").touch()
            for number, case in enumerate(_CALLS):
                source = f'#define HAS(x) __has_include(x)\n#define A "a.h"\n{case.text}\nyes\n#endif\n'
                (folder / f"{with_header}" / f"{number}.c").write_text(source)
        for compiler in COMPILERS:
            without, there = (_preprocessed(compiler, str(folder / name)) for name in ("False", "True"))
            for number, case in enumerate(_CALLS):
                # In code it is an error, and yet answered.
                if without[number] != there[number] and case.text.startswith("#"):
                    asking += 1
                    text = read_text(case.text.encode())
                    self.assertTrue(case.expected == "?" or ("a.h" in text.components), case)
        self.assertGreater(asking, len(COMPILERS))


def _preprocessed(compiler: str, folder: str) -> list[str]:
    names = [f"{number}.c" for number in range(len(_CALLS))]
    told = subprocess.run(
        [compiler, "-E", "-w", *names],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    starts = [told.find(f'"{name}"') for name in names]
    ends = [*starts[1:], len(told)]
    return [
        "".join(line for line in told[start:end].splitlines() if not line.startswith("#"))
        for start, end in zip(starts, ends, strict=True)
    ]


class PastingTests(SynchronousTestCase):
    def test_parts(self) -> None:
        """A part of a name counts where a macro may paste it: beside ##, or alone in a call or macro."""
        for text, expected in (
            ("x ## ME__", {Part.CLOCK}),
            ("x##TAMP__", {Part.CLOCK}),
            ("x %:%: ATE__", {Part.CLOCK}),
            ("F(__TI, ME__)", {Part.CLOCK}),
            ("F(ME__)", {Part.CLOCK}),
            ("F(ME__ )", {Part.CLOCK}),
            ("F(ME__ + 1)", set()),
            ("F(x ME__)", set()),
            ("x ## ME__ + 1", {Part.CLOCK}),
            ("x##_DATE__", {Part.CLOCK}),
            ("#define B ME__", {Part.CLOCK}),
            ("# define B\tTIME", {Part.WORD}),
            ("#define B ME__ + 1", set()),
            ("#define B x ME__", set()),
            ("#define ME__ x", set()),
            ("x##E__", {Part.CLOCK}),
            ("/* x */ ME__", {Part.CLOCK}),
            ("int ME__;", set()),
            ("x##ME__y", set()),
            ("x##FRAME__", set()),
            ("x##__TIME", {Part.WORD}),
            ("x##_DATE", {Part.WORD}),
            ("F(TIMESTAMP)", {Part.WORD}),
            ("F(TIME_)", {Part.CLOCK}),
            ("TIME", set()),
            ("F(RUNTIME)", set()),
            ("x ## __", {Part.FRAME}),
            ("x ## __y", set()),
            ("F(x, __)", {Part.FRAME}),
            ("F(x__)", set()),
            ("x ## has_include", {Part.PROBE}),
            ("x##_has_include", {Part.PROBE}),
            ("F(has_embed)", {Part.PROBE}),
            ("F(_has_embed)", {Part.PROBE}),
            ("F(include)", {Part.INCLUDE}),
            ("F(embed)", {Part.INCLUDE}),
            ("x##clude", {Part.INCLUDE}),
            ("x##ude", {Part.INCLUDE}),
            ("#include", set()),
            ("__has_", {Part.HAS}),
            ("__has", {Part.HAS}),
            ("__ha", {Part.HAS}),
            ("__has_inc", {Part.HAS}),
            ("__has_include", set()),
            ("__has_include_next", set()),
            ("__has_include__", set()),
            ("__has_embed", set()),
            ("__hash", set()),
            ("__has_attribute", set()),
            ("__has_extension", set()),
            ("__has_include_level", set()),
            ("#define F(x) struct __has_##x", {Part.HAS}),
            ("#define _GLIBCXX_HAS_NESTED_TYPE(x) struct __has_##x {};\n", set()),
            ("#define _GLIBCXX_HAS_NESTED_TYPE(x) struct __has_##x {};\nG(__has_)", {Part.HAS}),
        ):
            self.assertEqual(parts_in(text.encode()), expected, text)

    def test_far(self) -> None:
        """What is looked for before a name is looked for nearby."""
        self.assertEqual(parts_in(b"##" + b" " * 190 + b"ME__"), {Part.CLOCK})
        self.assertEqual(parts_in(b"##" + b" " * 300 + b"ME__"), set())

    def test_together(self) -> None:
        """Some parts make a name by themselves, others in twos."""
        for parts, clock, probe in (
            (set(), False, False),
            ({Part.CLOCK}, True, False),
            ({Part.WORD}, False, False),
            ({Part.FRAME}, False, False),
            ({Part.WORD, Part.FRAME}, True, False),
            ({Part.PROBE}, False, True),
            ({Part.HAS}, False, False),
            ({Part.INCLUDE}, False, False),
            ({Part.HAS, Part.INCLUDE}, False, True),
        ):
            self.assertEqual(
                (makes_clock(frozenset(parts)), makes_probe(frozenset(parts))), (clock, probe), parts
            )


class ComputedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.definitions: dict[bytes, frozenset[Definition | None]] = {
            b"H": frozenset([Definition(None, b'"a.h"')])
        }
        self.looked: list[bytes] = []
        self.computed = Computed()

    def lookup(self) -> Lookup:
        def find(name: bytes) -> frozenset[Definition | None]:
            self.looked.append(name)
            return self.definitions.get(name, frozenset())

        return find

    def headers(self, text: bytes = b"H", kind: Kind = Kind.QUOTED) -> frozenset[Asked]:
        return self.computed.headers(kind, text, self.lookup())

    def define(self, body: bytes) -> None:
        self.definitions[b"H"] = frozenset([Definition(None, body)])

    def test_kinds(self) -> None:
        """Quotes are looked for as the directive does, and brackets elsewhere."""
        for kind, body, expected in (
            (Kind.QUOTED, b'"a.h"', Kind.QUOTED),
            (Kind.QUOTED, b"<a.h>", Kind.ANGLED),
            (Kind.QUOTED_LEAF, b'"a.h"', Kind.QUOTED_LEAF),
            (Kind.QUOTED_LEAF, b"<a.h>", Kind.ANGLED_LEAF),
            (Kind.NEXT, b"<a.h>", Kind.NEXT),
            (Kind.ASSEMBLER_LEAF, b'"a.h"', Kind.ASSEMBLER_LEAF),
        ):
            self.define(body)
            self.assertEqual(self.headers(kind=kind), {Asked(expected, "a.h")})

    def test_remembered(self) -> None:
        """What was computed is looked up by its macros alone, as long as these are the same."""
        first = self.headers()
        whole = len(self.looked)
        self.looked.clear()
        self.assertEqual(self.headers(), first)
        self.assertEqual(self.looked, [b"H"])
        self.assertGreater(whole, 1)

    def test_changed(self) -> None:
        """Another definition makes another name; the old one is still known when it comes back."""
        self.headers()
        self.define(b'"b.h"')
        self.assertEqual(self.headers(), {Asked(Kind.QUOTED, "b.h")})
        self.define(b'"a.h"')
        self.looked.clear()
        self.assertEqual(self.headers(), {Asked(Kind.QUOTED, "a.h")})
        self.assertEqual(self.looked, [b"H"])

    def test_bounded(self) -> None:
        """When there is too much, all is forgotten, and found again."""
        self.patch(computed, "_MOST_REMEMBERED", 2)
        for _ in range(2):
            for name in (b'"a.h"', b'"b.h"', b'"c.h"'):
                self.define(name)
                self.assertEqual(self.headers(), {Asked(Kind.QUOTED, name[1:-1].decode())})
                self.assertLessEqual(len(self.computed._known), 2)
