"""The walk through one unit: where it begins, what it notes on its way, and what that comes to."""

from __future__ import annotations

from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import SYSTEM, Files, compilation
from twisted_distcc.pump import walk
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.search import SearchPath
from twisted_distcc.pump.unit import CallersOwnError, NotForServersError, Stamp, UndecidedError, Unit

_SOURCE = "/p/s.c"
_CXX = b"#define __cplusplus 201703L\n"
_STRICT = b"#define __STRICT_ANSI__ 1\n"


class WalkCase(SynchronousTestCase):
    """A source /p/s.c among other files."""

    def scan(
        self,
        source: str,
        others: dict[str, str] | None = None,
        command: str = "gcc -c s.c",
        search: SearchPath = SYSTEM,
        links: dict[str, str] | None = None,
    ) -> Unit:
        files = Files({_SOURCE: source, "/usr/include/limits.h": "", **(others or {})}, links)
        return Scanner(files).unit(compilation(command), "/p", search)

    def assert_here(self, said: str, *arguments: object, **named: object) -> None:
        error = self.assertRaises(NotForServersError, self.scan, *arguments, **named)
        self.assertIn(said, str(error))

    def assert_undecided(self, said: str, *arguments: object, **named: object) -> Unit:
        error = self.assertRaises(UndecidedError, self.scan, *arguments, **named)
        self.assertIn(said, str(error))
        partial = error.partial
        assert isinstance(partial, Unit)
        return partial


class BeginningTests(WalkCase):
    def test_sources(self) -> None:
        """A source is found by any path, and one that is not there is for the compiler to tell."""
        for path in ("s.c", "/p/s.c", "./d/../s.c"):
            unit = self.scan("", {"/p/d/x": ""}, f"gcc -c {path}")
            self.assertEqual(set(unit.files), {_SOURCE}, path)
        self.assert_undecided("there is no file t.c", "", command="gcc -c t.c")

    def test_what_gcc_reads_unasked(self) -> None:
        """gcc reads <stdc-predef.h> before each source, where there is one."""
        unit = self.scan("", {"/usr/include/stdc-predef.h": ""})
        self.assertEqual(set(unit.files), {_SOURCE, "/usr/include/stdc-predef.h"})

    def test_folders_of_what_comes_first(self) -> None:
        """Where -include may find its header, nothing may come in between unseen."""
        others = {"/p/w/x": "", "/p/i/x": "", "/p/a.h": ""}
        unit = self.scan("", others, "gcc -c s.c -iquote i -include a.h")
        self.assertLessEqual({"/p", "/usr/include"}, unit.folders)

    def test_precompiled(self) -> None:
        """What gcc may read in place of a header is noted, and clang looks for none."""
        others = {"/p/a.h": "", "/p/a.h.gch": "", "/p/i/b.h.gch/x": "", "/usr/include/b.h": ""}
        unit = self.scan('#include "b.h"', others, "gcc -c s.c -include a.h -Ii")
        self.assertEqual(unit.precompiled, {"/p/a.h.gch", "/p/i/b.h.gch"})
        unit = self.scan("", others, "clang -c s.c -include a.h", replace(SYSTEM, clang=True))
        self.assertEqual(unit.precompiled, frozenset())

    def test_search_folder_that_was_absent(self) -> None:
        """The compiler's answer is old where a folder has appeared that it missed."""
        search = replace(SYSTEM, absent=("/later",))
        self.assertEqual(set(self.scan("", search=search).files), {_SOURCE})
        partial = self.assert_undecided("a folder has appeared", "", {"/later/x": ""}, search=search)
        self.assertIn(_SOURCE, partial.files)

    def test_frameworks(self) -> None:
        """Frameworks have rules of their own."""
        self.assert_undecided("frameworks", "", search=replace(SYSTEM, frameworks=True))

    def test_what_the_compiler_needs(self) -> None:
        """Files by which a compiler knows its folders are sent, and not read."""
        search = replace(SYSTEM, needed=("/lib/../lib/crtbegin.o",))
        unit = self.scan("", {"/lib/crtbegin.o": '#include "a.h"', "/lib/a.h": ""}, search=search)
        self.assertEqual(set(unit.files), {_SOURCE, "/lib/crtbegin.o"})

    def test_too_many(self) -> None:
        """A unit of more files than any has is not understood."""
        self.patch(walk, "_MOST_FILES", 3)
        source = '#include "a.h"\n#include "b.h"\n#include "c.h"'
        unit = self.scan(source, {"/p/a.h": "", "/p/b.h": ""})
        self.assertEqual(len(unit.files), 3)
        others = {"/p/a.h": "", "/p/b.h": "", "/p/c.h": ""}
        self.assert_here("it seems to read more than 3 files", source, others)


