"""What one text asks for: a small case for each trap of the language, also put to gcc and clang."""

from __future__ import annotations

from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.peers import COMPILERS, headers_read
from twisted_distcc.pump import variants as variants_module
from twisted_distcc.pump.asked import Asked, Kind
from twisted_distcc.pump.pasting import Part
from twisted_distcc.pump.probing import ODD
from twisted_distcc.pump.text import read_text, written_from
from twisted_distcc.pump.variants import TANGLED, variants


class Case(NamedTuple):
    """A text; the kinds and names that it asks for, in their order; and the rule that it shows."""

    text: str
    asked: list[tuple[Kind, str]]
    reason: str


_QUOTED = [(Kind.QUOTED, "a.h")]
_ANGLED = [(Kind.ANGLED, "a.h")]
_BOTH = [(Kind.QUOTED, "a.h"), (Kind.QUOTED, "b.h")]

# What a compiler opens has to be among what is found.
_DIRECTIVES = [
    Case('#include "a.h"', _QUOTED, "The plain form."),
    Case("#include <a.h>", _ANGLED, "Brackets are looked for elsewhere."),
    Case('#include "a.h" ', _QUOTED, "A blank at the end of the text is nothing."),
    Case('#include"a.h"', _QUOTED, "No blank is needed."),
    Case(' \t\v\f# \tinclude\t"a.h"', _QUOTED, "Blanks of all kinds may stand there."),
    Case('int x; #include "a.h"', [], "A directive begins its line."),
    Case('int x;\n#include "a.h"\nint y;', _QUOTED, "Of any line."),
    Case('#included "a.h"', [], "The name of a directive ends where the word does."),
    Case('#include$ "a.h"', [], "A dollar sign is part of a word."),
    Case('#in\\\nclude "a.h"', _QUOTED, "A spliced line is one line."),
    Case('#in\\ \t\nclude "a.h"', _QUOTED, "With blanks behind the backslash, too."),
    Case('#in\\\r\nclude "a.h"', _QUOTED, "And with the ends of lines of DOS."),
    Case('// \\\n#include "a.h"', [], "A comment goes on in a spliced line."),
    Case('#include \\\n"a.h"', _QUOTED, "A directive does."),
    Case("#include <a\\\n.h>", _ANGLED, "A name does."),
    Case('/* x */#include "a.h"', _QUOTED, "A comment is a blank."),
    Case('/* x\n*/ # /* y */ include /* z */ "a.h"', _QUOTED, "Wherever it stands."),
    Case('#/* x\n*/include "a.h"', _QUOTED, "Over the ends of lines."),
    Case('int x; /* x\n*/#include "a.h"', _QUOTED, "Behind code: found, though there is an error."),
    Case('%:include "a.h"', _QUOTED, "%: is another spelling of #."),
    Case('/* x */ %:include "a.h"', _QUOTED, "Behind a comment, too."),
    Case('%:%:include "a.h"', [], "%:%: is one of ##."),
    Case('#include "a%:b.h"', [(Kind.QUOTED, "a%:b.h")], "In a name it is none."),
    Case('#include "a.h" junk', _QUOTED, "What follows the name is ignored."),
    Case("#include <a.h> // <b.h>", _ANGLED, "A comment, too."),
    Case('#include "a.h', [], "A name that nobody closes is none."),
    Case('#include "a.h\n"', [], "It ends with its line."),
    Case("#include 'a.h'", [], "Other quotes name no header."),
    Case("#include <a/*b>", [(Kind.ANGLED, "a/*b")], "In a name no comment begins."),
    Case("#include <a//b>", [(Kind.ANGLED, "a//b")], "Of either kind."),
    Case("#include <a'b>", [(Kind.ANGLED, "a'b")], "Nor any literal."),
    Case('#include "a\\b.h"', [(Kind.QUOTED, "a\\b.h")], "Nor an escape sequence."),
    Case("#include <a b.h>", [(Kind.ANGLED, "a b.h")], "Blanks belong to the name."),
    Case('#if 0\n#include "a.h"\n#else\n#include "b.h"\n#endif', _BOTH, "Every branch is looked at."),
    Case('#ifdef X\n#elif Y\n#include "a.h"\n#endif\n#include "b.h"', _BOTH, "Also the later ones."),
    Case('/*\n#include "a.h"\n*/', _QUOTED, "In a comment it is found in vain, which is no harm."),
    Case('char s[] = "\\\n#include <b.h>\n', [], "A string goes on in a spliced line."),
    Case('char *s = "/*";\n#include "a.h"\n/* */', _QUOTED, "A comment in a string hides nothing."),
    Case('#error don\'t /*\n*/\n#include "a.h"', _QUOTED, "Nor does a quote that nobody closes."),
    Case('char *s = "??/";\n#include "a.h"', _QUOTED, "A trigraph may be one, or not."),
    Case('\ufeff#include "a.h"', _QUOTED, "A byte order mark is nothing."),
    Case('#include "a.h"\n#include "b.h"\n#include "a.h"', _BOTH, "Each name is asked for once."),
    Case('#import "a.h"', _QUOTED, "What is read once is read."),
    Case('#include_next "a.h"', [(Kind.NEXT, "a.h")], "The next one depends on this one's place."),
    Case("#include_next <a.h>", [(Kind.NEXT, "a.h")], "In brackets, too."),
    Case('#pragma push_macro("a.h")', [], "A macro that is put aside is no file."),
    Case('#pragma include "a.h"', [], "A pragma includes nothing."),
]

