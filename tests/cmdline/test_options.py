"""The table of options, row by row, and what is said of them by hand."""

from __future__ import annotations

from itertools import product

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.option_rules import DEMANDING, PLUGINS, Role, Rule, Table, Takes
from twisted_distcc.cmdline.options import ASSEMBLER_OPTIONS, OPTIONS
from twisted_distcc.cmdline.parse import parse

# What an option's argument must be for the command to be distributed.
_ARGUMENT = {
    Role.LANGUAGE: "c",
    Role.FOR_ASSEMBLER: "--noexecstack",
    Role.FOR_CLANG: "-disable-llvm-passes",
    Role.FOR_LLVM: "-inline-threshold=1",
    Role.FOR_PREPROCESSOR: "-DX",
}
_OF_FORM = {
    Form.SWITCH: "",
    Form.LEVEL: "2",
    Form.WORDS: "one,two",
    Form.NAMED_WORDS: "march=all",
    Form.SETTING: "name=1",
    Form.ASSERTION: "question=answer",
    Form.PATTERN: ".*",
    Form.TEXT: "/a folder=/another",
}
_NAME_OF_FAMILY = {Family.GCC: "gcc", Family.CLANG: "clang", Family.GENERIC: "cc", None: "gcc"}

# By hand: words, and the role of the first of them.
_EXPECTED = {
    Role.STAGE: "-c -S --compile --assemble",
    Role.OUTPUT: "-o -ofile --output --output=file",
    Role.LANGUAGE: "-x -xc++ --language --language=c",
    Role.MAKE_RULES: "-MD -MMD",
    Role.MAKE_FILE: "-MF -MFfile",
    Role.MAKE_TARGET: "-MT -MTtarget -MQ -MQtarget",
    Role.MAKE_PHONY: "-MP",
    Role.PREPROCESS: (
        "-I -Idir -I- -DX -D -DX=1 -U -UX -include -includefile -imacros -iquote -isystem "
        "-isystem/usr -idirafter -iprefix -iwithprefix -iwithprefixbefore -isysroot --sysroot "
        "--sysroot=/ --include --include=file --imacros=file -nostdinc -nostdinc++ -stdlib=libc++ "
        "-resource-dir -resource-dir=/x -cxx-isystem -stdlib++-isystem -F -Fdir"
    ),
    Role.COMPILE: (
        "-O -O0 -O2 -Os -Ofast -Og -Wall -Wno-x -Werror -W -w -std=c11 --std=c11 -ansi -pedantic "
        "-fPIC -fno-plt -fworking-directory -fno-profile-arcs -fno-modules "
        "-march=x86-64 -mtune=generic -mcpu=cortex-a53 -m32 -mavx2 -pthread -pipe -p -pg -undef "
        "-trigraphs --param --param=x=1 -target --target=x -fdebug-compilation-dir "
        "-fdebug-compilation-dir=/x -ffile-prefix-map=a=b -frandom-seed=1 -gno-column-info -gz "
        "-gz=zlib -gcolumn-info -grecord-gcc-switches -gpubnames -A -G -finput-charset=utf-8 "
        "-fdiagnostics-color=always -fdiagnostics-format=json -fsanitize=address -flto -fopenmp "
        "-frecord-gcc-switches -fuse-ld=gold -l -lm"
    ),
    Role.DEBUG: "-g -g1 -g2 -g3 -ggdb -ggdb3 -gdwarf -gdwarf-5 -gline-tables-only -gstabs",
    Role.NO_DEBUG: "-g0 -ggdb0",
    Role.LINK: (
        "-L -Ldir -Wl,-z,now -Xlinker -static -static-libgcc -shared -shared-libgcc -pie "
        "-no-pie -rdynamic -s -r -u -z -T -Tscript -e -rpath -nostdlib -nodefaultlibs "
        "-nostartfiles -rtlib=compiler-rt -framework"
    ),
    Role.FOR_PREPROCESSOR: "-Wp,-DX -Xpreprocessor",
    Role.FOR_ASSEMBLER: "-Wa,--x -Xassembler",
    Role.OWN_PROCESSOR: "-march=native -mtune=native -mcpu=native",
    Role.DRIVER_RULES: "-specs=/x --specs=/x -specs --specs",
    Role.PLUGIN: "-fplugin=x.so",
    Role.FOR_PLUGIN: "-fplugin-arg-x-y -fplugin-arg-x-y=z",
    Role.FOR_CLANG: "-Xclang",
    Role.FOR_LLVM: "-mllvm -mllvm=-x",
    Role.LOCAL: (
        "-E -M -MM -MG -MV -### -dM -dD -dumpmachine -dumpbase -dumpdir "
        "--version --help --help=common -print-search-dirs --print-file-name=x -fsyntax-only "
        "-emit-llvm -emit-pch -emit-ast -march=native+crypto "
        "-fprofile-instr-use=x -fprofile-function-groups=2 "
        "-fprofile-sample-use=x -fcoverage-x "
        "-gsplit-dwarf=x -fplugin -fpass-plugin=x.so -iplugindir=x "
        "-wrapper -B -Bdir --prefix=x --gcc-toolchain=x "
        "-gcc-toolchain --gcc-install-dir=x -gcc-toolchain=x -ccc-install-dir -fversion -fhelp "
        "-save-temps=x -fdump-passes -ftime-trace=x "
        "-time=x -fpch-deps -fmodules -fmodules-ts "
        "-fmodule-file=x -fmodule-mapper=x -fcxx-modules -fimplicit-modules -frepo -fwpa -fwpa=1 "
        "-fsanitize-blacklist=x -fsanitize-ignorelist=x -fsanitize-coverage-allowlist=x "
        "-fxray-always-instrument=x -fthinlto-index=x -fthin-link-bitcode=x -arch "
        "-Xarch_host --config --config=x --driver-mode=g++ -working-directory=x "
        "-dependency-file -fcompare-debug "
        "-fpreprocessed -fdirectives-only "
        "-fdiagnostics-format=sarif-file -fdiagnostics-add-output=sarif -fvtv-counts "
        "-gen-decls -gen-reproducer=always "
        "-fself-test=x -ObjC -ObjC++ -gtoggle -gembed-source -gmodules "
        "-fbasic-block-sections=list=x -fproc-stat-report=x -frewrite-map-file=x -fdeps-file=x"
    ),
    Role.PROFILED: "-fprofile-use -fprofile-use=x -fbranch-probabilities -fauto-profile",
    Role.INPUT: "-fauto-profile=x",
    Role.MAKES: (
        "-gsplit-dwarf -gsplit-dwarf=single --coverage -coverage -ftest-coverage -fprofile-arcs "
        "-fstack-usage -fcallgraph-info -fcallgraph-info=su -save-temps -save-temps=obj --save-temps "
        "-fdump-tree-all -fdump-tree-optimized-raw -aux-info -aux-info=x -fsave-optimization-record "
        "-foptimization-record-file=x -ftime-trace -serialize-diagnostics "
        "--serialize-diagnostics -fprofile-generate -fprofile-generate=x -fprofile-instr-generate "
        "-fcoverage-mapping -fcs-profile-generate -fcrash-diagnostics-dir=x -fopt-info-all=x "
        "-da -fdump-statistics -fdump-tree-all=x -fdump-go-spec=x -fprofile-dir=x -fprofile-note=x"
    ),
    Role.BETTER_LOCAL: (
        "-H -P -C -CC --comments -v --verbose -finput-charset=latin1 -fno-working-directory"
    ),
    # Under no row.
    None: (
        "--frobnicate --includes -R -J -h -V -t -X -Xanalyzer -Z -k -b -q -N -n "
        "--for-linker -install_name -unknown"
    ),
}


