"""Options that travel, or that have done their work before the job leaves, as data.

Options that keep a command local are in `staying`, and those whose name ends in `=` in `valued`.
"""

from __future__ import annotations

from twisted_distcc.cmdline.compilation import BITCODE
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.option_rules import Role, Takes, rows

DRIVER_RULES = "reads rules of the compiler driver from a file"
OWN_PROCESSOR = "compiles for this machine's own processor"
LISTED_FILE = "reads a list from a file on this machine"
PROFILE_DATA = "reads or writes profile data beside the object"
MODULES = "reads or writes compiled modules"
PRECOMPILED = "reads or writes precompiled headers"
LOADS_CODE = "loads code into the compiler on the machine where it runs"
VERBOSE_ASSEMBLY = "-fverbose-asm"
MODULE_FILE = "-fmodule-file="
INCLUDE_PCH = "-include-pch"
OVERLAY = "-ivfsoverlay"
ROOTS = frozenset({"-isysroot", "--sysroot", "-resource-dir", "--gcc-toolchain=", "--gcc-install-dir="})
"""Options for folders in which compilers look for folders of headers."""
MODULE_MAP = "-fmodule-map-file="

_STAGES = [
    *rows(Takes.NOTHING, Role.STAGE, "-c|--compile -S|--assemble"),
    *rows(Takes.EITHER, Role.OUTPUT, "-o|--output"),
    *rows(Takes.EITHER, Role.LANGUAGE, "-x|--language"),
]

_DEPENDENCIES = [
    *rows(Takes.NOTHING, Role.MAKE_RULES, "-MD|--write-dependencies -MMD|--write-user-dependencies"),
    *rows(Takes.EITHER, Role.MAKE_FILE, "-MF", Form.TEXT),
    *rows(Takes.EITHER, Role.MAKE_TARGET, "-MT -MQ", Form.TEXT),
    *rows(Takes.NOTHING, Role.MAKE_PHONY, "-MP"),
]

_PREPROCESSOR = [
    *rows(
        Takes.EITHER,
        Role.PREPROCESS,
        """-D|--define-macro -U|--undefine-macro -I|--include-directory -include|--include
        -imacros|--imacros -iquote -isystem -idirafter|--include-directory-after
        -iprefix|--include-prefix -iwithprefix|--include-with-prefix|--include-with-prefix-after
        -iwithprefixbefore|--include-with-prefix-before -isysroot -imultilib -imultiarch
        -iframework -iframeworkwithsysroot -iwithsysroot -cxx-isystem -stdlib++-isystem
        --sysroot -F""",
        Form.TEXT,
    ),
    *rows(Takes.EITHER, Role.PREPROCESS, "-isystem-after", Form.TEXT, only=Family.CLANG),
    # Where the headers of the C++ library are; see `parse` for what else may be there.
    *rows(
        Takes.JOINED,
        Role.PREPROCESS,
        "--gcc-toolchain= --gcc-install-dir=",
        Form.TEXT,
        only=Family.CLANG,
    ),
    *rows(Takes.SEPARATE, Role.PREPROCESS, "-resource-dir|-resource-dir=", Form.TEXT),
    *rows(Takes.JOINED, Role.PREPROCESS, "-stdlib=|--stdlib=", Form.TEXT),
    *rows(
        Takes.NOTHING,
        Role.PREPROCESS,
        "-nostdinc|--no-standard-includes -nostdinc++ -nobuiltininc -nostdlibinc -ibuiltininc",
    ),
    *rows(Takes.JOINED, Role.FOR_PREPROCESSOR, "-Wp,"),
    *rows(Takes.SEPARATE, Role.FOR_PREPROCESSOR, "-Xpreprocessor"),
]

