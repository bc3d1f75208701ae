"""Macros that make the names of headers: one small case for each rule, also put to gcc and clang."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.peers import COMPILERS, headers_read
from twisted_distcc.pump import macro_bounds
from twisted_distcc.pump.definitions import definitions_in, search
from twisted_distcc.pump.macro_bodies import Definition, parameters_of
from twisted_distcc.pump.macros import Lookup, headers
from twisted_distcc.pump.unit import UndecidedError


class Case(NamedTuple):
    """What an `#include` of `words` names behind the lines `defined`, and the rule that it shows."""

    defined: str
    words: str
    expected: str | None
    reason: str


_STRING = "#define T(x) #x\n#define S(x) T(x)\n"
_VARIADIC = "#define T(...) #__VA_ARGS__\n#define S(...) T(__VA_ARGS__)\n"
_CAT = "#define CAT(x, y) x##y\n#define C(x, y) CAT(x, y)\n"

# Headers are parted by blanks; None is undecided.  The compilers have to agree with each.
_CASES = [
    Case('#define H "a.h"', "H", '"a.h"', "A macro may be the whole name."),
    Case("#define H <a.h>", "H", "<a.h>", "Brackets stay brackets."),
    Case("#define H I\n#define I <a.h>", "H", "<a.h>", "The result is scanned again."),
    Case("#define H H1\n#define H1 H", "H", "", "No macro is expanded within itself."),
    Case("#define H() <a.h>", "H()", "<a.h>", "An empty list of arguments is a call."),
    Case("#define H() <a.h>", "H ( )", "<a.h>", "Blanks are no part of a call."),
    Case("#define H() <a.h>", "H", "", "Without a call, such a macro stays a name."),
    Case("#define H() <a.h>", "H(x)", "", "One argument is too many for none, which is an error."),
    Case("#define H(x) <a.h>", "H()", "<a.h>", "One parameter takes an empty argument."),
    Case("#define H(x, y) x", "H(<a.h>)", "", "Too few arguments are an error."),
    Case("#define H(x, y) x", "H(<a.h>,)", "<a.h>", "An argument behind a comma may be empty."),
    Case("#define H(x, y) x", "H(<a.h>, 1, 2)", "", "Too many arguments are an error."),
    Case("#define H(x) x", "H((1), <a.h>)", "", "A comma within parentheses alone parts nothing."),
    Case("#define H (x) <a.h>", "H", "", "A blank before the parenthesis makes it part of the body."),
    Case("#define H <a.h> junk", "H", "<a.h>", "What stands behind a header is ignored."),
    Case('#define H "a.h" junk', "H", '"a.h"', "The same holds for quotes."),
    Case("#define L <\n#define N a.h", "L N>", "<a.h> < a.h>", "Blanks in brackets count, or do not."),
    Case(
        "#define N a",
        "<N.h>",
        "<N.h> <a.h>",
        "The first token is a header for gcc alone; both are found.",
    ),
    Case(_STRING, "T(a.h)", '"a.h"', "# makes a string of what its argument says."),
    Case(_STRING + "#define N a", "T(N.h)", '"N.h"', "The argument of # is not expanded."),
    Case(_STRING + "#define N a", "S(N.h)", '"a.h"', "Any other argument is expanded first."),
    Case(_STRING, "T(  a.h  )", '"a.h"', "Blanks around an argument are no part of it."),
    Case(_STRING, "T(d / a.h)", '"d / a.h" "d/ a.h" "d /a.h" "d/a.h"', "Blanks within one are."),
    Case(_STRING, "T((a.h))", '"(a.h)"', "Parentheses are part of the string."),
    Case(_STRING, "T((a,b).h)", '"(a,b).h"', "And a comma within them."),
    Case(_STRING, "T('a'.h)", "\"'a'.h\"", "A character stays as it is written."),
    Case(_STRING, 'T("a".h)', None, "clang escapes no quotes of a directive's string."),
    Case(_STRING, 'T(<"a">.h)', None, "Nor those between its brackets."),
    Case("#define F(x) x", "F(<a//b.h>)", "<a//b.h>", "clang sees no comment in brackets."),
    Case("#define F(x) x", "F(<a/*x*/b.h>)", "<a/*x*/b.h> <a b.h> <ab.h>", "gcc does."),
    Case("#define F(x) x\n#define a b", "F(<a.h>)", "<a.h> <b.h>", "To gcc, brackets are operators."),
    Case("#define F(x) x", "F(<a)b.h>)", "<a)b.h> <ab.h>", "clang sees no parenthesis there."),
    Case("#define T(x) # x", "T(a.h)", '"a.h"', "A blank may stand behind #."),
    Case("#define T(x) %:x", "T(a.h)", '"a.h"', "%: is another spelling of #."),
    Case("#define H #x", "H", "", "Without parameters, # is a token like others."),
    Case(_VARIADIC, "T(a, b.h)", '"a, b.h" "a,b.h"', "The rest of the arguments is one, with commas."),
    Case(_VARIADIC, "S(a.h)", '"a.h"', "It is expanded as one."),
    Case("#define T(x...) #x", "T(a,b.h)", '"a,b.h"', "GNU gives the rest a name."),
    Case("#define T(x, ...) x", "T(<a.h>)", "<a.h>", "The rest may be left out altogether."),
    Case("#define T(x, y, ...) x", "T(<a.h>)", "", "What stands before the rest may not."),
    Case("#define T(x, ...) #__VA_ARGS__", "T(1, 2, a.h)", '"2, a.h" "2,a.h"', "It is what follows."),
    Case(_CAT + "#define AB <a.h>", "CAT(A, B)", "<a.h>", "## makes one name of two."),
    Case(
        _CAT + "#define AB <a.h>\n#define A X\n#define B Y",
        "CAT(A, B)",
        "<a.h>",
        "Beside ## no argument is expanded.",
    ),
    Case(
        _CAT + "#define XY <a.h>\n#define A X\n#define B Y",
        "C(A, B)",
        "<a.h>",
        "One call more, and both are.",
    ),
    Case(_CAT + "#define A <a.h>", "CAT(, A)", "<a.h>", "An empty argument pastes to what is there."),
    Case(_CAT + "#define A <a.h>", "CAT(A, )", "<a.h>", "On either side."),
    Case(
        "#define AB <a.h>\n#define J(x, y) x %:%: y",
        "J(A, B)",
        "<a.h>",
        "%:%: is another spelling of ##.",
    ),
    Case("#define ABC <a.h>\n#define J(x) A##x##C", "J(B)", "<a.h>", "Pasting goes on with its result."),
    Case("#define AC <a.h>\n#define J(x) A##x##C", "J()", "<a.h>", "Also over nothing."),
    Case(
        _STRING + "#define J(x) x##1/a.h\n#define X y",
        "S(J(X))",
        '"X1/a.h"',
        "A pasted name is a new name.",
    ),
    Case(
        "#define J(x, y) x##y\n#define AB J",
        "J(A, B)",
        "",
        "What ## makes is no macro within itself.",
    ),
    Case("#define F(x) <x>\n#define G F", "G(a.h)", "<a.h>", "A call may begin in a macro's result."),
    Case("#define F(x) <x>\n#define LP (", "F LP a.h)", "", "A parenthesis may not: it comes too late."),
    Case(
        _STRING + "#define E\n#define L T E (a.h)",
        "L",
        "",
        "What a macro leaves is not scanned as a call.",
    ),
    Case("#define F(x) x\n#define H <a.h>", "F(F)(H)", "", "F within F's own argument stays hidden."),
    Case(
        _STRING + "#define I(x) x", "I(T)(a.h)", '"a.h"', "A macro that an argument names may be called."
    ),
    Case(_STRING + "#define N /* x */ a.h", "S(N)", '"a.h"', "A comment is a blank."),
    Case(_STRING + "#define N a.h // x", "S(N)", '"a.h"', "Also one that ends with its line."),
    Case(_STRING + "#define N a\\\n.h", "S(N)", '"a.h"', "A spliced line is one line."),
    Case('#define H "a.h" /* x\n y */', "H", '"a.h"', "A comment may go on in the next line."),
    Case('#define H "d/*a.h"', "H", '"d/*a.h"', "No comment begins in a string."),
    Case(_STRING + "#define N 1.2e+3", "T(1.h)", '"1.h"', "Numbers of the preprocessor have letters."),
    Case("#define H 1", "H", "", "A number is no header, which is an error."),
    Case("", "words in a comment", "", "Nor are words that nobody defines."),
    Case(_STRING + "#define defined x", "T(defined.h)", '"defined.h"', "`defined` is a word here."),
    Case("#define V(...) __VA_OPT__(<a.h>)", "V(x)", None, "__VA_OPT__ depends on the standard."),
    Case("#define V(x, ...) #__VA_OPT__(x)", "V(a.h, 1)", None, "Also behind #."),
    Case("#define V(x, y...) <x, ##y>", "V(a.h)", None, "So does a comma before ## and the rest."),
    Case("#define V(x, ...) <x , ## __VA_ARGS__>", "V(a.h)", None, "With blanks, and the usual name."),
    Case("", "__FILE__", None, "Where the file lies is for the compiler to say."),
    Case(_STRING, "S(__LINE__.h)", None, "So is where it is in the file."),
    Case("", "__has_feature(x)", None, "Names that the compiler may know are no macro's."),
    Case("", "__OWN_NAME__", None, "Nor are those in its name space."),
    Case("#define H <a->", "H", None, "`->` ends no header for gcc."),
    Case("#define L <\n#define N a.h", "L N>>", None, "`>>` may be one token."),
    Case("#define L <\n#define N a.h", "L N>=", None, "And so may `>=`."),
    Case(_STRING, "T(it's.h)", None, "A quote that nobody closes is read in two ways."),
    Case(_STRING + "#define N 1'0", "S(N.h)", None, "A number's quote belongs to some standards."),
    Case('#define H u8"a.h"', "H", None, "A literal's prefix does so, too."),
    Case(_STRING, "T(a\\)", None, "A string may not end in a backslash."),
    Case("#define H \x01", "H", None, "Control characters are what this module marks words with."),
    Case("#define H", "H", "", "Nothing is no header, which is an error."),
    Case("#define H >a.h", "H", "", "Nor is what only ends like one."),
    Case("#define H #<a.h>", "H", "", "Nor a header behind something else."),
    Case("#define H(x) <a.h>", "H a)", "", "Without its parenthesis, a call is none."),
    Case("", "words of __FILE__", "", "Behind a word that is no macro nothing matters."),
    Case("#define H x N\n#define N __FILE__", "H", "", "Nor behind what begins no header."),
    Case('#define H "a.h" N\n#define N __FILE__', "H", '"a.h"', "Nor behind a header in quotes."),
    Case("#define H <a.h> N\n#define N __FILE__", "H", "<a.h>", "Nor behind one in brackets."),
    Case('#define __H__ "a.h"', "__H__", '"a.h"', "A name like the compiler's own may be a macro."),
    Case("#define H <a.h>=x", "H", None, "`>=` stands in a longer text, too."),
    Case(
        _STRING + "#define A B/x\n#define B A/y",
        "S(A.h)",
        '"A/y/x.h"',
        "Nor within another's expansion.",
    ),
    Case(
        _STRING + "#define I(x) x\n#define N N/a",
        "S(I(N).h)",
        '"N/a.h"',
        "What was hidden in an argument stays so.",
    ),
    Case(
        _STRING + "#define F(a) a/G\n#define G(a) F(a)",
        "S(F(2)(9))",
        '"2/9/G" "2/F(9)"',
        "The standard leaves open whether G's own call may hold F.",
    ),
    Case(
        _STRING + "#define J(x, y) T x##y (a.h)",
        "J(,)",
        '"a.h"',
        "Nothing pasted to nothing is nothing.",
    ),
    Case("#define J(x) <d/A##x##B/e.h>", "J(1)", "<d/A1B/e.h>", "What stands before and after stays."),
    Case("#define J(x) <A##x>", "J(1/b.h)", "<A1/b.h>", "Only the first token on the right is pasted."),
    Case("#define J(x) <x##A>", "J(b/1)", "<b/1A>", "Only the last on the left."),
    Case("#define V(...) <a##__VA_ARGS__>", "V(b.h)", "<ab.h>", "Pasting the rest to a word is plain."),
    Case("#define V(x, ...) <x,__VA_ARGS__>", "V(a,b.h)", "<a,b.h>", "So is a comma without ##."),
    Case(
        "#define F(x, y) <x/y>",
        "F(d, a.h)",
        "<d/ a.h> <d/a.h>",
        "gcc keeps the blank of an argument.",
    ),
    Case("#define F(...) <d/__VA_ARGS__>", "F( a.h )", "<d/ a.h> <d/a.h>", "Before it, and not behind."),
    Case(
        "#define F(x, y) <x/y>\n#define G(x, y) F(x,y)",
        "G(d, a.h)",
        "<d/ a.h> <d/a.h>",
        "Also when it is handed on.",
    ),
    Case("#define V(x, ...) <x##__VA_OPT__(y)>", "V(a, 1)", None, "And behind ##."),
    Case(_STRING, "T('\\\\'.h)", "\"'\\\\\\\\'.h\"", "In a character, # escapes backslashes."),
    Case(_STRING, "T('\"'.h)", '"\'\\"\'.h"', "And quotes."),
    Case(_STRING, "T(d\\a.h)", '"d\\a.h"', "Elsewhere, it escapes nothing."),
    Case(_STRING, "T(X\\)", None, "The backslash at the end counts, whatever is before it."),
    Case(
        "#define BOOST_PP_TUPLE_ELEM(i, t) E##i t\n#define E1(a, b, c) b",
        "BOOST_PP_TUPLE_ELEM(1, (__FILE__, <a.h>, <b.h>))",
        "<a.h>",
        "Of a tuple only the element that is meant is expanded.",
    ),
    Case(
        "#define BOOST_PP_TUPLE_ELEM(n, i, t) E##i t\n#define E1(a, b, c) b\n#define D D2\n"
        "#define D2 (__FILE__, <a.h>, <b.h>)",
        "BOOST_PP_TUPLE_ELEM(3, 1, D)",
        "<a.h>",
        "Its size may be given, and a macro may make it.",
    ),
    Case(
        "#define BOOST_PP_ARRAY_ELEM(i, d) E##i d\n#define E1(n, t) E2 t\n#define E2(a, b) b",
        "BOOST_PP_ARRAY_ELEM(1, (2, (__FILE__, <a.h>)))",
        "<a.h>",
        "An array is its size, and a tuple.",
    ),
]

_DYNAMIC = (
    *("__FILE__", "__BASE_FILE__", "__FILE_NAME__", "__LINE__", "__COUNTER__", "__INCLUDE_LEVEL__"),
    *("__DATE__", "__TIME__", "__TIMESTAMP__", "__VA_OPT__", "_Pragma", "__pragma"),
    *("__identifier", "__building_module", "__MODULE__"),
)

# Here several definitions of a name are known, and each may hold.  Each way is one that compilers go.
_WAYS = [
    Case('#define H "a.h"\n#define H "b.h"', "H", '"a.h" "b.h"', "Either may hold."),
    Case("#define H <a.h>\n#undef H", "H", "<a.h>", "Where nothing defines it, there is an error."),
    Case(_STRING + "#define N a\n#undef N", "S(N.h)", '"a.h" "N.h"', "As part of a name, it stays."),
    Case(
        _STRING + "#define N a\n#define N b\n#define M c\n#define M d",
        "S(N/M.h)",
        '"a/c.h" "a/d.h" "b/c.h" "b/d.h"',
        "Each of one goes with each of the other.",
    ),
    Case(
        _STRING + "#define N a\n#define N M\n#define M c",
        "S(N.h)",
        '"a.h" "c.h"',
        "Both are scanned again.",
    ),
    Case(_STRING + "#define N a\n#define N", "S(N.h)", '"a.h" ".h"', "One of them may be nothing."),
    Case("#define H <a.h>\n#define H() <b.h>", "H()", "<a.h> <b.h>", "One may be called, and one not."),
    Case(
        _CAT + "#define N A\n#define N B\n#define AX <a.h>\n#define BX <b.h>",
        "C(N, X)",
        "<a.h> <b.h>",
        "Words that stand for several are pasted as each.",
    ),
    Case(
        _CAT + "#define N A\n#define N B\n#define XA <a.h>\n#define XB <b.h>",
        "C(X, N)",
        "<a.h> <b.h>",
        "On the right, too.",
    ),
    Case(
        _STRING + "#define N a b\n#define N c", "S(N.h)", '"a b.h" "ab.h" "c.h"', "Blanks stay doubtful."
    ),
    Case(
        _STRING + "#define N F\n#define N G\n#define F(x) x\n#define G(x) b",
        "S(N(a).h)",
        '"a.h" "b.h"',
        "A name of what is called is no plain word.",
    ),
    Case("#define H(x) <a.h>\n#undef H", "H(1)", "<a.h>", "A call of what is no macro names nothing."),
    Case(
        _STRING + _CAT + "#define N d/A\n#define N e/B",
        "S(C(N, X).h)",
        '"d/AX.h" "e/BX.h"',
        "Of several words, the last is pasted to what follows.",
    ),
    Case(
        _STRING + _CAT + "#define N d/A\n#define N e/B",
        "S(C(X, N).h)",
        '"Xd/A.h" "Xe/B.h"',
        "And the first to what comes before.",
    ),
    Case(
        _STRING + _CAT + "#define N d A\n#define N e",
        "S(C(N, X).h)",
        '"d AX.h" "dAX.h" "eX.h"',
        "A blank between them stays doubtful.",
    ),
    Case(
        _STRING + _CAT + "#define N\n#define N e",
        "S(C(N, X).h)",
        '"X.h" "eX.h"',
        "Pasted to nothing, too.",
    ),
    Case(_STRING, "T(X\\\\)", '"X\\\\"', "Two of them are none at the end."),
    # What gcc takes for an error may name what it likes, and must not end the scan.
    Case("#define H ##<a.h>", "H", "", "A body that begins with ##."),
    Case("#define H <a.h>##", "H", "<a.h>", "A body that ends with it."),
    Case("#define H(x) <a.h> #", "H(1)", "<a.h>", "A body that ends with #."),
    Case("#define J(x) <x##/a.h>", "J(b)", "<b/a.h>", "Two tokens that ## makes none of."),
    Case("#define V(a, axxx) <x,##a>", "V(b, 1)", "<x,b>", "A comma pasted to an argument."),
    Case("#define V(x, ...) <a,##x>", "V(b)", "<a,b>", "Also where there are more of them."),
    Case("#define J(x) x ## #x", "J()", '""', "A string pasted to nothing."),
    Case(
        "#define BOOST_PP_TUPLE_ELEM(i, t) t",
        "BOOST_PP_TUPLE_ELEM(1, (a))",
        "",
        "An element too far.",
    ),
    Case(
        "#define BOOST_PP_TUPLE_ELEM(i, t) t",
        "BOOST_PP_TUPLE_ELEM(i, (a))",
        "",
        "One without number.",
    ),
    Case("#define BOOST_PP_TUPLE_ELEM(t) t", "BOOST_PP_TUPLE_ELEM((a))", "", "One of no tuple."),
    Case("#define BOOST_PP_TUPLE_ELEM(i, t) t", "BOOST_PP_TUPLE_ELEM(0, a)", "", "One of a mere word."),
    Case(
        "#define BOOST_PP_ARRAY_ELEM(i, t) t",
        "BOOST_PP_ARRAY_ELEM(0, (<a.h>))",
        "<a.h>",
        "A short array.",
    ),
    Case(
        "#define BOOST_PP_TUPLE_ELEM(i, t) t\n#define D (<a.h>)\n#define D (<b.h>)\n#define D(x) x\n"
        "#undef D",
        "BOOST_PP_TUPLE_ELEM(0, D)",
        "<a.h> <b.h>",
        "Elements of each tuple that there may be.",
    ),
]


def _lookup(defined: str) -> Lookup:
    lines = definitions_in(defined.encode())

    def find(name: bytes) -> frozenset[Definition | None]:
        assert name.replace(b"_", b"a").isalnum(), name  # nothing but names is looked for
        return frozenset(search(lines, name))

    return find


def _found(case: Case) -> str | None:
    try:
        return " ".join(
            sorted(found.decode() for found in headers(case.words.encode(), _lookup(case.defined)))
        )
    except UndecidedError:
        return None


def _sorted(headers: str) -> str:
    """Order headers, whose names may have blanks, as `_found` does."""
    pieces = headers.replace('" ', '"\n').replace("> ", ">\n").split("\n")
    return " ".join(sorted(pieces))


class HeadersTests(SynchronousTestCase):
    def test_rules(self) -> None:
        """Each rule of expansion makes the headers that it should, and no others."""
        wrong = []
        for case in (*_CASES, *_WAYS):
            expected = None if case.expected is None else _sorted(case.expected)
            if (found := _found(case)) != expected:
                wrong.append((case, found))
        self.assertEqual(wrong, [])

    def test_compilers(self) -> None:
        """What gcc and clang open is among what is expected, and nothing where that is nothing."""
        texts = [f"{case.defined}\n#include {case.words}\n".encode() for case in _CASES]
        wrong = []
        opened: list[set[str]] = [set() for _ in texts]
        for compiler in COMPILERS:
            found = headers_read(compiler, texts, self.mktemp())
            for case, read, names in zip(_CASES, found, opened, strict=True):
                names.update(name.replace("\\", "/") for name in read)
                if case.expected is not None and not names <= _names(case.expected):
                    wrong.append((compiler, case, names))
        self.assertEqual(wrong, [], "\n".join(map(str, wrong)))
        needless = [c for c, o in zip(_CASES, opened, strict=True) if c.expected and not o]
        self.assertEqual(needless, [])

    def test_what_only_the_compiler_knows(self) -> None:
        """Names of the compiler's own leave it undecided, though a text may seem to define them."""
        for name in _DYNAMIC:
            for defined in ("", f'#define {name} "a.h"', f'#define {name}(x) "a.h"'):
                self.assertIsNone(_found(Case(defined, f"{name}(x)", None, "")), (name, defined))