# What compilers only ask for, or read by other rules: `-M` does not list all of it.
_OTHERS = [
    Case('#embed "a.h"', [(Kind.QUOTED_LEAF, "a.h")], "What is embedded is not read as source."),
    Case("#embed <a.h>", [(Kind.ANGLED_LEAF, "a.h")], "In brackets, too."),
    Case('??=include "a.h"', _QUOTED, "A trigraph may begin a directive."),
    Case('#in??/\nclude "a.h"', _QUOTED, "Or splice a line."),
    Case('??=include "a??(.h"', [(Kind.QUOTED, "a[.h")], "Where one counts, all do."),
    Case('#include "a??(.h"', [(Kind.QUOTED, "a??(.h"), (Kind.QUOTED, "a[.h")], "Or none does."),
    Case('#include "a??/??/b"', [(Kind.QUOTED, "a??/??/b"), (Kind.QUOTED, "a\\\\b")], "Backslashes."),
    Case(
        '#include "a??)??!??<??>??-??\'"',
        [(Kind.QUOTED, "a??)??!??<??>??-??'"), (Kind.QUOTED, "a]|{}~^")],
        "All nine of them.",
    ),
    Case('int x;\r#include "a.h"', _QUOTED, "A carriage return may end a line."),
    Case('#include "a\rb.h"', [(Kind.QUOTED, "a\rb.h")], "Or be part of a name."),
    Case('#\0include "a.h"', _QUOTED, "A zero byte is a blank."),
    Case(
        '#if __has_include("a.h")',
        [(Kind.QUOTED_LEAF, "a.h")],
        "Asking for a file is not reading it.",
    ),
    Case("#if __has_include ( <a.h> )", [(Kind.ANGLED_LEAF, "a.h")], "With blanks and brackets."),
    Case("#if __has_include__(<a.h>)", [(Kind.ANGLED_LEAF, "a.h")], "An older name of the same."),
    Case(
        "#if __has_include_next(<a.h>)",
        [(Kind.NEXT_LEAF, "a.h"), (Kind.ANGLED_LEAF, "a.h")],
        "For the next one; any may be meant.",
    ),
    Case(
        '#if __has_include_next("a.h")',
        [(Kind.NEXT_LEAF, "a.h"), (Kind.QUOTED_LEAF, "a.h")],
        "In quotes, too.",
    ),
    Case('#if __has_embed("a.h")', [(Kind.QUOTED_LEAF, "a.h")], "For what would be embedded."),
    Case("#if __has_embed(<a.h>)", [(Kind.ANGLED_LEAF, "a.h")], "In brackets, too."),
    Case('#if HAS("a.h")', [(Kind.QUOTED_LEAF, "a.h")], "A macro may ask what it is called with."),
    Case("#elif HAS( <a.h> )", [(Kind.ANGLED_LEAF, "a.h")], "In either way."),
    Case('#define X HAS("a.h")', [(Kind.QUOTED_LEAF, "a.h")], "Also out of another macro."),
    Case('#if HAS("a")', [(Kind.QUOTED_LEAF, "a")], "A condition has no other strings."),
    Case('#define X HAS("a")', [], "A definition has."),
    Case('#define X HAS("a/b")', [(Kind.QUOTED_LEAF, "a/b")], "But few with a folder."),
    Case('#define X open("/proc/self/fd")', [], "An absolute path is rarely a header's."),
    Case('#if HAS("/a/b")', [(Kind.QUOTED_LEAF, "/a/b")], "Unless it is asked for."),
    Case('#if X \\\n && HAS("a.h")', [(Kind.QUOTED_LEAF, "a.h")], "In the next line of a condition."),
    Case('#if HAS( "a.h")', [(Kind.QUOTED_LEAF, "a.h")], "One blank or more may stand there."),
    Case('#if HAS(  "a.h")', [(Kind.QUOTED_LEAF, "a.h")], "Two of them."),
    Case("#if HAS(\t<a.h>)", [(Kind.ANGLED_LEAF, "a.h")], "A tab."),
    Case("#if HAS( \t <a.h>)", [(Kind.ANGLED_LEAF, "a.h")], "All of that."),
    Case("#define HAS(x) __has_include(<a b>)", [(Kind.ANGLED_LEAF, "a b")], "A name may have blanks."),
    Case('#if HAS("a.h")\nf("b.h");', [(Kind.QUOTED_LEAF, "a.h")], "The next line is code again."),
    Case('f("a.h");', [], "A call in code asks for nothing."),
    Case('#if X\nf("a.h");', [], "Even behind a condition."),
    Case('f("a.h"); #if X', [], "Or before one."),
    Case('#pragma x ("a.h")', [], "A pragma asks for nothing."),
    Case(
        '#if HAS("a.h") + HAS("b.h")',
        [(Kind.QUOTED_LEAF, "a.h"), (Kind.QUOTED_LEAF, "b.h")],
        "One line may ask twice.",
    ),
    Case('#line 7 "a.y"', [(Kind.ASSEMBLER_LEAF, "a.y")], "gcc quotes the file that a line came from."),
    Case('# 7 "a.y" 1', [(Kind.ASSEMBLER_LEAF, "a.y")], "So does a preprocessed text."),
    Case('#line X "a.y"', [], "Without its number the line is understood by the compiler alone."),
    Case('x #line 7 "a.y"', [], "It begins its line, too."),
    Case('.include "a.s"', [(Kind.ASSEMBLER, "a.s")], "The assembler reads, too."),
    Case('.iNcLuDe "a.s"', [(Kind.ASSEMBLER, "a.s")], "In letters of any case."),
    Case('.INCLUDE "a.s"', [(Kind.ASSEMBLER, "a.s")], "In capitals, too."),
    Case(
        '.Incbin "a"',
        [(Kind.ASSEMBLER_LEAF, "a")],
        "And mixed; what is binary is not read as source.",
    ),
    Case('asm(".incbin \\"a\\"");', [(Kind.ASSEMBLER_LEAF, "a")], "Out of a string."),
    Case(
        'asm("nop\\n.incbin \\"a\\"");',
        [(Kind.ASSEMBLER_LEAF, "a")],
        "Behind the end of a line in it.",
    ),
    Case('asm("nop\\012.incbin \\"a\\"");', [(Kind.ASSEMBLER_LEAF, "a")], "Spelled as a number."),
    Case('x.include "a.s"', [], "A member is no directive."),
    Case('x().include "a.s"', [], "Of a result."),
    Case('x[0].include "a.s"', [], "Of an element."),
    Case('.included "a.s"', [], "Nor is a longer word."),
    Case('.include.x "a.s"', [], "Or a word of more parts."),
]


