"""The options of gcc and clang, as data: one row per rule.

In: a word of a command line.  Out: the row that it falls under.  This module refuses to know what
several words mean together: that is `parse`.

The longest row wins: `-gsplit-dwarf` is not `-g`.  A word under no row stays local, so what is
listed here is what may travel.  Rows say how an option takes its argument where that decides which
word is the source: a row that keeps the whole command local need not.  Long spellings (`--include`)
take a joined argument after `=`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.compilers import Family

if TYPE_CHECKING:
    from collections.abc import Iterable


class Takes(enum.Enum):
    """Where an option's argument stands."""

    NOTHING = enum.auto()
    JOINED = enum.auto()
    """In the same word, and may be empty."""
    SEPARATE = enum.auto()
    """In the next word."""
    EITHER = enum.auto()
    """In the same word, or in the next one when the word is the bare name."""


class Role(enum.Enum):
    """Who needs an option, or what it decides."""

    SOURCE = enum.auto()
    """Not an option: an operand."""
    PREPROCESS = enum.auto()
    """Only the preprocessor: served before the job leaves."""
    COMPILE = enum.auto()
    """The compiler, and the preprocessor too, whose macros may depend on it."""
    DEBUG = enum.auto()
    """As `COMPILE`, and turns debug information on."""
    NO_DEBUG = enum.auto()
    """As `COMPILE`, and turns debug information off."""
    LINK = enum.auto()
    """Only the linker, which does not run; a compiler may warn of it, once and locally."""
    LANGUAGE = enum.auto()
    STAGE = enum.auto()
    OUTPUT = enum.auto()
    MAKE_RULES = enum.auto()
    """`-MD` or `-MMD`: write a dependency file."""
    MAKE_FILE = enum.auto()
    MAKE_TARGET = enum.auto()
    MAKE_PHONY = enum.auto()
    FOR_PREPROCESSOR = enum.auto()
    """The argument is options for the preprocessor, parted by commas."""
    FOR_ASSEMBLER = enum.auto()
    """The argument is options for the assembler, parted by commas."""
    FOR_CLANG = enum.auto()
    """The argument is an option of clang's inner program."""
    FOR_LLVM = enum.auto()
    """The argument is an option of LLVM, any of which may load or write files."""
    LOCAL = enum.auto()
    """The command stays local; the row says why."""
    BETTER_LOCAL = enum.auto()
    """As `LOCAL`, for the exactness of the result alone: a server that is asked all the same may."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: an option or a family of options with the same beginning."""

    name: str
    takes: Takes
    role: Role
    reason: str = ""
    """For roles that keep a command local: what the option does, to be read after its name."""
    only: Family | None = None
    """The only family of compilers that the row is for; None for all."""

    def matches(self, word: str) -> bool:
        """Whether `word` is this option, with or without a joined argument."""
        if self.takes in {Takes.NOTHING, Takes.SEPARATE}:
            return word == self.name
        return word.startswith(self.name) and not self._runs_on(word)

    def _runs_on(self, word: str) -> bool:
        """Whether a longer long option is meant: `--includes` is not `--include`."""
        spelled_out = self.name.startswith("--") and self.takes is Takes.EITHER
        return spelled_out and word[len(self.name) :][:1] not in {"", "="}

    def wants_next(self, word: str) -> bool:
        """Whether the word after `word` is its argument."""
        return self.takes is Takes.SEPARATE or (self.takes is Takes.EITHER and word == self.name)

    def joined_argument(self, word: str) -> str:
        """The argument within `word`."""
        argument = word[len(self.name) :]
        return argument.removeprefix("=") if self.name.startswith("--") else argument


