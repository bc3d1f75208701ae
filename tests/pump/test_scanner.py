"""The scanner over files in memory: what it finds, what it remembers, what it does not believe."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import SYSTEM, Files, compilation
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.unit import NotForServersError, UndecidedError, Unit

# A source in /p; other files; those of them that must be found, in the order of their names.
_FOUND = [
    ('#include "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ("#include <a.h>", {"/p/a.h": "", "/usr/include/a.h": ""}, "/usr/include/a.h"),
    ('  #\tinclude\t"a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('#/* x */include/* y\n */"a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('/* x */ #include "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('/* x\n*/#include "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('#inc\\\nlude \\\r\n"a\\\n.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('%:include "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('??=include "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('#inc??/\nlude "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('// what??/\n#include "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('\ufeff#include "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('char *s = "/*";\n#include "a.h"\n/* */', {"/p/a.h": ""}, "/p/a.h"),
    ('char *s = R"(\n" \' /*)";\n#include "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    (
        '#if 0\n#include "a.h"\n#else\n#include "b.h"\n#endif',
        {"/p/a.h": "", "/p/b.h": ""},
        "/p/a.h /p/b.h",
    ),
    ('#import "a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('#include "d/a.h"', {"/p/d/a.h": '#include "b.h"', "/p/d/b.h": ""}, "/p/d/a.h /p/d/b.h"),
    ('#include "../q/a.h"', {"/q/a.h": ""}, "/q/a.h"),
    ('#include ".//./a.h"', {"/p/a.h": ""}, "/p/a.h"),
    ('#include "/q/a.h"', {"/q/a.h": ""}, "/q/a.h"),
    ('#include "a.h"', {"/p/a.h/x": "", "/usr/include/a.h": ""}, "/usr/include/a.h"),
    ('#include "a.h"', {"/p/a.h": '#include "a.h"'}, "/p/a.h"),
    (
        "#if __has_include(<a.h>)",
        {"/usr/include/a.h": '#include "b.h"', "/usr/include/b.h": ""},
        "/usr/include/a.h",
    ),
    ('#if __has_include ( "a.h")', {"/p/a.h": ""}, "/p/a.h"),
    ("#define HAS(x) __has_include(x)\n#if HAS(<a.h>)", {"/usr/include/a.h": ""}, "/usr/include/a.h"),
    ('#if\0 __has_include(\0"a.h")', {"/p/a.h": ""}, "/p/a.h"),
    ('#line 7 "a.y"', {"/p/a.y": '#include "b.h"', "/p/b.h": ""}, "/p/a.y"),
    ('#define Y "a.y"\n#line 7 Y', {"/p/a.y": ""}, "/p/a.y"),
    ('.incbin "a"; .incbin "b"', {"/p/a": "", "/p/b": ""}, "/p/a /p/b"),
    ('#embed "a.bin"\n', {"/p/a.bin": '#include "b.h"', "/p/b.h": ""}, "/p/a.bin"),
    ('__asm__(".incbin \\"a.bin\\"");', {"/p/a.bin": ""}, "/p/a.bin"),
    ('.include "a.s"', {"/p/a.s": '.incbin "b"', "/p/b": ""}, "/p/a.s /p/b"),
    ('#define H "a.h"\n#include H', {"/p/a.h": ""}, "/p/a.h"),
    ("#define H <a.h>\n#include H", {"/usr/include/a.h": ""}, "/usr/include/a.h"),
    ('#include "x.h"\n#include H', {"/p/x.h": '#define H "a.h"', "/p/a.h": ""}, "/p/a.h /p/x.h"),
    (
        '#ifdef X\n#define H "a.h"\n#else\n#define H "b.h"\n#endif\n#include H',
        {"/p/a.h": "", "/p/b.h": ""},
        "/p/a.h /p/b.h",
    ),
    ("#define S(x) T(x)\n#define T(x) #x\n#define D d\n#include S(D/a.h)", {"/p/d/a.h": ""}, "/p/d/a.h"),
    (
        "#define J(x,y) x##y\n#define AB <a.h>\n#include J(A,B)",
        {"/usr/include/a.h": ""},
        "/usr/include/a.h",
    ),
    ('#define H /* x\n y */ "a.h"\n#include H', {"/p/a.h": ""}, "/p/a.h"),
    (
        "#define T(x) #x\n#define S(x) T(x)\n#define N a\n#include S(d\\N.h)",
        {"/p/d\\a.h": "", "/p/d\\N.h": "", "/p/d\\\\a.h": ""},
        "/p/d\\N.h /p/d\\a.h",
    ),
    ("#define T(x) #x\n#include T('\\'\"'.h)", {"/p/'\\\\'\\\"'.h": ""}, "/p/'\\\\'\\\"'.h"),
    ('#define H "a\\"b.h"\n#include H', {'/p/a\\"b.h': ""}, '/p/a\\"b.h'),
    ("#define T(x) #x\n#define I(x) x\n#include I(T)(a.h)", {"/p/a.h": ""}, "/p/a.h"),
    ("#define T(...) #__VA_ARGS__\n#include T(a, b.h)", {"/p/a, b.h": ""}, "/p/a, b.h"),
    (
        "#define T(x) #x\n#define P(x, y) T(x##y.h)\n#include P(, a)\n#include P(b,)",
        {"/p/a.h": "", "/p/b.h": "", "/p/.h": ""},
        "/p/a.h /p/b.h",
    ),
    ("#define LT <\n#include LT a.h>", {"/usr/include/a.h": ""}, "/usr/include/a.h"),
    ("#define N a.h>\n#include <N", {"/usr/include/a.h": ""}, "/usr/include/a.h"),
    (
        "#define E\n#define N a\n#include E <N.h>",
        {"/usr/include/a.h": "", "/usr/include/N.h": ""},
        "/usr/include/N.h /usr/include/a.h",
    ),
    ('#define N "a.h"\r#include N\r', {"/p/a.h": ""}, "/p/a.h"),
    ('#include "a%:b.h"', {"/p/a%:b.h": "", "/p/a#b.h": ""}, "/p/a%:b.h"),
    ('#define T(x) "/*"\n#define N "a.h"\n#include N // */', {"/p/a.h": ""}, "/p/a.h"),
    (
        "#define HAS __has_include(<N.h>)\n#define N a\n#if HAS",
        {"/usr/include/a.h": ""},
        "/usr/include/a.h",
    ),
    ("#ifdef NEVER\n#include NEVER\n#endif", {}, ""),
    ("/* #include words in a comment */", {}, ""),
]


class ScannerCase(SynchronousTestCase):
    """A source /p/s.c among other files."""

    def files(self, source: str, others: dict[str, str]) -> Files:
        return Files({"/p/s.c": source, "/usr/include/limits.h": "", **others})

    def unit(self, files: Files, command: str = "gcc -c s.c", scanner: Scanner | None = None) -> Unit:
        return (scanner or Scanner(files)).unit(compilation(command), "/p", SYSTEM)

    def found(self, files: Files, command: str = "gcc -c s.c", scanner: Scanner | None = None) -> str:
        unit = self.unit(files, command, scanner)
        return " ".join(sorted(set(unit.files) - {"/p/s.c"}))


class FindingTests(ScannerCase):
    """What one scan finds."""

    def test_forms(self) -> None:
        """Every form of asking for a file is seen, and leads where compilers look."""
        for source, others, expected in _FOUND:
            self.assertEqual(expected, self.found(self.files(source, others)), source)

    def test_order(self) -> None:
        """Folders are looked through in the compilers' order, whatever the order of the options."""
        places = ["/p/a.h", "/p/q/a.h", "/p/i/a.h", "/p/s/a.h", "/usr/include/a.h", "/p/z/a.h"]
        command = "gcc -c s.c -idirafter z -isystem s -I i -iquote q"
        files = self.files('#include "a.h"', dict.fromkeys(places, ""))
        for place in places:
            self.assertEqual(place, self.found(files, command))
            files.remove(place)

    def test_system_folder_as_ordinary_one(self) -> None:
        """A system folder that -I names as well keeps its later place."""
        files = self.files("#include <a.h>", {"/usr/include/a.h": "", "/p/i/a.h": ""})
        self.assertEqual("/p/i/a.h", self.found(files, "gcc -c s.c -I/usr/include -Ii"))

    def test_include_next(self) -> None:
        """All files that may come next are taken."""
        others = {"/p/i/a.h": "#include_next <a.h>", "/usr/include/a.h": ""}
        files = self.files("#include <a.h>", others)
        self.assertEqual("/p/i/a.h /usr/include/a.h", self.found(files, "gcc -c s.c -Ii"))

    def test_files_on_the_command_line(self) -> None:
        """What -include and -imacros name is searched from the working directory, and followed."""
        others = {"/p/a.h": '#define H "b.h"', "/p/d/s.c": "#include H", "/p/d/b.h": "", "/p/d/a.h": ""}
        files = self.files("", others)
        self.assertEqual("/p/a.h /p/d/b.h /p/d/s.c", self.found(files, "gcc -c d/s.c -imacros a.h"))

    def test_definitions_on_the_command_line(self) -> None:
        """Macros of the command make names, too."""
        files = self.files("#include H", {"/p/a.h": ""})
        self.assertEqual("/p/a.h", self.found(files, 'gcc -c s.c -DH="a.h"'))

    def test_folders(self) -> None:
        """A unit names the folders that the compiler looks in or walks through, if they are there."""
        files = self.files(
            '#include "d/../a.h"', {"/p/d/x": "", "/p/a.h": "", "/p/i/y": "", "/p/e/z": ""}
        )
        unit = self.unit(files, "gcc -c s.c -Ie/../i -Imissing")
        self.assertLessEqual({"/p", "/p/d", "/p/e", "/p/i", "/usr/include"}, unit.folders)
        self.assertNotIn("/p/missing", unit.folders)

    def test_link_before_dots(self) -> None:
        """The folder above a link is that above where the link leads."""
        files = Files(
            {"/p/s.c": '#include "l/../a.h"', "/q/d/x": "", "/q/a.h": "", "/p/a.h": ""}, {"/p/l": "/q/d"}
        )
        self.assertEqual("/q/a.h", self.found(files))