_COMPILER = [
    # The families.  Members that travel with more than a number after `=` are in `valued`; those that
    # read, write or load something are in `staying`.
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
        """-w|--no-warnings -Wall|--all-warnings -Wextra|-W|--extra-warnings -ansi|--ansi
        -Wpedantic|-pedantic|--pedantic -pedantic-errors|--pedantic-errors -p|--profile
        -pg -pipe|--pipe -pthread -pthreads -Q -Qunused-arguments -Qn -Qy
        -pass-exit-codes|--pass-exit-codes -canonical-prefixes
        -no-canonical-prefixes|--no-canonical-prefixes -no-integrated-cpp|--no-integrated-cpp
        -EB -EL --start-no-unused-arguments --end-no-unused-arguments""",
    ),
    # Options for which gcc has two names, one of them usually deprecated.
    *rows(
        Takes.NOTHING,
        Role.COMPILE,
        """-Wcomment|-Wcomments -Wno-comment|-Wno-comments -Wc++11-compat|-Wc++0x-compat
        -Wno-c++11-compat|-Wno-c++0x-compat -Wc++17-compat|-Wc++1z-compat
        -Wno-c++17-compat|-Wno-c++1z-compat -Wc++20-compat|-Wc++2a-compat
        -Wno-c++20-compat|-Wno-c++2a-compat -fexceptions|-fhandle-exceptions
        -fno-exceptions|-fno-handle-exceptions
        -floop-nest-optimize|-floop-block|-floop-strip-mine|-ftree-loop-linear
        -fno-loop-nest-optimize|-fno-loop-block|-fno-loop-strip-mine|-fno-tree-loop-linear
        -Wsuggest-attribute=noreturn|-Wmissing-noreturn
        -Wno-suggest-attribute=noreturn|-Wno-missing-noreturn
        -Wsuggest-attribute=format|-Wmissing-format-attribute
        -Wno-suggest-attribute=format|-Wno-missing-format-attribute
        -Werror=implicit-function-declaration|-Werror-implicit-function-declaration
        -mavx|-msse5 -mno-avx|-mno-sse5 -masm=intel|-mintel-syntax -masm=att|-mno-intel-syntax
        -mprefer-vector-width=128|-mprefer-avx128 -mprefer-vector-width=256|-mno-prefer-avx128
        -fno-dump-fortran-original|-fno-dump-parse-tree
        -ffp-contract=fast|-mfused-madd -ffp-contract=off|-mno-fused-madd""",
    ),
    # gcc writes these into the debug information, so they travel, although the text does not need them.
    *rows(
        Takes.NOTHING,
        Role.COMPILE,
        """-undef -trigraphs|--trigraphs -traditional|--traditional
        -traditional-cpp|--traditional-cpp -finput-charset=utf-8 -finput-charset=UTF-8""",
    ),
    *rows(Takes.EITHER, Role.COMPILE, "--param", Form.SETTING),
    *rows(Takes.EITHER, Role.COMPILE, "-A|--assert", Form.ASSERTION),
    *rows(Takes.EITHER, Role.COMPILE, "-G", Form.WORDS),
    *rows(
        Takes.SEPARATE,
        Role.COMPILE,
        """-target|--target= -mthread-model -ftrapv-handler|-ftrapv-handler=
        -fxray-instruction-threshold|-fxray-instruction-threshold=""",
        Form.WORDS,
    ),
    *rows(Takes.SEPARATE, Role.COMPILE, "-fdebug-compilation-dir|-fdebug-compilation-dir=", Form.TEXT),
    *rows(
        Takes.NOTHING,
        Role.COMPILE,
        "-fintegrated-as|-integrated-as -fno-integrated-as|-no-integrated-as",
    ),
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
    *rows(
        Takes.SEPARATE,
        Role.DRIVER_RULES,
        "-specs=|--specs=|-specs|--specs",
        Form.TEXT,
        only=Family.GCC,
        reason=DRIVER_RULES,
    ),
    *rows(
        Takes.NOTHING,
        Role.OWN_PROCESSOR,
        "-march=native -mtune=native -mcpu=native",
        reason=OWN_PROCESSOR,
    ),
    *rows(
        Takes.JOINED,
        Role.INPUT,
        """-fsanitize-ignorelist=|-fsanitize-blacklist= -fsanitize-system-ignorelist=
        -fsanitize-coverage-allowlist=|-fsanitize-coverage-whitelist=
        -fsanitize-coverage-ignorelist=|-fsanitize-coverage-blacklist=
        -fexperimental-sanitize-metadata-ignorelist= -fxray-always-instrument=
        -fxray-never-instrument= -fxray-attr-list= -fbasic-block-sections=list=
        -fprofile-list= -fprofile-remapping-file= -frandomize-layout-seed-file=""",
        Form.TEXT,
        only=Family.CLANG,
        reason=LISTED_FILE,
    ),
    *rows(
        Takes.JOINED,
        Role.INPUT,
        """-fprofile-sample-use=|-fauto-profile= -fprofile-instr-use=|-fprofile-use=
        -fmemory-profile-use=""",
        Form.TEXT,
        only=Family.CLANG,
        reason=PROFILE_DATA,
    ),
    *rows(
        Takes.SEPARATE,
        Role.DRIVER_RULES,
        "--config|--config=",
        Form.TEXT,
        only=Family.CLANG,
        reason="reads more options from a file",
    ),
    *rows(Takes.EITHER, Role.INPUT, OVERLAY, Form.TEXT, only=Family.CLANG, reason=LISTED_FILE),
    *rows(Takes.JOINED, Role.INPUT, MODULE_MAP, Form.TEXT, only=Family.CLANG, reason=MODULES),
    *rows(Takes.JOINED, Role.PREPROCESS, "-fmodule-name=", Form.TEXT, only=Family.CLANG),
    *rows(Takes.JOINED, Role.INPUT, MODULE_FILE, Form.TEXT, only=Family.CLANG, reason=MODULES),
    *rows(Takes.SEPARATE, Role.INPUT, INCLUDE_PCH, Form.TEXT, only=Family.CLANG, reason=PRECOMPILED),
    *rows(Takes.JOINED, Role.INPUT, "-fauto-profile=", Form.TEXT, only=Family.GCC, reason=PROFILE_DATA),
    *rows(
        Takes.NOTHING,
        Role.COMPILE,
        """-fpch-preprocess -fprofile-correction -fprofile-values -fprofile-reorder-functions
        -fprofile-abs-path -fprofile-partial-training -fprofile-info-section""",
        only=Family.GCC,
    ),
    *rows(Takes.JOINED, Role.COMPILE, "-fprofile-reproducible=", Form.WORDS, only=Family.GCC),
    *rows(
        Takes.NOTHING,
        Role.COMPILE,
        """-fno-modules -fno-implicit-modules -fno-implicit-module-maps -fmodules-decluse
        -fmodules-strict-decluse -fpch-instantiate-templates -fno-pch-instantiate-templates
        -fpch-validate-input-files-content -fno-pch-validate-input-files-content""",
        only=Family.CLANG,
    ),
    *rows(
        Takes.NOTHING,
        Role.COMPILE,
        "-fdump-noaddr -fdump-unnumbered -fdump-unnumbered-links",
        only=Family.GCC,
    ),
    # What annotates the assembly.
    *rows(Takes.NOTHING, Role.COMPILE, "-dA -dp -dP", only=Family.GCC),
    *rows(Takes.NOTHING, Role.COMPILE, VERBOSE_ASSEMBLY),
    *rows(Takes.NOTHING, Role.COMPILE, BITCODE, only=Family.CLANG),
    *rows(Takes.NOTHING, Role.COMPILE, "-gen-reproducer=off -gen-reproducer=crash", only=Family.CLANG),
    *rows(Takes.JOINED, Role.PLUGIN, "-fplugin=", Form.TEXT, reason=LOADS_CODE),
    *rows(Takes.JOINED, Role.PLUGIN, "-fpass-plugin=", Form.TEXT, only=Family.CLANG, reason=LOADS_CODE),
    *rows(Takes.JOINED, Role.FOR_PLUGIN, "-fplugin-arg-", Form.NAMED_WORDS, reason=LOADS_CODE),
    *rows(Takes.SEPARATE, Role.FOR_CLANG, "-Xclang"),
    *rows(Takes.SEPARATE, Role.FOR_LLVM, "-mllvm|-mllvm="),
]

