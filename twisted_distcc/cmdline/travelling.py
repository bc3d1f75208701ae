"""Options that travel, or that have done their work before the job leaves, as data.

In: nothing.  Out: rows.  This module refuses to know options that keep a command local (`staying`) and
those whose name ends in `=` (`valued`).
"""

from __future__ import annotations

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.rules import Role, Takes, rows

_STAGES = [
    *rows(Takes.NOTHING, Role.STAGE, "-c --compile -S --assemble"),
    *rows(Takes.EITHER, Role.OUTPUT, "-o --output"),
    *rows(Takes.EITHER, Role.LANGUAGE, "-x --language"),
]

_DEPENDENCIES = [
    *rows(Takes.NOTHING, Role.MAKE_RULES, "-MD -MMD"),
    *rows(Takes.EITHER, Role.MAKE_FILE, "-MF", Form.TEXT),
    *rows(Takes.EITHER, Role.MAKE_TARGET, "-MT -MQ", Form.TEXT),
    *rows(Takes.NOTHING, Role.MAKE_PHONY, "-MP"),
]

_PREPROCESSOR = [
    *rows(
        Takes.EITHER,
        Role.PREPROCESS,
        """-D -U -I -include -imacros -iquote -isystem -idirafter -iprefix
        -iwithprefix -iwithprefixbefore -isysroot -imultilib -imultiarch -iframework
        -iframeworkwithsysroot -iwithsysroot -cxx-isystem -stdlib++-isystem --sysroot -F
        --include --imacros --include-directory --include-directory-after --include-prefix
        --include-with-prefix --include-with-prefix-after --include-with-prefix-before
        --define-macro --undefine-macro --gcc-toolchain -resource-dir""",
        Form.TEXT,
    ),
    *rows(Takes.EITHER, Role.PREPROCESS, "-isystem-after", Form.TEXT, only=Family.CLANG),
    *rows(
        Takes.JOINED,
        Role.PREPROCESS,
        "-resource-dir= --gcc-install-dir= -stdlib= --stdlib=",
        Form.TEXT,
    ),
    *rows(
        Takes.NOTHING,
        Role.PREPROCESS,
        "-nostdinc -nostdinc++ -nobuiltininc -nostdlibinc -ibuiltininc",
    ),
    *rows(Takes.JOINED, Role.FOR_PREPROCESSOR, "-Wp,"),
    *rows(Takes.SEPARATE, Role.FOR_PREPROCESSOR, "-Xpreprocessor"),
]

_COMPILER = [
    # The families.  Their members that travel with more than a number after `=` are in `valued`,
    # those that read, write or load something are in `staying`.
    *rows(Takes.JOINED, Role.COMPILE, "-f -m -W -Rpass -Rno-pass", Form.SWITCH),
    *rows(Takes.JOINED, Role.DEBUG, "-g", Form.SWITCH),
    *rows(Takes.JOINED, Role.COMPILE, "-O", Form.LEVEL),
    *rows(Takes.JOINED, Role.COMPILE, "-Rpass= -Rpass-missed= -Rpass-analysis=", Form.PATTERN),
    *rows(
        Takes.NOTHING,
        Role.COMPILE,
        """-fdiagnostics-format=text -fdiagnostics-format=json -fdiagnostics-format=json-stderr
        -fdiagnostics-format=sarif-stderr -fdiagnostics-format=clang -fdiagnostics-format=msvc
        -fdiagnostics-format=vi""",
    ),
    *rows(
        Takes.NOTHING,
        Role.COMPILE,
        """-w -ansi --ansi -pedantic --pedantic -pedantic-errors --pedantic-errors -p -pg -pipe
        --pipe -pthread -pthreads -Q -Qunused-arguments -Qn -Qy -pass-exit-codes
        -canonical-prefixes -no-canonical-prefixes --no-canonical-prefixes -no-integrated-cpp
        -EB -EL --start-no-unused-arguments --end-no-unused-arguments""",
    ),
    # gcc writes these into the debug information, so they travel, though the text needs them not.
    *rows(
        Takes.NOTHING,
        Role.COMPILE,
        """-undef -trigraphs --trigraphs -traditional -traditional-cpp
        --traditional-cpp -finput-charset=utf-8 -finput-charset=UTF-8""",
    ),
    *rows(Takes.EITHER, Role.COMPILE, "--param", Form.SETTING),
    *rows(Takes.EITHER, Role.COMPILE, "-A", Form.ASSERTION),
    *rows(Takes.EITHER, Role.COMPILE, "-G", Form.WORDS),
    *rows(
        Takes.SEPARATE,
        Role.COMPILE,
        "-target -mthread-model -ftrapv-handler -fxray-instruction-threshold",
        Form.WORDS,
    ),
    *rows(Takes.SEPARATE, Role.COMPILE, "-fdebug-compilation-dir", Form.TEXT),
    *rows(Takes.SEPARATE, Role.COMPILE, "-meabi", Form.WORDS, only=Family.CLANG),
    *rows(Takes.NOTHING, Role.NO_DEBUG, "-g0 -ggdb0 -gno-dwarf"),
    *rows(
        Takes.JOINED,
        Role.COMPILE,
        """-gno- -gz -gcolumn-info -ginline -gstatement-frontiers -gvariable-location-views
        -gas-loc -gstrict-dwarf -gpubnames -ggnu-pubnames -grecord-gcc-switches
        -gsimple-template-names -gdescribe-dies -ginternal-reset-location-views""",
        Form.SWITCH,
    ),
    *rows(Takes.JOINED, Role.FOR_ASSEMBLER, "-Wa,"),
    *rows(Takes.SEPARATE, Role.FOR_ASSEMBLER, "-Xassembler"),
    *rows(Takes.SEPARATE, Role.FOR_CLANG, "-Xclang"),
    *rows(Takes.SEPARATE, Role.FOR_LLVM, "-mllvm"),
    *rows(Takes.JOINED, Role.FOR_LLVM, "-mllvm="),
]

_LINKER = [
    *rows(Takes.JOINED, Role.LINK, "-Wl, -static- -shared- --ld-path= -rtlib= --rtlib=", Form.TEXT),
    *rows(Takes.JOINED, Role.LINK, "-unwindlib= --unwindlib=", Form.TEXT),
    *rows(Takes.JOINED, Role.LINK, "-fuse-ld=", Form.TEXT, only=Family.CLANG),
    *rows(Takes.EITHER, Role.LINK, "-l -L -T --library-directory", Form.TEXT),
    *rows(
        Takes.SEPARATE,
        Role.LINK,
        "-Xlinker -Tbss -Tdata -Ttext -u -z -e -rpath -framework -weak_framework",
        Form.TEXT,
    ),
    *rows(
        Takes.NOTHING,
        Role.LINK,
        """-static -static-pie -shared -pie -no-pie -nopie -rdynamic -symbolic -s -r
        -nostdlib -nostdlib++ -nodefaultlibs -nostartfiles -nolibc""",
    ),
]

TRAVELLING = [*_STAGES, *_DEPENDENCIES, *_PREPROCESSOR, *_COMPILER, *_LINKER]