class CommandTests(WalkCase):
    def test_traditional(self) -> None:
        """Traditional preprocessing has other rules for everything, however it is asked for."""
        for option in ("-traditional", "-traditional-cpp"):
            self.assert_here("traditional preprocessing", "", {}, f"gcc {option} -c s.c")

    def test_probes(self) -> None:
        """The command's macros ask for files, too; such a name is seen nowhere."""
        for option in ('-DX=__has_include("a.h")', "-DX=__has_include(A)", "-DX=__has_include"):
            self.assert_here("", "#if X", {}, f"gcc -c s.c {option}")
        self.assertTrue(self.scan("", {}, 'gcc -c s.c -D__X__=1 -DH="a.h"').files)

    def test_definitions(self) -> None:
        """A name takes the command's definition, or the text's, or that of the compiler."""
        files = dict.fromkeys(("/p/a.h", "/p/b.h", "/p/c.h", "/p/H"), "")
        macros = b'#define H "c.h"\n'
        for source, options, predefined, expected in (
            ("#include H", '-DH="a.h"', b"", "a.h"),
            ("#include H", '-DH="a.h" -UH', b"", "a.h"),
            ("#include H", "-UH", macros, ""),
            ("#include H", "", macros, "c.h"),
            ('#define H "b.h"\n#include H', '-DH="a.h"', b"", "a.h b.h"),
            ('#define H "b.h"\n#include H', "", macros, "b.h c.h"),
            ("#define S(x) T(x)\n#define T(x) #x\n#undef H\n#include S(H)", "", b"", "H"),
            ("#define S(x) T(x)\n#define T(x) #x\n#include S(H)", "", b"#define H a.h\n", "H a.h"),
        ):
            unit = self.scan(source, files, f"gcc -c s.c {options}", replace(SYSTEM, macros=predefined))
            found = " ".join(sorted(path[3:] for path in unit.files if path != _SOURCE))
            self.assertEqual(found, expected, (source, options))

    def test_operators(self) -> None:
        """In C++, `and` is an operator whatever a text defines; in C, a macro like others."""
        source = "#define S(x) T(x)\n#define T(x) #x\n#define and x\n#define also y\n#include S(and.h)\n"
        source += "#include S(also.h)"
        files = dict.fromkeys(("/p/x.h", "/p/y.h", "/p/and.h"), "")
        for macros, expected in (
            (_CXX, {"/p/and.h", "/p/y.h"}),
            (b"", {"/p/and.h", "/p/x.h", "/p/y.h"}),
        ):
            unit = self.scan(source, files, search=replace(SYSTEM, macros=macros))
            self.assertEqual(set(unit.files) - {_SOURCE}, expected)

    def test_c90(self) -> None:
        """In strict C of 1990, and of its amendment, `//` begins no comment; otherwise it does."""
        for macros, computes in (
            (b"", True),
            (_STRICT, False),
            (_STRICT + b"#define __STDC_VERSION__ 199409L\n", False),
            (_STRICT + b"#define __STDC_VERSION__ 199901L\n", True),
            (_STRICT + _CXX, True),
            (b"#define __STDC_VERSION__ 199409L\n", True),
        ):
            arguments = '#define H "a.h"\n#include H', {"/p/a.h": ""}, "gcc -c s.c"
            search = replace(SYSTEM, macros=macros)
            if computes:
                self.assertIn("/p/a.h", self.scan(*arguments, search).files)
            else:
                self.assert_undecided("// may not begin a comment", *arguments, search)
            plain = self.scan('#include "a.h"', {"/p/a.h": ""}, "gcc -c s.c", search)
            self.assertIn("/p/a.h", plain.files)


class ComputedTests(WalkCase):
    def test_next_round(self) -> None:
        """A computed header may define what the next one is computed from, and so on."""
        others = {
            "/p/a.h": '#define B "b.h"',
            "/p/b.h": "#define C <c.h>\n#include B",
            "/usr/include/c.h": "",
        }
        unit = self.scan('#define A "a.h"\n#include A\n#include B\n#include C', others)
        self.assertEqual(set(unit.files), {_SOURCE, *others})

    def test_from_the_file_that_asks(self) -> None:
        """A computed name is looked for beside the file that asks, which may lie at the root."""
        others = {"/d/x.h": "#include H", "/d/h.h": "", "/p/h.h": "", "/top.h": "#include H", "/h.h": ""}
        source = '#define H "h.h"\n#include "/d/x.h"\n#include "/top.h"'
        found = set(self.scan(source, others).files)
        self.assertEqual(found, {_SOURCE, "/d/x.h", "/d/h.h", "/top.h", "/h.h"})

    def test_folders(self) -> None:
        """The folders that a computed name was looked for in count as others do."""
        unit = self.scan("#define H <d/h.h>\n#include H", {"/usr/include/d/h.h": ""})
        self.assertIn("/usr/include/d", unit.folders)

    def test_undecided_probe(self) -> None:
        """No list of the compiler's tells what is only asked for: such a unit stays here."""
        self.assert_here("__FILE__", '#if __has_include(__FILE__ "x")')
        self.assert_undecided("__FILE__", "#include __FILE__")