_LINKER = [
    *rows(Takes.JOINED, Role.LINK, "-Wl, -static- -shared- --ld-path= -rtlib=|--rtlib=", Form.TEXT),
    *rows(Takes.JOINED, Role.LINK, "-unwindlib=|--unwindlib=", Form.TEXT),
    *rows(Takes.JOINED, Role.LINK, "-fuse-ld=", Form.TEXT, only=Family.CLANG),
    *rows(Takes.EITHER, Role.LINK, "-L|--library-directory -T", Form.TEXT),
    *rows(Takes.EITHER, Role.LINK, "-l", Form.TEXT, only=Family.CLANG),
    # With offloading, gcc writes -lm into debug information, as an option for what it offloads.
    *rows(Takes.EITHER, Role.COMPILE, "-l", Form.WORDS),
    *rows(
        Takes.SEPARATE,
        Role.LINK,
        "-Xlinker -Tbss -Tdata -Ttext -u -z -e -rpath -framework -weak_framework",
        Form.TEXT,
    ),
    *rows(
        Takes.NOTHING,
        Role.LINK,
        """-static|--static -static-pie -shared|--shared -pie -no-pie -nopie -rdynamic -symbolic -s -r
        -nostdlib -nostdlib++ -nodefaultlibs -nostartfiles -nolibc""",
    ),
]

TRAVELLING = [*_STAGES, *_DEPENDENCIES, *_PREPROCESSOR, *_COMPILER, *_LINKER]