def _found(text: str) -> list[tuple[Kind, str]]:
    return [(one.kind, one.name) for one in read_text(text.encode()).asked]


class AskedTests(SynchronousTestCase):
    def assert_asked(self, cases: list[Case]) -> None:
        wrong = [(case, found) for case in cases if (found := _found(case.text)) != case.asked]
        self.assertEqual(wrong, [], "\n".join(map(str, wrong)))

    def test_directives(self) -> None:
        """Each form of a directive names what it should, and nothing else."""
        self.assert_asked(_DIRECTIVES)

    def test_others(self) -> None:
        """So does each other way to ask for a file."""
        self.assert_asked(_OTHERS)

    def test_compilers(self) -> None:
        """Whatever gcc and clang open is found, with trigraphs and without."""
        cases = [*_DIRECTIVES, *_OTHERS]
        texts = [case.text.encode() + b"\n" for case in cases]
        opened: set[str] = set()
        for compiler in COMPILERS:
            for options in ((), ("-trigraphs",)):
                found = headers_read(compiler, texts, self.mktemp(), options=options)
                for case, names in zip(cases, found, strict=True):
                    known = {name.replace("\\", "/") for _, name in case.asked}
                    self.assertLessEqual({name.replace("\\", "/") for name in names}, known, case)
                    opened |= names
        self.assertLessEqual({"a.h", "b.h", "a[.h"}, opened)

    def test_components(self) -> None:
        """Each part of each name counts when something comes or goes in a folder."""
        self.assertEqual(read_text(b'#include "a/b.h"\n#include <c>').components, {"a", "b.h", "c"})

    def test_plain(self) -> None:
        """A text that only includes is nothing special."""
        self.assertFalse(read_text(b'#include "a.h"').special)