def _repeated(names: int) -> str:
    return "\n".join(f"#define N n{number}\n#define M m{number}" for number in range(names))


class BoundTests(SynchronousTestCase):
    """What takes too long is undecided, and so does no harm; one less is followed."""

    def assert_bounded(self, case: Callable[[int], Case], most: int, said: str) -> None:
        self.assertTrue(_found(case(most)), said)
        one_more = case(most + 1)
        error = self.assertRaises(
            UndecidedError, headers, one_more.words.encode(), _lookup(one_more.defined)
        )
        self.assertIn(said, str(error))

    def test_names(self) -> None:
        """A text becomes 5,000 names at most: 70 times 70 are less."""
        self.assert_bounded(
            lambda names: Case(_STRING + _repeated(names), "S(N/M.h)", "", ""), 70, "make are too many"
        )

    def test_blanks(self) -> None:
        """Six blanks in a name may be there or not."""
        self.assert_bounded(
            lambda blanks: Case(_STRING, f"T({'a ' * blanks}.h)", "", ""), 6, "a name with many blanks"
        )

    def test_nested(self) -> None:
        """Arguments are nested in arguments forty deep."""
        self.assert_bounded(
            lambda deep: Case("#define I(x) x", f"{'I(' * deep}<a.h>{')' * deep}", "", ""),
            40,
            "nested too deeply",
        )

    def test_beside_each_other(self) -> None:
        """Calls beside each other are nested in nothing."""
        self.assertEqual(_found(Case(_STRING + "#define I(x) x", f"S({'I(a)/' * 45}b.h)", "", "")),
                         f'"{"a/" * 45}b.h"')  # fmt: skip

    def test_steps(self) -> None:
        """Macros that lead from one to the next are followed for 2,000 steps."""
        chain = "\n".join(f"#define A{number} A{number + 1}" for number in range(900))
        self.assertEqual(_found(Case(f"{chain}\n#define A900 <a.h>", "A0", "", "")), "<a.h>")
        self.patch(macro_bounds, "_MOST_STEPS", 500)
        self.assertIsNone(_found(Case(f"{chain}\n#define A900 <a.h>", "A0", None, "")))

    def test_bytes(self) -> None:
        """A text that doubles with each macro is given up before it fills the memory."""
        doubling = "#define D(x) x x\n" + _STRING
        error = self.assertRaises(
            UndecidedError, headers, f"S({'D(' * 20}a{')' * 20})".encode(), _lookup(doubling)
        )
        self.assertIn("too long a text", str(error))

    def test_ways_that_are_one(self) -> None:
        """Names of many macros with many definitions each take no step for each combination."""
        defined = "\n".join(f"#define {name} {name}{n}" for name in "ABCDEF" for n in range(4))
        found = headers(b"S(A/B/C/D/E/F.h)", _lookup(f"{_STRING}{defined}"))
        self.assertEqual(len(found), 4**6)


class ParametersTests(SynchronousTestCase):
    def test_parameters(self) -> None:
        """The rest of the arguments has a name, whichever way it is written."""
        for listed, expected in (
            (b"", ()),
            (b" ", ()),
            (b"x", (b"x",)),
            (b" x , y ", (b"x", b"y")),
            (b"...", (b"__VA_ARGS__...",)),
            (b"x, ...", (b"x", b"__VA_ARGS__...")),
            (b"x, y...", (b"x", b"y...")),
            (b"x, y ...", (b"x", b"y...")),
        ):
            self.assertEqual(parameters_of(listed), expected, listed)


def _names(headers: str) -> set[str]:
    """Return the names alone, as clang shows those of missing files: its backslashes are slashes."""
    headers = headers.replace("\\", "/")
    return {header[1:-1] for header in headers.replace('" ', '"\n').replace("> ", ">\n").split("\n")}