_STAYS = frozenset({Role.LOCAL, Role.BETTER_LOCAL})


def _example(rule: Rule) -> list[str]:
    """The words of an option under this row."""
    argument = _OF_FORM[rule.form] if rule.form else _ARGUMENT.get(rule.role, "argument")
    if rule.takes in {Takes.SEPARATE, Takes.EITHER}:
        return [rule.name, argument]
    if rule.takes is Takes.JOINED and rule.role not in _STAYS:
        return [rule.name + argument]
    return [rule.name]


def _command(rule: Rule, words: list[str]) -> list[str]:
    rest = ["main.c"] if rule.role is Role.STAGE else ["-c", "main.c"]
    rest += ["-MD"] if rule.role in {Role.MAKE_FILE, Role.MAKE_TARGET, Role.MAKE_PHONY} else []
    return [_NAME_OF_FAMILY[rule.only], *words, *rest]


class RowTests(SynchronousTestCase):
    """Every row does in a command what it says."""

    def test_rows_that_travel(self) -> None:
        """A command with an option under a row that is not local is distributed."""
        for rule in OPTIONS.rules:
            if rule.role not in _STAYS:
                command = _command(rule, _example(rule))
                verdict = parse(command, brings_tools=True)
                assert isinstance(verdict, Compilation)
                roles = {option.words: option.role for option in verdict.options}
                expected = {rule.role}
                if rule.role is Role.FOR_PREPROCESSOR:
                    expected = {Role.PREPROCESS}
                self.assertIn(roles[tuple(_example(rule))], expected, command)

    def test_rows_that_stay(self) -> None:
        """A command with an option under a local row stays, and the row's words say why."""
        for rule in OPTIONS.rules:
            if rule.role in _STAYS:
                verdict = parse(_command(rule, _example(rule)))
                self.assertEqual(StayLocal(f"{rule.name} {rule.reason}"), verdict)

    def test_rows_on_a_server(self) -> None:
        """A server refuses what could harm it or cannot be done there, and does the rest."""
        for rule in OPTIONS.rules:
            if rule.role in DEMANDING:
                for with_files, confined in product((False, True), repeat=2):
                    more = ["-specs=/x"] if rule.role is Role.OWN_PROCESSOR else []
                    verdict = parse(
                        _command(rule, [*_example(rule), *more]),
                        arrived=True,
                        with_files=with_files,
                        confined=confined,
                        brings_tools=rule.role in PLUGINS,
                    )
                    refused = isinstance(verdict, StayLocal)
                    self.assertEqual(refused, not (with_files and confined), (rule.name, verdict))
            if rule.role in _STAYS:
                verdict = parse(_command(rule, _example(rule)), arrived=True)
                refused = isinstance(verdict, StayLocal)
                self.assertEqual(refused, rule.role is Role.LOCAL, (rule.name, verdict))

    def test_rows_for_plugins(self) -> None:
        """Nobody loads code, be it here or on a server, without the compiler that it is for."""
        for rule in OPTIONS.rules:
            if rule.role in PLUGINS:
                for arrived in (False, True):
                    verdict = parse(
                        _command(rule, _example(rule)), arrived=arrived, with_files=True, confined=True
                    )
                    assert isinstance(verdict, StayLocal)
                    self.assertIn("loads code", verdict.reason)

    def test_arguments_are_no_sources(self) -> None:
        """The word after an option that takes one is not the source, whatever it looks like."""
        rules = [r for r in OPTIONS.rules if r.takes in {Takes.SEPARATE, Takes.EITHER}]
        for rule in rules:
            if rule.role in _ARGUMENT:
                continue
            verdict = parse(_command(rule, [rule.name, "decoy.c"]))
            if rule.form is not None and not rule.form.admits("decoy.c"):
                form = f"{rule.name} is followed by {rule.form.value} there"
                self.assertEqual(StayLocal(f"{rule.name} decoy.c does not travel: {form}"), verdict)
                continue
            assert isinstance(verdict, Compilation), (rule, verdict)
            self.assertEqual("main.c", verdict.source, rule)

    def test_missing_arguments(self) -> None:
        """An option at the end that lacks its argument is for the compiler here to complain of."""
        for rule in OPTIONS.rules:
            if rule.takes in {Takes.SEPARATE, Takes.EITHER}:
                compiler = _NAME_OF_FAMILY[rule.only]
                verdict = parse([compiler, "-c", "main.c", "-MD", rule.name])
                self.assertEqual(StayLocal(f"{rule.name} lacks its argument"), verdict)

    def test_local_rows_have_reasons(self) -> None:
        """A row that keeps a command here, or from some servers, has a reason, and no other row has."""
        for rule in OPTIONS.rules:
            self.assertEqual(rule.role in _STAYS | DEMANDING | PLUGINS, bool(rule.reason), rule)

    def test_no_row_twice(self) -> None:
        """No two rows stand for the same words of the same compilers."""
        keys = [(rule.name, rule.takes, rule.only) for rule in OPTIONS.rules]
        self.assertEqual(len(set(keys)), len(keys))