class ComputedTests(SynchronousTestCase):
    def test_computed(self) -> None:
        """What stands in place of a name is taken to the end of its line."""
        quoted, angled = Kind.QUOTED, Kind.QUOTED_LEAF
        for text, expected in (
            (b"#include H", [(quoted, b"H")]),
            (b"#include H // x", [(quoted, b"H // x")]),
            (b"#include H /* x\ny */ z\nint", [(quoted, b"H /* x\ny */ z")]),
            (b'#include T("x\n")', [(quoted, b'T("x')]),
            (b"#include <a\n.h>", [(quoted, b"<a")]),
            (b"#import H", [(quoted, b"H")]),
            (b"#include_next H", [(Kind.NEXT, b"H")]),
            (b"#embed H", [(angled, b"H")]),
            (b"#line 7 H", [(Kind.ASSEMBLER_LEAF, b"H")]),
            (b"#if __has_include(H)", [(angled, b"H)")]),
            (b"#if __has_include_next(H)", [(Kind.NEXT_LEAF, b"H)")]),
            (b"#include 7", []),
            (b"#include", []),
            (b"#define HAS(x) __has_include(x)", []),
            (b"#ifdef __has_include(x)", []),
            (b"#define HAS __has_include(x)", [(angled, b"x)")]),
            (b"#define HAS __has_include(<N.h>)", [(angled, b"<N.h>")]),
            (b"#define HAS __has_include(<N b>)", [(angled, b"<N b>")]),
            (b"#define HAS(x) __has_include(<N.h>)", [(angled, b"<N.h>")]),
            (b"#if HAS(<N.h>)", [(angled, b"<N.h>")]),
        ):
            found = read_text(text)
            self.assertEqual(list(found.computed), expected, text)
            self.assertEqual(found.special, bool(expected or found.probes), text)