class ClockTests(WalkCase):
    def test_clock(self) -> None:
        """The file and the macro are named, the first in the alphabet first."""
        unit = self.scan('#include "a.h"', {"/p/a.h": "x = __TIME__ __DATE__;"})
        self.assertEqual(unit.clock, "/p/a.h uses __DATE__, which depends on where it is read")
        self.assertEqual(unit.stamped, "")
        self.assertEqual(self.scan("").clock, "")

    def test_time_of_a_file(self) -> None:
        """It is told apart from the date, unless the macro's name is pasted together."""
        unit = self.scan('#include "a.h"', {"/p/a.h": "x = __TIMESTAMP__ __DATE__;"})
        self.assertEqual(unit.stamped, "/p/a.h uses __TIMESTAMP__, which depends on where it is read")
        self.assertTrue(self.scan("#define F(x) __ ## x ## __\nF(TIME)").stamped)

    def test_redefined(self) -> None:
        """What the command defines or undefines is none; a macro with a parameter is still the macro."""
        for options in ("-D__DATE__", "-D__DATE__=x", "-U__DATE__", "-D__DATE__(x)=x"):
            self.assertEqual(self.scan("x = __DATE__;", {}, f"gcc -c s.c {options}").clock, "", options)
        self.assertTrue(self.scan("x = __DATE__;", {}, "gcc -c s.c -D__TIME__").clock)

    def test_pasted(self) -> None:
        """Pieces in two files may make one; not where the command has redefined all of them."""
        source, others = '#include "a.h"\nF(TIME)', {"/p/a.h": "#define F(x) __ ## x ## __"}
        self.assertIn("may paste together", self.scan(source, others).clock)
        given = "#define CAT(x, y) x ## y\n#define PASTED(x, y) CAT(x, y)\nPASTED(A, B)"
        self.assertIn("may paste", self.scan(given, {}, "gcc -c s.c -DA=__TI -DB=ME__").clock)
        self.assertEqual(self.scan(given, {}, "gcc -c s.c -DA=__TI -DB=ME").clock, "")
        all_of_them = "-D__TIME__ -D__DATE__ -D__TIMESTAMP__"
        self.assertEqual(self.scan(source, others, f"gcc -c s.c {all_of_them}").clock, "")


class LineTests(WalkCase):
    def test_include_of_the_assembler(self) -> None:
        """Behind it, what clang notes of lines depends on where the text is in memory."""
        clang, text = replace(SYSTEM, clang=True), '\t.include "a.inc"\n'
        command = "clang -g -x assembler-with-cpp -c s.c"
        self.assert_here(".include", text, {}, command, clang)
        self.scan(text, {}, command.replace("clang -g", "gcc -g"))
        self.scan(text, {}, command.replace("-g ", ""), clang)
        self.scan(text, {}, "clang -g -c s.c", clang)