class ExpectedTests(SynchronousTestCase):
    """What the manuals of gcc and clang say, against the table."""

    def test_by_hand(self) -> None:
        """Each word has the role that was written down for it."""
        for role, words in _EXPECTED.items():
            for word in words.split():
                rule = OPTIONS.find(word, Family.GCC)
                self.assertEqual(role, rule and rule.role, word)

    def test_what_clang_writes_into_objects(self) -> None:
        """Options that make clang write the command down are harmless with gcc, or not known to it."""
        for word, by_gcc in (
            ("-frecord-gcc-switches", Role.COMPILE), ("-grecord-gcc-switches", Role.COMPILE),
            ("-MJ", None), ("-MJx", None),
        ):  # fmt: skip
            for family, role in ((Family.CLANG, Role.RECORDS), (Family.GCC, by_gcc)):
                rule = OPTIONS.find(word, family)
                self.assertEqual(role, rule and rule.role, word)

    def test_files_that_clang_reads(self) -> None:
        """Lists and profiles are inputs with clang, and stay with gcc, which reads others."""
        for word in (
            *("-fsanitize-ignorelist=x", "-fsanitize-blacklist=x", "-fmemory-profile-use=x"),
            *("-fsanitize-coverage-allowlist=x", "-fxray-always-instrument=x"),
            *("-fprofile-instr-use=x", "-fprofile-sample-use=x", "-fbasic-block-sections=list=x"),
        ):
            for family, role in ((Family.CLANG, Role.INPUT), (Family.GCC, Role.LOCAL)):
                rule = OPTIONS.find(word, family)
                assert rule is not None
                self.assertEqual(role, rule.role, word)

    def test_output_in_one_word(self) -> None:
        """gcc takes whatever follows -o for a file, clang has other options that begin so."""
        for family, role in ((Family.CLANG, Role.LOCAL), (Family.GCC, Role.OUTPUT)):
            rule = OPTIONS.find("-objcmt-migrate-all", family)
            assert rule is not None
            self.assertEqual(role, rule.role)

    def test_meabi(self) -> None:
        """-meabi takes a word with clang and none with gcc."""
        for family, takes in ((Family.CLANG, Takes.SEPARATE), (Family.GCC, Takes.JOINED)):
            rule = OPTIONS.find("-meabi", family)
            assert rule is not None
            self.assertEqual(takes, rule.takes)

    def test_separate_only(self) -> None:
        """A row whose argument is the next word does not take longer words for itself."""
        self.assertIsNone(OPTIONS.find("-Xclangs", Family.CLANG))
        self.assertIsNone(OPTIONS.find("-u_start", Family.GCC))

    def test_joined_arguments(self) -> None:
        """The argument within a word is what follows the name, after = in long spellings."""
        for word, argument in (
            ("-ofile", "file"),
            ("-o=file", "=file"),
            ("--output=file", "file"),
            ("-MFfile", "file"),
        ):
            rule = OPTIONS.find(word, Family.GCC)
            assert rule is not None
            self.assertFalse(rule.wants_next(word))
            self.assertEqual(argument, rule.joined_argument(word))

    def test_longest_row_wins(self) -> None:
        """Of two rows that fit, the longer one counts, in whatever order they stand."""
        short = Rule("-f", Takes.JOINED, Role.COMPILE)
        long = Rule("-fplugin", Takes.JOINED, Role.LOCAL, "loads code")
        for rules in ([short, long], [long, short]):
            self.assertIs(long, Table(rules).find("-fplugin=x", Family.GCC))
            self.assertIs(short, Table(rules).find("-fplug", Family.GCC))

    def test_empty_word(self) -> None:
        """The empty word is under no row."""
        self.assertIsNone(OPTIONS.find("", Family.GCC))


class AssemblerTests(SynchronousTestCase):
    """Options behind -Wa: listed ones travel, all others stay."""

    def test_listed(self) -> None:
        """Options that touch no file are listed."""
        for word in ("--noexecstack", "-mrelax-relocations=no", "--defsym", "-march=all", "-W"):
            self.assertIsNotNone(ASSEMBLER_OPTIONS.find(word, Family.GENERIC), word)

    def test_unlisted(self) -> None:
        """Folders, files of options, and shortened names are not."""
        for word in (
            "-MD",
            "--M",
            "-o",
            "-I",
            "-Idir",
            "@x",
            "x.s",
            "--listing-lhs-width",
            "--noexec",
            "-",
            "",
        ):
            self.assertIsNone(ASSEMBLER_OPTIONS.find(word, Family.GENERIC), word)