class SpecialTests(SynchronousTestCase):
    """What is noted beside names; each makes a text special."""

    def test_once(self) -> None:
        """A pragma that has a file read once may come out of a macro, so the word will do."""
        for text, once in (
            (b"#pragma once", True),
            (b"P(once)", True),
            (b"nonce", False),
            (b"once_more", False),
        ):
            self.assertEqual((read_text(text).once, read_text(text).special), (once, once), text)

    def test_imports(self) -> None:
        """#import has others read once."""
        for text, imports in ((b'# import "a.h"', True), (b"import std;", False)):
            self.assertEqual(
                (read_text(text).imports, read_text(text).special), (imports, imports), text
            )

    def test_clocks(self) -> None:
        """A macro that says the time counts in code alone: not in comments, nor in what is quoted.

        What is in a raw string may be code in strict ISO C.
        """
        for text, clocks in (
            ("x = __DATE__;", "__DATE__"),
            ("x = __TIME__ __TIMESTAMP__;", "__TIMESTAMP__ __TIME__"),
            ("x__DATE__ __DATE__x $__DATE__", ""),
            ('"__DATE__"', ""),
            ("'__DATE__'", ""),
            ("// __DATE__", ""),
            ("// x\n__DATE__", "__DATE__"),
            ("/* __DATE__ */", ""),
            ("/* __DATE__", "__DATE__"),
            ("/* x */ __DATE__ /* y */", "__DATE__"),
            ('R"(__DATE__)"', ""),
            ('R"x( __DATE__ )" )x"', ""),
            ('R"x(" __DATE__ )x"', "__DATE__"),
            ('R"x( )" __DATE__ )x" __TIME__', "__DATE__ __TIME__"),
            ('R"x( ) __DATE__ )x" __TIME__', "__TIME__"),
            ('u8R"( __DATE__ )"', ""),
            ('xR"(" __DATE__ ")"', "__DATE__"),
            ('R"( __DATE__', "__DATE__"),
            ("1'000 __DATE__ '1'", "__DATE__"),
            ("0x1p+'__DATE__'", ""),
            ("don't __DATE__", "__DATE__"),
            ('"\\" __DATE__"', ""),
            ('"\n __DATE__ "', "__DATE__"),
            ('"\n" __DATE__ "', ""),
            ("#define __DATE__ 1", ""),
            ("#undef __DATE__", ""),
            ("#ifdef __DATE__", ""),
            ("#ifndef __DATE__", ""),
            ("#if __DATE__", "__DATE__"),
            ("#define X __DATE__", "__DATE__"),
        ):
            found = read_text(text.encode())
            self.assertEqual(b" ".join(sorted(found.clock)).decode(), clocks, text)
            self.assertEqual(found.special, bool(clocks), text)

    def test_parts(self) -> None:
        """Parts of names that macros may paste are found in every variant of the text."""
        found = read_text(b"CAT(__TI, ME_\\\n_)")
        self.assertEqual((found.parts, found.special), ({Part.CLOCK}, True))

    def test_probes(self) -> None:
        """A macro that stands for __has_include is named."""
        found = read_text(b"#define HAS(x) __has_include(x)")
        self.assertEqual((found.probes, found.forbids, found.special), ({b"HAS"}, "", True))

    def test_forbidden(self) -> None:
        """What looks at files in ways of its own has the unit stay where it is, and is named."""
        for text, said in (
            (b'#pragma GCC dependency "x"', "GCC dependency"),
            (b'_Pragma("GCC dependency \\"x\\"")', "GCC dependency"),
            (b"#pragma GCC dependency <x>", "GCC dependency"),
            (b'#pragma GCC /* x */ pch_preprocess "x"', "GCC /* x */ pch_preprocess"),
            (b"#pragma clang module import x", "clang module"),
            (b'#pragma include_alias("a.h", "b.h")', "include_alias"),
            (b".incbin NAME", ".incbin"),
            (b'.include "%x"', ".include"),
            (b"#if __has_include(__FILE__, 1) + __has_include 7", ODD),
            (b"/* " * 20_000, TANGLED),
        ):
            found = read_text(text)
            self.assertIn(said, found.forbids)
            self.assertTrue(found.special)
        for text in (b"#pragma GCC poison x", b"// pch_preprocess", b"#pragma clang modules"):
            self.assertEqual(read_text(text).forbids, "", text)

    def test_parts_in_code(self) -> None:
        """Only code has parts that a macro may paste: neither comments nor strings have."""
        for text in (b"// below, include\n", b'f("(TIME__)");', b"/* __has_ ## include */"):
            self.assertEqual(read_text(text).parts, frozenset(), text)
        self.assertEqual(read_text(b"F(/* x */ include)").parts, {Part.INCLUDE})

    def test_forbidden_in_comments(self) -> None:
        """Comments forbid nothing, as in headers of the kernel; what only looks like one is none."""
        for text in (
            b'/* from C via asm(".include <asm/nospec-branch.h>") */ int x;',
            b"// .incbin NAME\n/* #pragma clang module import x */",
            b"'/*' /* .incbin NAME */",
        ):
            self.assertEqual(read_text(text).forbids, "", text)
        for text in (
            b'char *s = "/*"; asm(".incbin NAME"); // */',
            b"/* x */ .incbin NAME /* y */",
            b"#error don't /*\n.incbin NAME\n#error don't */",
            b'asm("// .incbin NAME");',
        ):
            self.assertIn(".incbin", read_text(text).forbids, text)