class ForbiddenTests(ScannerCase):
    """What keeps a unit where it is, or is for the compiler to say."""

    def test_not_for_servers(self) -> None:
        """Whatever depends on the time or on files in a way that does not travel is refused."""
        for source, others in (
            ('#pragma GCC dependency "x"', {}),
            ('__asm__(".incbin " NAME);', {}),
            ('#include "a.h"\n#include "d/a.h"', {"/p/a.h": "#pragma once", "/p/d/a.h": "#pragma once"}),
        ):
            files = self.files(source, others)
            self.assertRaises(NotForServersError, self.found, files)

    def test_twins_that_do_not_say_so_themselves(self) -> None:
        """What is read once by #import, or by a macro's pragma, is taken for its twin as well."""
        for source, text in (
            ('#import "a.h"\n#include "d/a.h"', ""),
            ('#define P(x) _Pragma(#x)\n#include "a.h"\n#include "d/a.h"', "P(once)"),
        ):
            files = self.files(source, {"/p/a.h": text, "/p/d/a.h": text})
            self.assertRaises(NotForServersError, self.found, files)

    def test_search_folders_that_are_none(self) -> None:
        """gcc warns of a file among the search folders, and clang may read a map there."""
        files = self.files("", {"/p/a": ""})
        self.assertRaises(NotForServersError, self.found, files, "gcc -c s.c -Ia")

    def test_clocks_that_hide(self) -> None:
        """What looks like a string or a character, and is none, hides no clock; nor does the command."""
        for source, options in (
            ("int x = 1'000; char *s = __TIMESTAMP__; char c = '1';", ""),
            ('char *s = STR"(" __TIMESTAMP__ ")";', ""),
            ("#if 0\ndon't /*\n#endif\nchar *s = __TIMESTAMP__; /* */", ""),
            ("char *s = X;", " -DX=__TIMESTAMP__"),
        ):
            self.assertTrue(self.unit(self.files(source, {}), f"gcc -c s.c{options}").clock, source)

    def test_clocks_that_macros_paste(self) -> None:
        """Nor does it hide in pieces, in however many files they stand."""
        for source, header, options in (
            ("#define X __TIMEST##AMP__\nchar *s = X;", "", ""),
            ("#define CAT(a, b) a##b\nchar *s = CAT(__TI, ME__);", "", ""),
            ("#define CAT(a, b) a%:%:b\nchar *s = CAT( __D,ATE__ );", "", ""),
            ("#define X __TI## /* x\n*/ ME__[0]\nchar *s = X;", "", ""),
            ("char *s = CLOCK(TIMESTAMP);", "#define CLOCK(x) __ ## x ## __", ""),
            ("char *s = CLOCK(_TIME);", "#define CLOCK(x) CAT(CAT(_, x), __)", ""),
            ("char *s = X(DATE_);", "#define X(x) __##x##_", ""),
            ("char *s = CAT(__TIME, __);", "#define CAT(a, b) a##b", ""),
            ("char *s = X(ME__);", "", " -DX(x)=__TI##x"),
        ):
            files = self.files(f'#include "a.h"\n{source}', {"/p/a.h": header})
            self.assertTrue(self.unit(files, f"gcc -c s.c{options}").clock, source)

    def test_no_clocks(self) -> None:
        """What only tells whether there is a clock, or looks like one, is none."""
        for source in (
            "#ifdef __DATE__\n#undef __DATE__\n#define __DATE__ 1\n#endif",
            "int __DATE__x, x__TIME__;",
            "#define __SOCKADDR(type) __##type##__\nenum { TIME, DATE };",
            "struct { int DATE; } __; int f(int __, int E__);",
        ):
            self.assertEqual(self.unit(self.files(source, {})).clock, "", source)

    def test_clocks_that_the_command_redefines(self) -> None:
        """What the command defines, or undefines, is no clock, in whatever form; the others are."""
        files = self.files("char *s = __DATE__ __TIME__;", {})
        for options in (
            '-D__DATE__="redacted" -D__TIME__="redacted"',
            "-U__DATE__ -D__TIME__",
            "-D __TIME__(x)=x --define-macro=__DATE__=1",
            "-Wp,-D__DATE__=1,-U__TIME__",
        ):
            self.assertEqual(self.unit(files, f"gcc -c s.c {options}").clock, "", options)
        for options in (
            "-D__DATE__=1",
            "-D__TIME__=__DATE__",
            "-D__DATE__=1 -DX=__TIME__",
            "-DX=__TIME__",
        ):
            self.assertTrue(self.unit(files, f"gcc -c s.c {options}").clock, options)

    def test_probes_by_macros_that_do_not_name_a_file(self) -> None:
        """What __has_include is asked by a macro, and cannot be seen, keeps a unit where it is."""
        for source in (
            "#define HAS(name) __has_include(<name.h>)\n#if HAS(a)",
            "#define HAS(...) __has_include(<__VA_ARGS__>)\n#if HAS(a.h)",
            "#define HAS(names...) __has_include(<names>)\n#if HAS(a.h)",
            '#define HAS(x) __has_include(x)\n#define A "a.h"\n#if HAS(A)',
            '#define HAS(...) __has_include(__VA_ARGS__)\n#define A "a.h"\n#if HAS(A)',
            '#define HAS __has_include\n#define A "a.h"\n#if HAS(A)',
            '#define HAS(x) __has_include(x)\n#define A HAS(B)\n#define B "a.h"\n#if A',
            '#define HAS(x) __has_include(x)\n#define DO(x, y) x(y)\n#if DO(HAS, "a.h")',
            "#define HAS __has_include(\n#if HAS <a.h>)",
            '#define A "a.h"\n#define HAS(x) __has_include(A)\n#if HAS(1)',
            "#if __has_include(__FILE__)",
            '_Pragma("GCC dependency \\"a.h\\"")',
            '#define HAS(x) __has_##x\n#if HAS(include)("a.h")',
            '#define CAT(x, y) x##y\n#define HAS(x) CAT(__has_, include)(x)\n#if HAS("a.h")',
            '#define HAS(x) __##x("a.h")\n#if HAS(has_include)',
        ):
            self.assertRaises(NotForServersError, self.found, self.files(source, {"/p/a.h": ""}))
        for words in ("-DX=__has_include(A)", "-DX=__has_include"):
            files = self.files("#if X", {})
            self.assertRaises(NotForServersError, self.found, files, f"gcc -c s.c {words}")

    def test_probes_by_macros_that_name_a_file(self) -> None:
        """A macro that hands on the header it is given is understood, also in another file."""
        defined = (
            "#ifndef __has_include\n#define __has_include(x) 0\n#endif\n#ifdef __has_include\n"
            "#define HAS(x) __has_include(x)\n#define ALSO __has_include\n#define IS __has_include(I)\n"
            "#else\n#define HAS(x) 0\n#endif\n"
        )
        source = (
            '#include "d.h"\n#if defined(HAS) && HAS("a.h") || ALSO( <b.h> )\n#define I "i.h"\n#if IS'
        )
        others = {"/p/d.h": defined, "/p/a.h": "", "/usr/include/b.h": "", "/p/i.h": ""}
        self.assertEqual("/p/a.h /p/d.h /p/i.h /usr/include/b.h", self.found(self.files(source, others)))

    def test_harmless_words(self) -> None:
        """Words in comments and strings, and files alike that are read each time, forbid nothing."""
        source = '// __TIME__\n/* __DATE__ */ char s[] = "__TIME__";\n#include "a.h"\n#include "d/a.h"'
        self.assertEqual(
            "/p/a.h /p/d/a.h", self.found(self.files(source, {"/p/a.h": "", "/p/d/a.h": ""}))
        )

    def test_undecided(self) -> None:
        """What the scan cannot tell is said, with all that it could tell."""
        files = self.files('#include "a.h"\n#include __FILE__', {"/p/a.h": ""})
        error = self.assertRaises(UndecidedError, self.found, files)
        self.assertEqual({"/p/s.c", "/p/a.h"}, set(error.partial.files))

    def test_macros_that_may_be_read_in_two_ways(self) -> None:
        """Where compilers or standards differ, the scanner does not guess."""
        for text in (
            "#define H S(1'000.h)",
            '#define H u8"a.h"',
            "#define H S(a$b.h)",
            "#define H S(\\u00e4.h)",
            "#define H S(\u00e4.h)",
            "#define H S(d/it's.h)",
            "#define H S(0x1p+N.h)",
            "#define H S(a\\)",
            "#define H <a->",
            "#define H S(__COUNTER__.h)",
            "#define H S(__has_feature(x).h)",
            "#define V(...) a __VA_OPT__(b)\n#define H S(V().h)",
            "#define V(x, y...) x, ##y\n#define H S(V(a).h)",
            f"#define H {'S(' * 60}a.h{')' * 60}",
        ):
            files = self.files(f"#define T(x) #x\n#define S(x) T(x)\n{text}\n#include H", {})
            self.assertRaises(UndecidedError, self.found, files)

    def test_c90(self) -> None:
        """Where two slashes may begin no comment, the compiler tells what macros name."""
        c90 = replace(SYSTEM, macros=b"#define __STRICT_ANSI__ 1\n")
        files = self.files('#define H "a.h"\n#include H', {"/p/a.h": ""})
        scan = Scanner(files).unit
        self.assertRaises(UndecidedError, scan, compilation("gcc -ansi -c s.c"), "/p", c90)

    def test_traditional(self) -> None:
        """What preprocesses by the rules of old is preprocessed here."""
        files = self.files("", {})
        self.assertRaises(NotForServersError, self.found, files, "gcc -traditional-cpp -c s.c")

    def test_what_else_a_unit_asks_for_that_is_undecided(self) -> None:
        """What computes no name hides no other, and listed files are looked at as well."""
        source = '#include __FILE__\n#if __has_include(A)\n#endif\n#define A "a.h"'
        files = self.files(source, {"/p/a.h": "", "/q/b.h": '#if __has_include("c.h")', "/q/c.h": ""})
        arguments = compilation("gcc -c s.c"), "/p", SYSTEM
        error = self.assertRaises(UndecidedError, Scanner(files).unit, *arguments, listed=["/q/b.h"])
        self.assertEqual({"/p/s.c", "/p/a.h", "/q/b.h", "/q/c.h"}, set(error.partial.files))