class Table:
    """Rows, found by the longest name that fits; of two, the one for the very family."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._by_name: dict[str, list[Rule]] = {}
        for rule in sorted(self.rules, key=lambda rule: rule.only is None):
            self._by_name.setdefault(rule.name, []).append(rule)
        self._longest = max(map(len, self._by_name))

    def find(self, word: str, family: Family) -> Rule | None:
        """The row for `word` on the command line of a compiler of `family`."""
        for length in range(min(len(word), self._longest), 0, -1):
            for rule in self._by_name.get(word[:length], ()):
                if rule.only in {None, family} and rule.matches(word):
                    return rule
        return None


def _rows(takes: Takes, role: Role, names: str, *, only: Family | None = None) -> list[Rule]:
    return [Rule(name, takes, role, only=only) for name in names.split()]


def _better_local(reason: str, names: str, *, only: Family | None = None) -> list[Rule]:
    """Rows that keep a command local only because its result would differ elsewhere."""
    return [replace(rule, role=Role.BETTER_LOCAL) for rule in _local(reason, names, only=only)]


def _local(reason: str, names: str, *, only: Family | None = None) -> list[Rule]:
    """Rows that keep a command local; a name that ends in `*` stands for all that begin so."""
    return [
        Rule(
            name.removesuffix("*"),
            Takes.JOINED if name.endswith("*") else Takes.NOTHING,
            Role.LOCAL,
            reason,
            only,
        )
        for name in names.split()
    ]


_STAGES = [
    *_rows(Takes.NOTHING, Role.STAGE, "-c --compile -S --assemble"),
    *_rows(Takes.EITHER, Role.OUTPUT, "-o --output"),
    *_rows(Takes.EITHER, Role.LANGUAGE, "-x --language"),
]

_DEPENDENCIES = [
    *_rows(Takes.NOTHING, Role.MAKE_RULES, "-MD -MMD"),
    *_rows(Takes.EITHER, Role.MAKE_FILE, "-MF"),
    *_rows(Takes.EITHER, Role.MAKE_TARGET, "-MT -MQ"),
    *_rows(Takes.NOTHING, Role.MAKE_PHONY, "-MP"),
]

_PREPROCESSOR = [
    *_rows(
        Takes.EITHER,
        Role.PREPROCESS,
        """-D -U -I -include -imacros -iquote -isystem -idirafter -iprefix
        -iwithprefix -iwithprefixbefore -isysroot -imultilib -imultiarch -iframework
        -iframeworkwithsysroot -iwithsysroot -cxx-isystem -stdlib++-isystem --sysroot
        --include --imacros --include-directory --include-directory-after --include-prefix
        --include-with-prefix --include-with-prefix-after --include-with-prefix-before
        --define-macro --undefine-macro --gcc-toolchain -resource-dir""",
    ),
    *_rows(Takes.EITHER, Role.PREPROCESS, "-isystem-after", only=Family.CLANG),
    *_rows(Takes.JOINED, Role.PREPROCESS, "-resource-dir= --gcc-install-dir= -stdlib= --stdlib="),
    *_rows(
        Takes.NOTHING,
        Role.PREPROCESS,
        "-nostdinc -nostdinc++ -nobuiltininc -nostdlibinc -ibuiltininc",
    ),
    *_rows(Takes.JOINED, Role.FOR_PREPROCESSOR, "-Wp,"),
    *_rows(Takes.SEPARATE, Role.FOR_PREPROCESSOR, "-Xpreprocessor"),
]

_COMPILER = [
    *_rows(Takes.JOINED, Role.COMPILE, "-f -m -W -O -std= --std= -Rpass -Rno-pass --target="),
    *_rows(
        Takes.NOTHING,
        Role.COMPILE,
        """-w -ansi --ansi -pedantic --pedantic -pedantic-errors --pedantic-errors -p -pg -pipe
        --pipe -pthread -pthreads -Q -Qunused-arguments -Qn -Qy -pass-exit-codes
        -canonical-prefixes -no-canonical-prefixes --no-canonical-prefixes -no-integrated-cpp
        --start-no-unused-arguments --end-no-unused-arguments""",
    ),
    # gcc writes these into the debug information, so they travel, though the text needs them not.
    *_rows(
        Takes.NOTHING,
        Role.COMPILE,
        """-undef -trigraphs --trigraphs -remap -traditional -traditional-cpp
        --traditional-cpp -finput-charset=utf-8 -finput-charset=UTF-8""",
    ),
    *_rows(Takes.EITHER, Role.COMPILE, "-A -F -G --param"),
    *_rows(
        Takes.SEPARATE,
        Role.COMPILE,
        """-target -mthread-model -fdebug-compilation-dir -ftrapv-handler
        -fxray-instruction-threshold""",
    ),
    *_rows(Takes.SEPARATE, Role.COMPILE, "-meabi", only=Family.CLANG),
    *_rows(Takes.JOINED, Role.DEBUG, "-g"),
    *_rows(Takes.NOTHING, Role.NO_DEBUG, "-g0 -ggdb0 -gno-dwarf"),
    *_rows(
        Takes.JOINED,
        Role.COMPILE,
        """-gno- -gz -gcolumn-info -ginline -gstatement-frontiers -gvariable-location-views
        -gas-loc -gstrict-dwarf -gpubnames -ggnu-pubnames -grecord-gcc-switches
        -gsimple-template-names -gdescribe-dies -ginternal-reset-location-views""",
    ),
    *_rows(Takes.JOINED, Role.FOR_ASSEMBLER, "-Wa,"),
    *_rows(Takes.SEPARATE, Role.FOR_ASSEMBLER, "-Xassembler"),
    *_rows(Takes.SEPARATE, Role.FOR_CLANG, "-Xclang"),
    *_rows(Takes.SEPARATE, Role.FOR_LLVM, "-mllvm"),
    *_rows(Takes.JOINED, Role.FOR_LLVM, "-mllvm="),
]

_LINKER = [
    *_rows(Takes.JOINED, Role.LINK, "-Wl, -static- -shared- --ld-path= -rtlib= --rtlib="),
    *_rows(Takes.JOINED, Role.LINK, "-unwindlib= --unwindlib="),
    *_rows(Takes.JOINED, Role.LINK, "-fuse-ld=", only=Family.CLANG),
    *_rows(Takes.EITHER, Role.LINK, "-l -L -T --library-directory"),
    *_rows(
        Takes.SEPARATE,
        Role.LINK,
        "-Xlinker -Tbss -Tdata -Ttext -u -z -e -rpath -framework -weak_framework",
    ),
    *_rows(
        Takes.NOTHING,
        Role.LINK,
        """-static -static-pie -shared -pie -no-pie -nopie -rdynamic -symbolic -s -r
        -nostdlib -nostdlib++ -nodefaultlibs -nostartfiles -nolibc""",
    ),
]

_OTHER_RESULTS = [
    *_local("preprocesses and does not compile", "-E --preprocess"),
    *_local("lists dependencies and does not compile", "-M -MM --dependencies --user-dependencies"),
    *_local("writes rules for headers that do not exist yet", "-MG"),
    *_local("writes dependencies as another make reads them", "-MV"),
    *_local("checks the source and writes no object", "-fsyntax-only -verify-pch"),
    *_local("writes something else than an object", "-emit-* -rewrite-* --analyze* -extract-api"),
    *_local("asks the compiler about itself", "--version --help* -help --target-help -dump*"),
    *_local("asks the compiler about itself", "-print-* --print-* -ccc-print-*"),
    *_better_local("shows the commands that run on this machine", "-v --verbose"),
    *_local("shows commands and runs none", "-###"),
    *_better_local("lists headers as they are read", "-H -fshow-skipped-includes"),
    *_better_local("is meant for the output of the preprocessor", "-P -C -CC --comments*"),
    *_local("dumps the compiler's own state into files", "-d* --dump*"),
    *_local("names the compiler's auxiliary files", "-dumpdir* -dumpbase* --dumpdir* --dumpbase*"),
    *_local("builds for several architectures at once", "-arch -Xarch_*"),
    *_local("changes the language of every source", "-ObjC*"),
    *_local("migrates the source", "-objcmt-*", only=Family.CLANG),
    *_local("names the object in debug information", "-object-file-name*", only=Family.CLANG),
]

_OTHER_PROGRAMS = [
    *_local("loads code into the compiler on the machine where it runs", "-fplugin* -fpass-plugin=*"),
    *_local("loads code into the compiler on the machine where it runs", "-iplugindir*"),
    *_local("reads rules of the compiler driver from a file", "-specs* --specs*"),
    *_local("starts another program in place of the compiler", "-wrapper"),
    *_local("looks for the compiler's own programs in a folder of this machine", "-B* --prefix*"),
    *_local("reads more options from a file on this machine", "--config*"),
    *_local("makes the driver take other options than its name tells", "--driver-mode=*"),
    *_local("runs in another folder than this one", "-working-directory*"),
]

_MACHINE = [
    *_local(
        "compiles for the very processor of this machine",
        "-march=native* -mtune=native* -mcpu=native*",
    ),
]

_PROFILE_DATA = "reads or writes profile data beside the object"
_COVERAGE = "writes coverage notes beside the object"
_LISTED_FILE = "reads a list from a file on this machine"
_REPORT = "writes a report into a file"
_MODULES = "reads or writes compiled modules"
_PRECOMPILED = "reads or writes precompiled headers"

_FILES_READ = [
    *_local(
        _PROFILE_DATA,
        """-fprofile* -fcs-profile* -fauto-profile* -fbranch-probabilities -fmemory-profile*
        -fpgo*""",
    ),
    *_local(
        _LISTED_FILE,
        """-fsanitize-blacklist=* -fsanitize-ignorelist=* -fsanitize-system-blacklist=*
        -fsanitize-system-ignorelist=* -fsanitize-coverage-allowlist=*
        -fsanitize-coverage-blacklist=* -fsanitize-coverage-ignorelist=*
        -fsanitize-coverage-whitelist=* -fxray-always-instrument* -fxray-never-instrument*
        -fxray-attr-list* -fbasic-block-sections=list=* -frewrite-map-file* -filelist*
        -fbuild-session* -fexperimental-sanitize-metadata-ignorelist=* -fresolution=*
        -frandomize-layout-seed-file=*""",
    ),
    *_local("reads an index of link-time optimization", "-fthinlto-index=*"),
    *_local("reads a file into the object", "-fembed-offload-object=* -gembed-source"),
    *_local(_MODULES, "-fmodule* -fcxx-modules -fimplicit-module* -fprebuilt-* -gmodules"),
    *_local(_MODULES, "-fbuiltin-module-map -fapinotes* -ivfsoverlay* -module-*"),
    *_local(_PRECOMPILED, "-include-pch* -fpch* -emit-pch -relocatable-pch --relocatable-pch"),
    *_local("takes the source for preprocessed text", "-fpreprocessed -fdirectives-only"),
    *_local("looks for the source among the headers", "-fsearch-include-path*"),
    *_local("runs the compiler's own tests", "-fself-test*"),
    *_better_local(
        "converts the source, and would do it again to preprocessed text", "-finput-charset=*"
    ),
    *_better_local("keeps the working directory out of preprocessed text", "-fno-working-directory"),
]

_FILES_WRITTEN = [
    *_local(
        _COVERAGE,
        """--coverage -coverage -ftest-coverage -fcoverage* -fcondition-coverage
        -fpath-coverage""",
    ),
    *_local("writes debug information into a file of its own", "-gsplit-dwarf*"),
    *_local("keeps intermediate files", "-save-temps* --save-temps*"),
    *_local(
        _REPORT,
        """-aux-info* -fstack-usage -fcallgraph-info* -fopt-info* -foptimization-record*
        -fsave-optimization-record* -ftime-trace* -fproc-stat-report* -time* -fvtv*
        -save-stats* --save-stats* -MJ* -gen-cdb-fragment-path* -dependency-dot*
        -dependency-file* -serialize-diagnostics*
        --serialize-diagnostics* -fdiagnostics-add-output=* -fdiagnostics-set-output=*
        -fdiagnostics-format=json-file -fdiagnostics-format=sarif-file -fdeps-*
        -fcrash-diagnostics* -gen-reproducer*""",
    ),
    *_local("dumps the compiler's own state into files", "-fdump* -fcompare-debug* -gtoggle"),
    *_local("writes an index for link-time optimization", "-fthin-link-bitcode=*"),
    *_local("writes templates into a repository file", "-frepo"),
    *_better_local("writes the command itself into the assembly", "-fverbose-asm"),
    *_better_local(
        "writes the command itself into the object",
        """-frecord-gcc-switches -frecord-command-line -grecord-gcc-switches
        -grecord-command-line -fembed-bitcode*""",
        only=Family.CLANG,
    ),
]

OPTIONS = Table(
    [
        *_STAGES,
        *_DEPENDENCIES,
        *_PREPROCESSOR,
        *_COMPILER,
        *_LINKER,
        *_OTHER_RESULTS,
        *_OTHER_PROGRAMS,
        *_MACHINE,
        *_FILES_READ,
        *_FILES_WRITTEN,
    ]
)

# Options of the GNU assembler that read and write nothing; all others stay local, for there are
# many that write listings and dependencies, and getopt takes shortened names.
ASSEMBLER_OPTIONS = Table(
    [
        *_rows(
            Takes.NOTHING,
            Role.COMPILE,
            """--noexecstack --execstack --fatal-warnings --no-warn --warn -W -g --gen-debug
            --gstabs --gdwarf-2 --gdwarf-3 --gdwarf-4 --gdwarf-5 --32 --64 --x32 --divide
            --alternate --keep-locals -L --reduce-memory-overheads --strip-local-absolute
            --compress-debug-sections --nocompress-debug-sections --no-pad-sections
            --traditional-format --sectname-subst -Z""",
        ),
        *_rows(
            Takes.JOINED,
            Role.COMPILE,
            """-m --compress-debug-sections= --elf-stt-common= --generate-missing-build-notes=
            --hash-size= --size-check=""",
        ),
        *_rows(Takes.SEPARATE, Role.COMPILE, "--defsym"),
    ]
)

# Options of clang's inner program that are known to touch no file.
CLANG_OPTIONS = frozenset({"-disable-O0-optnone", "-disable-llvm-passes", "-disable-lifetime-markers"})

# Options of LLVM that are known to touch no file, without their arguments.
LLVM_OPTIONS = frozenset(
    {
        "-align-all-functions",
        "-enable-misched",
        "-inline-threshold",
        "-inlinehint-threshold",
        "-instcombine-lower-dbg-declare",
        "-unroll-threshold",
        "-vectorize-loops",
    }
)