class VariantTests(SynchronousTestCase):
    def test_variants(self) -> None:
        """A text is read in as many ways as compilers may."""
        for text, expected in (
            (b"a", [b"a"]),
            (b"\xef\xbb\xbfa", [b"a"]),
            (b"a\0b", [b"a b"]),
            (b"a\r\nb", [b"a\nb"]),
            (b"a\rb", [b"a\rb", b"a\nb"]),
            (b"a??=b", [b"a??=b", b"a#b"]),
            (b"a\\\nb", [b"ab"]),
            (b"a\\ \nb", [b"ab"]),
            (b"a\\b", [b"a\\b"]),
            (b"%:a %:b\n%:c", [b"#a %:b\n#c"]),
            (b"??=\r", [b"??=\r", b"#\r", b"??=\n", b"#\n"]),
        ):
            self.assertEqual(list(variants(text)), expected, text)

    def test_tangled(self) -> None:
        """A text whose comments begin again and again is read as long as that takes little time."""
        self.patch(variants_module, "_REREAD_AT_LEAST", 100)
        self.patch(variants_module, "_MOST_REREAD", 2)
        # Of 30 bytes, four beginnings make 120, and six make 180; allowed are 2 * 32 + 100.
        for begins, read in ((4, 1), (6, 0)):
            text = b"/* " * begins + b"x" * (30 - 3 * begins) + b"*/"
            self.assertEqual(len(list(variants(text))), read, begins)

        self.assertEqual(len(list(variants(b"/* x */" * 50))), 1)

    def test_written_from(self) -> None:
        """A generated text says what it was made of; brackets name no file there."""
        text = b'#line 1 "a.y"\n# 2 "b.y" 3\n#line 3 <c.y>\nx #line 4 "d.y"\n#line 5 "a.y"'
        self.assertEqual(written_from(text), {"a.y", "b.y"})

    def test_asked_is_a_value(self) -> None:
        """Names are as they are on the disk, whatever bytes they have."""
        [asked] = read_text(b'#include "\xff.h"').asked
        self.assertEqual(asked, Asked(Kind.QUOTED, "\udcff.h"))