class RememberingTests(ScannerCase):
    """Two scans, and what happens between them."""

    def setUp(self) -> None:
        self.tree = self.files(
            '#include "a.h"\n#include <b.h>', {"/p/a.h": "", "/p/i/x": "", "/usr/include/b.h": ""}
        )
        self.scanner = Scanner(self.tree)
        self.command = "gcc -c s.c -Ii -Ilater"

    def again(self) -> str:
        return self.found(self.tree, self.command, self.scanner)

    def test_nothing_changed(self) -> None:
        """Nothing is read twice while all stamps hold."""
        first = self.again()
        self.tree.reads.clear()
        self.assertEqual(first, self.again())
        self.assertEqual([], self.tree.reads)

    def test_edited(self) -> None:
        """An edited file is read again, and it alone."""
        self.again()
        self.tree.write("/p/c.h", "")
        self.tree.write("/p/a.h", '#include "c.h"')
        self.tree.reads.clear()
        self.assertEqual("/p/a.h /p/c.h /usr/include/b.h", self.again())
        self.assertEqual({"/p/a.h", "/p/c.h"}, set(self.tree.reads))

    def test_edited_within_one_tick(self) -> None:
        """A change that leaves the stamp as it is cannot hide: so young a stamp is not believed."""
        self.tree.write("/p/a.h", '#include "x.h"')
        self.tree.write("/p/x.h", "")
        self.tree.write("/p/y.h", "")
        self.again()
        self.tree.write("/p/a.h", '#include "y.h"')
        self.assertEqual("/p/a.h /p/y.h /usr/include/b.h", self.again())

    def test_header_appears_earlier(self) -> None:
        """A header that an earlier folder now provides is taken from there."""
        self.again()
        self.tree.write("/p/i/b.h", "")
        self.assertEqual("/p/a.h /p/i/b.h", self.again())

    def test_header_vanishes(self) -> None:
        """Where an earlier folder has it no more, the later one's is taken."""
        self.tree.write("/p/i/b.h", "")
        self.again()
        self.tree.remove("/p/i/b.h")
        self.assertEqual("/p/a.h /usr/include/b.h", self.again())

    def test_search_folder_appears(self) -> None:
        """A search folder may come into being while a build runs."""
        self.again()
        self.tree.write("/p/later/b.h", "")
        self.assertEqual("/p/a.h /p/later/b.h", self.again())

    def test_header_becomes_a_folder(self) -> None:
        """A name that leads to a folder now is looked for elsewhere."""
        self.tree.write("/p/i/b.h", "")
        self.again()
        self.tree.remove("/p/i/b.h")
        self.tree.write("/p/i/b.h/x", "")
        self.assertEqual("/p/a.h /usr/include/b.h", self.again())

    def test_definition_changes(self) -> None:
        """A name that a macro makes is made anew when the macro is another."""
        self.tree.write("/p/s.c", '#include "a.h"\n#include H')
        self.tree.write("/p/a.h", '#define H "x.h"')
        self.tree.write("/p/x.h", "")
        self.tree.write("/p/y.h", "")
        self.assertEqual("/p/a.h /p/x.h", self.again())
        self.tree.time_ns += 1
        self.tree.write("/p/a.h", '#define H "y.h"')
        self.assertEqual("/p/a.h /p/y.h", self.again())

    def test_computed_header_appears_earlier(self) -> None:
        """A name that a macro makes is looked for anew, too, when an earlier folder provides it."""
        self.tree.write("/p/s.c", "#define H <b.h>\n#include H")
        self.assertEqual("/usr/include/b.h", self.again())
        self.tree.write("/p/i/b.h", "")
        self.assertEqual("/p/i/b.h", self.again())

    def test_bounded(self) -> None:
        """What is remembered stays bounded, and what is forgotten is found again."""
        scanner = Scanner(self.tree, most_files=2)
        first = self.found(self.tree, self.command, scanner)
        for _ in range(3):
            self.tree.reads.clear()
            self.assertEqual(first, self.found(self.tree, self.command, scanner))
        self.assertNotEqual([], self.tree.reads)

    def test_two_commands(self) -> None:
        """The same header leads elsewhere under other search folders."""
        self.tree.write("/p/i/b.h", "")
        self.assertEqual("/p/a.h /p/i/b.h", self.again())
        self.assertEqual("/p/a.h /usr/include/b.h", self.found(self.tree, "gcc -c s.c", self.scanner))

    def test_ten_thousand_headers(self) -> None:
        """A unit of 10,000 headers is found whole, and each is read once."""
        headers = {f"/p/h/{n}.h": f'#include "{n + 1}.h"\n#include "{n // 2}.h"' for n in range(10_000)}
        tree = self.files('#include "h/0.h"', {**headers, "/p/h/10000.h": ""})
        self.assertEqual(10_002, len(self.unit(tree).files))
        self.assertEqual(10_002, len(tree.reads))
