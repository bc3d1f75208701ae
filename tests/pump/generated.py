r"""Programs that dice make of all that decides which files a compiler reads.

A `Program` is a source, two headers and a command; around them lie the files of a `pool`, whose names
macros may make.  The same seed gives the same program.  `judging` tells whether it holds.

The grammar is data: each symbol has its alternatives, in which `{symbol}` stands for one of those.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

_STEMS = ("a", "b", "ab", "ba", "aN", "Na", "N", "M", "a1", "1", "aM", "x", "n")
_FOLDERS = ("", "d/", "e/", "d\\", "d\\\\", "d\\n", "d/ ", "d /", "e/ ", "d,", "d, ", "N/")
_ODD_NAMES = [
    "d/a",
    "d/b",
    "i/a.h",
    "i/d/b.h",
    "i/x.h",
    "d/a b.h",
    "a'b.h",
    "d/a'b.h",
    "a%:b.h",
    "a#b.h",
]
_ODD_NAMES += ["a??/b.h", "a\\b.h", '"a.h', "a.hN", "a.h b"]
_PRESENT = 0.7
"""How many of the names in folders are there."""

_GRAMMAR = {
    "program": ["{line}\n" * lines for lines in (3, 5, 8, 12)],
    "header": ["{line}\n" * lines for lines in (1, 2, 4)],
    "line": [
        *["{definition}"] * 7,
        *["{probe}"] * 5,
        *["{include}"] * 4,
        "#undef {name}",
        "#undef {helper}",
        "{stacked}",
        "{skipped}\n{line}\n#endif",
        '#include "{own}.h"',
        '#import "{own}.h"',
        "{noise}",
    ],
    "own": ["p", "q"],
    "name": ["N", "M", "P", "Q"],
    "helper": ["X", "S", "F", "J"],
    "word": [*["{name}"] * 6, "a", "b", "ab", "x", "1", "a1", "n"],
    "file": [f"{folder}{{stem}}.h" for folder in _FOLDERS],
    "stem": [*_STEMS],
    "stacked": [
        *('#pragma push_macro("{name}")', '#pragma pop_macro("{name}")'),
        *('_Pragma("push_macro(\\"{name}\\")")', '_Pragma("pop_macro(\\"{name}\\")")'),
    ],
    "skipped": ["#if 0", "#if 0\n#else", "#ifdef {name}", "#if {name}", "#ifndef {name}"],
    "noise": [
        *("int x = '\"';", "// it's \"", '/* " */ int y;', 'char *s = "/*";', "#pragma once"),
        *("#if 0\ndon't\n#endif", "F(a,\nb)", "X(\n#undef N\n)", 'char *r = R"(\n#define N a\n)";'),
    ],
    # Files that are asked for
    "include": [
        *["#include {operand}"] * 3,
        *("#import {operand}", " # include {operand}", "#/**/include/**/{operand}"),
        *["#if __has_include({operand})\n#include {operand}\n#endif"] * 4,
    ],
    "probe": [
        *["#if __has_include({operand})\nint yes;\n#else\nint no;\n#endif"] * 4,
        "#if __has_include_next({operand})\nint yes;\n#else\nint no;\n#endif",
        "#define L {asks}({operand})\n#if L\nint yes;\n#endif",
        *["{probing}\n#if H({operand})\nint yes;\n#else\nint no;\n#endif"] * 2,
    ],
    "asks": ["__has_include", "__has_include_next"],
    "probing": [
        *("#define H(x) __has_include(x)", "#define H __has_include", "#define H(x) __has_include(<x>)"),
        *("#define H(x) __has_##include(x)", "#define H(x) J(__has_, include)(x)"),
        *("#define H __has_include(N)||defined", "#define H(...) __has_include(__VA_ARGS__)"),
    ],
    "operand": [
        *('"{file}"', "<{file}>", "<{file}>"),
        *["{name}"] * 3,
        *["X({path})"] * 5,
        *("S({path})", "V({path})", "F({path})", "X(F({path}).h)", "X(d/V({word},{word}).h)"),
        *("<{path}>", "< {path} >", "LT {path} GT", "X(J({name},F)({word}))", "X({tokens})"),
    ],
    "path": ["{folder}{piece}{suffix}"],
    "folder": [
        *("", "", "d/", "d/", "d\\", "e/", "N/", "d /", "d/ ", "d,", "d, ", "M", "/**/", "d\\\\")
    ],
    "piece": ["{word}", "{word}", "{word}", "{call}"],
    "suffix": [".h", ".h", ".h", ".h", " .h", ". h", "", ".N"],
    "call": [
        *("J({word},{word})", "C({word}, {word})", "F({word})", "F(F({word}))", "F(F)({word})"),
        *("V({word})", "V()", "F()", "F", "F ({word})", "C({word},)", "C(,{word})", "C(F,)({word})"),
        *("C(J, )(a,b)", "E({word})", "__LINE__", "__INCLUDE_LEVEL__", "__COUNTER__"),
        *("{name}({word})", "J(__LI,NE__)"),
    ],
    # What macros are
    "definition": [
        *["#define {name} {word}"] * 4,
        *('#define {name} "{file}"', "#define {name} <{path}>", "#define {name} X({path})"),
        *("#define LT <", "#define GT >", "#define LT < ", "#define E(x)", "#define {name}"),
        *("#define {name} {tokens}", "#define {name}(x, y) {body}"),
        *["#define F(x) {body}"] * 3,
        "#define V{variadic}",
    ],
    "variadic": [
        *("(...) #__VA_ARGS__", "(x, ...) x##__VA_ARGS__", "(x...) S(x)", "(x, y...) a , ## y"),
        *("(...) a ## __VA_OPT__(b)", "(...) __VA_ARGS__", "(x, ...) x __VA_OPT__(a)"),
        *("(x, ...) #__VA_ARGS__", "(x, y...) x##y", "(x,...) S(x##__VA_ARGS__.h)"),
    ],
    "body": [
        *("x", "a##x", "x##b", "x ## x", "#x", "# x", "S(x)", "X(x)", "x/x", "F(x)", "xx", "d/x.h"),
        *("<x>", "<d/x.h>", "X(d/x.h)", "X(d\\x.h)", "N##x", "x##.##h", "x##N", "/x", "#x /* x */"),
        *("%:x", "x %:%: b", "a", "", "F x", "x F", "F", "J(x,b)", "C(x,b)", "X(C(x,b).h)"),
        *("X(x/**/.h)", "'x'", "##x", "x#", "N(x)", "x(a)", "(x)", "x##.h", "<x >", "#x#x"),
    ],
    "tokens": ["{token}" * count for count in (1, 2, 3, 4)],
    "token": [
        *("{name}", "{name}", "a", "b", "/", ".", ".h", "d", "\\", "\\\\", '"a"', '"a.h"', "'a'"),
        *("'\"'", '"\\""', '"\\\\"', "1", "1.h", "(", ")", ",", " ", "  ", "/**/", "F(a)", "J(a,b)"),
        *("<", ">", "\t", "'\\''", "X(a.h)", "S(N)", "__VA_OPT__", "#", "d\\N.h", "d\\a.h", "\\n"),
        *("u8", "$", "a'b", "L'a'"),
    ],
    # What the command says
    "option": [
        *("-D{name}={word}", "-D{name}", "-U{name}", "-includep.h", "-imacrosp.h", "-DX(x)=#x"),
        *("-DF(x)={body}", '-D{name}="{file}"'),
    ],
    "standard": ["", "", "-std=c11", "-std=gnu17", "-std=c90", "-trigraphs"],
    "compiler": ["gcc", "clang"],
}
_SYMBOL = re.compile(r"\{(\w+)\}")
_HELPERS = ["#define S(x) #x", "#define X(x) S(x)", "#define J(x, y) x##y", "#define C(x, y) J(x, y)"]
_SPLICES = ["\\\n", "\\ \n", "??/\n"]
_HASHES = ["%:include", "??=include", "# /* x\n*/ include"]


@dataclass(frozen=True, slots=True)
class Program:
    """A source that has files asked for.

    Attributes:
        files: their texts, by their names.
        words: a command that compiles `s.c`.
    """

    files: dict[str, bytes]
    words: tuple[str, ...]

    def __str__(self) -> str:
        texts = [f"--- {name}\n{text.decode(errors='replace')}" for name, text in self.files.items()]
        return "\n".join([" ".join(self.words), *texts])


def program(seed: int) -> Program:
    """Make the program of this seed."""
    return _Maker(random.Random(seed)).program()


def pool() -> dict[str, bytes]:
    """Give files that lie around all programs, and define nothing."""
    dice = random.Random(0)
    names = [f"{folder}{stem}.h" for folder in _FOLDERS for stem in _STEMS]
    kept = [name for name in names if "/" not in name or dice.random() < _PRESENT] + _ODD_NAMES
    return {name: b"int file_%d;\n" % number for number, name in enumerate(kept)}


class _Maker:
    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def program(self) -> Program:
        files = {name: self._text(self.made("header"), 0.2) for name in ("p.h", "q.h")}
        files["s.c"] = self._text(self.made("program"), 1)
        options = [self.made("option") for _ in range(self._dice.choice([0, 0, 0, 1, 2]))]
        chosen = [self.made("compiler"), self.made("standard"), *options]
        return Program(files, (*filter(None, chosen), "-nostdinc", "-w", "-I.", "-Ii", "-c", "s.c"))

    def made(self, symbol: str) -> str:
        """Make one of what a symbol stands for."""
        return _SYMBOL.sub(lambda found: self.made(found[1]), self._dice.choice(_GRAMMAR[symbol]))

    def _text(self, body: str, with_helpers: float) -> bytes:
        helpers = self._dice.sample(_HELPERS, len(_HELPERS)) if self._happens(with_helpers) else []
        text = "\n".join([*helpers, body])
        for chance, disguise in ((0.1, self._hashed), (0.1, self._spliced), (0.06, self._returned)):
            text = disguise(text) if self._happens(chance) else text
        return (b"\xef\xbb\xbf" if self._happens(0.05) else b"") + text.encode()

    def _happens(self, chance: float) -> bool:
        return self._dice.random() < chance

    def _hashed(self, text: str) -> str:
        return text.replace("#include", self._dice.choice(_HASHES))

    def _returned(self, text: str) -> str:
        return text.replace("\n", self._dice.choice(["\r\n", "\r\n", "\r"]))

    def _spliced(self, text: str) -> str:
        for _ in range(3):
            place = self._dice.randrange(len(text) + 1)
            text = text[:place] + self._dice.choice(_SPLICES) + text[place:]
        return text
