"""Options that keep a command where it was typed, each with the reason, as data.

An option without a row stays local anyway.  Listed here are exceptions from families of options that
travel, and options that deserve a better reason than being unknown.
"""

from __future__ import annotations

from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.option_rules import better_local, local
from twisted_distcc.cmdline.travelling import (
    DRIVER_RULES,
    LISTED_FILE,
    LOADS_CODE,
    MODULES,
    OWN_PROCESSOR,
    PRECOMPILED,
    PROFILE_DATA,
)

_OTHER_RESULTS = [
    *local("preprocesses and does not compile", "-E|--preprocess"),
    *local("lists dependencies and does not compile", "-M|--dependencies -MM|--user-dependencies"),
    *local("writes rules for headers that do not exist yet", "-MG|--print-missing-file-dependencies"),
    *local("writes dependencies as another make reads them", "-MV"),
    *local("checks the source and writes no object", "-fsyntax-only -verify-pch"),
    *local("writes something other than an object", "-emit-* -rewrite-* --analyze* -extract-api"),
    *local(
        "asks the compiler about itself",
        """--version|-fversion|-fno-version --help*|-help|-fhelp|-fno-help
        --target-help|-ftarget-help|-fno-target-help -dump*""",
    ),
    *local("asks the compiler about itself", "-print-*|--print-*"),
    *better_local("shows the commands that run on this machine", "-v|--verbose"),
    *local("shows commands and runs none", "-###"),
    *better_local("lists headers as they are read", "-H|--trace-includes -fshow-skipped-includes"),
    *better_local(
        "is meant for the output of the preprocessor",
        "-P|--no-line-commands -C|--comments -CC|--comments-in-macros",
    ),
    *local("dumps the compiler's own state into files", "-d*|--dump*"),
    *local("names the compiler's auxiliary files", "-dumpdir*|--dumpdir* -dumpbase*|--dumpbase*"),
    *local(
        "builds for several architectures at once",
        "-arch -Xarch_* -fopenmp-targets* -foffload-options=* --cuda-*|-cuda-* --offload-*|-offload-*",
    ),
    *local("changes the language of every source", "-ObjC*"),
    *local("migrates the source", "-objcmt-*", only=Family.CLANG),
    *local("names the object in debug information", "-object-file-name*", only=Family.CLANG),
]

_OTHER_PROGRAMS = [
    *local(LOADS_CODE, "-fplugin* -fpass-plugin=* -iplugindir*"),
    *local(DRIVER_RULES, "-specs*|--specs*", only=Family.CLANG),
    *local("starts another program in place of the compiler", "-wrapper"),
    *local(
        "looks for the compiler's own programs in a folder of this machine",
        "-B*|--prefix* --gcc-*|-gcc-* -ccc-*",
    ),
    *local("reads more options from a file on this machine", "--config*"),
    *local("says where files of more options are on this machine", "--config-*"),
    *local("makes the driver accept other options than its name implies", "--driver-mode=*"),
    *local("runs in another folder than this one", "-working-directory*"),
    *local(
        "takes the next word to some releases of clang only", "-Tbss* -Tdata* -Ttext*", only=Family.CLANG
    ),
]

_MACHINE = [*local(OWN_PROCESSOR, "-march=native+* -mtune=native+* -mcpu=native+*")]

_COVERAGE = "writes coverage notes beside the object"
_REPORT = "writes a report into a file"

_FILES_READ = [
    *local(
        PROFILE_DATA,
        "-fprofile* -fcs-profile* -fmemory-profile* -fpgo* -fcodegen-data*",
    ),
    *local(PROFILE_DATA, "-fauto-profile* -fbranch-probabilities", only=Family.CLANG),
    *local(
        LISTED_FILE,
        """-fsanitize-blacklist=* -fsanitize-ignorelist=* -fsanitize-system-blacklist=*
        -fsanitize-system-ignorelist=* -fsanitize-coverage-allowlist=*
        -fsanitize-coverage-blacklist=* -fsanitize-coverage-ignorelist=*
        -fsanitize-coverage-whitelist=* -fxray-always-instrument* -fxray-never-instrument*
        -fxray-attr-list* -fbasic-block-sections=list=* -frewrite-map-file* -filelist*
        -fbuild-session* -fexperimental-sanitize-metadata-ignorelist=* -fresolution=*
        -frandomize-layout-seed-file=* -fms-secure-hotpatch-functions-file*
        -multi-lib-config*""",
    ),
    *local("reads an index of link-time optimization", "-fthinlto-index=* -fthinlto-distributor*"),
    *local("keeps a cache of compiles", "-flto-incremental* -fcas* -fdepscan* -faction-cache*"),
    *local("reads a file into the object", "-fembed-offload-object=* -gembed-source"),
    *local(MODULES, "--precompile -fmodule* -fcxx-modules -fimplicit-module* -fprebuilt-* -gmodules"),
    *local(MODULES, "-fbuiltin-module-map -fapinotes* -ivfsoverlay* -module-*"),
    *local(PRECOMPILED, "-include-pch* -fpch* -emit-pch -relocatable-pch|--relocatable-pch"),
    *local("treats the source as preprocessed text", "-fpreprocessed -fdirectives-only"),
    *local("looks for the source among the headers", "-fsearch-include-path*"),
    *local("runs the compiler's own tests", "-fself-test*"),
    *local("renames headers by a file that is beside them", "-remap"),
    *better_local(
        "converts the source, and would do it again to preprocessed text",
        "-finput-charset=*",
        Form.WORDS,
    ),
    *better_local("keeps the working directory out of preprocessed text", "-fno-working-directory"),
]

_FILES_WRITTEN = [
    *local(
        _COVERAGE,
        "-fcoverage* -fcondition-coverage -fpath-coverage",
    ),
    *local("writes debug information into a file of its own", "-gsplit-dwarf=*"),
    *local("keeps intermediate files", "-save-temps=*|--save-temps=*"),
    *local(
        _REPORT,
        """-foptimization-record*
        -ftime-trace=* -fproc-stat-report* -time* -fvtv*
        -save-stats*|--save-stats* -dependency-dot*
        -dependency-file*
        -fdiagnostics-add-output=* -fdiagnostics-set-output=* -fdiagnostics-format=*
        -fdeps-* -fdepfile-entry* -fcrash-diagnostics* -gen-* -freport-bug""",
    ),
    *local("dumps the compiler's own state into files", "-fdump* -fcompare-debug* -gtoggle"),
    *local("writes an index for link-time optimization", "-fthin-link-bitcode=*"),
    *local("writes templates into a repository file", "-frepo"),
    *local("is for a step of link-time optimization, and leaves assembly beside the object", "-fwpa*"),
    *better_local(
        "writes the command itself into the object",
        "-fembed-bitcode -fembed-bitcode-marker -gcodeview -gcodeview-ghash",
        only=Family.CLANG,
    ),
    *better_local(
        "writes the command itself into the object", "-fembed-bitcode=*", Form.WORDS, only=Family.CLANG
    ),
]

STAYING = [*_OTHER_RESULTS, *_OTHER_PROGRAMS, *_MACHINE, *_FILES_READ, *_FILES_WRITTEN]