class TwinTests(WalkCase):
    """gcc takes two files for one that are read once, and alike in size, second and contents."""

    def assert_twins(self, files: Files, *, are_twins: bool, search: SearchPath = SYSTEM) -> None:
        scan = Scanner(files).unit
        arguments = compilation("gcc -c s.c"), "/p", search
        if are_twins:
            self.assertIn("are read once", str(self.assertRaises(NotForServersError, scan, *arguments)))
        else:
            self.assertIn("/p/d/a.h", scan(*arguments).files)

    def files(
        self, one: str, other: str, source: str = "", links: dict[str, str] | None = None
    ) -> Files:
        source = source or '#include "a.h"\n#include "d/a.h"'
        return Files({_SOURCE: source, "/usr/include/x": "", "/p/a.h": one, "/p/d/a.h": other}, links)

    def test_twins(self) -> None:
        """They are so only if all of that is the same."""
        once = "#pragma once\n"
        self.assert_twins(self.files(once, once), are_twins=True)
        self.assert_twins(self.files(once + "a", once + "b"), are_twins=False)
        self.assert_twins(self.files(once + "a", once), are_twins=False)
        self.assert_twins(self.files("x", "x"), are_twins=False)

    def test_clang(self) -> None:
        """clang tells files apart by their inodes."""
        once = "#pragma once\n"
        self.assert_twins(self.files(once, once), are_twins=False, search=replace(SYSTEM, clang=True))

    def test_times(self) -> None:
        """Another second is another file; another nanosecond is not."""
        for later, are_twins in ((1, True), (1_000_000_000, False)):
            files = self.files("#pragma once\n", "")
            files.time_ns += later - 3_600_000_000_000
            files.write("/p/d/a.h", "#pragma once\n")
            files.time_ns += 7_200_000_000_000
            self.assert_twins(files, are_twins=are_twins)

    def test_one_file_by_two_names(self) -> None:
        """A file is no twin of itself, by whatever links it is found."""
        files = Files(
            {
                _SOURCE: '#include "a.h"\n#include "d/a.h"',
                "/p/a.h": "#pragma once\n",
                "/usr/include/x": "",
            },
            {"/p/d": "/p"},
        )
        self.assert_twins(files, are_twins=False)

    def test_import(self) -> None:
        """What one file imports is read once, whatever it says itself; a mere leaf is read by nobody."""
        imports = '#import "a.h"\n#include "d/a.h"\n#if __has_include("e.h")\n#endif'
        self.assert_twins(self.files("x", "x", imports), are_twins=True)
        self.assert_twins(self.files("x", "y", imports), are_twins=False)
        files = self.files("x", "y", imports)
        files.write("/p/e.h", "x")
        files.time_ns += 3_600_000_000_000
        self.assert_twins(files, are_twins=False)


class _Changing(Files):
    """Files of which one goes, once it was listed, for so many looks after so many others."""

    gone = ""
    after = 0
    looks = 0

    def stamp(self, path: str) -> Stamp | None:
        """As the seam says."""
        if path == self.gone and self.after:
            self.after -= 1
        elif path == self.gone and self.looks:
            self.looks -= 1
            return None
        return super().stamp(path)


class ChangeTests(SynchronousTestCase):
    """Files that come and go while a unit is looked at."""

    def files(self) -> _Changing:
        files = _Changing({_SOURCE: '#include "a.h"', "/p/a.h": "", "/usr/include/x": ""})
        files.gone = "/p/a.h"
        return files

    def test_for_a_moment(self) -> None:
        """Whatever was looked at before is looked at anew, and so the file is found."""
        for looks in (1, 2):
            files = self.files()
            scanner = Scanner(files)
            scanner.unit(compilation("gcc -c s.c"), "/p", SYSTEM)
            files.looks = looks
            unit = scanner.unit(compilation("gcc -c s.c"), "/p", SYSTEM)
            self.assertIn("/p/a.h", unit.files, looks)

    def test_for_ever(self) -> None:
        """A header that is remembered, and gone, is missing: so it is said, or none is named."""
        files = self.files()
        scanner = Scanner(files)
        scanner.unit(compilation("gcc -c s.c"), "/p", SYSTEM)
        files.looks = 1000
        unit = scanner.unit(compilation("gcc -c s.c"), "/p", SYSTEM)
        self.assertNotIn("/p/a.h", unit.files)

    def test_leaf(self) -> None:
        """What is only asked for has to be there as well when it is looked at."""
        files = _Changing({_SOURCE: '#embed "a.b"', "/p/a.b": "", "/usr/include/x": ""})
        files.gone = "/p/a.b"
        files.after, files.looks = 1, 1
        self.assertIn("/p/a.b", Scanner(files).unit(compilation("gcc -c s.c"), "/p", SYSTEM).files)
        self.assertEqual((files.after, files.looks), (0, 0))

    def test_folder_within_a_search_folder(self) -> None:
        """A header that appears in one is taken from there, though no option names that folder."""
        files = Files({_SOURCE: "#include <d/a.h>", "/p/i/d/x": "", "/usr/include/d/a.h": ""})
        scanner = Scanner(files)
        arguments = compilation("gcc -c s.c -Ii"), "/p", SYSTEM
        self.assertIn("/usr/include/d/a.h", scanner.unit(*arguments).files)
        files.write("/p/i/d/a.h", "")
        self.assertEqual(set(scanner.unit(*arguments).files), {_SOURCE, "/p/i/d/a.h"})

    def test_streams(self) -> None:
        """A pipe among the headers can be read by its caller alone."""
        files = Files({_SOURCE: '#include "a.h"', "/usr/include/x": ""})
        files.streams.add("/p/a.h")
        scan = Scanner(files).unit
        self.assertRaises(CallersOwnError, scan, compilation("gcc -c s.c"), "/p", SYSTEM)
