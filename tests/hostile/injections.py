"""Command lines that make a compiler do more than compile, as data.

Each line is a compiler and options; {dir} is a folder with `FILES`.  The compile is that of a
preprocessed C source, `a.i`.  The harm is a file that appears besides the object, or the text of
`secret` in what the compiler says or makes.
"""

from __future__ import annotations

from tests.releases import CLANG

SECRET = "sesame-opens-it"

FILES = {
    "a.i": "int answer(void) { return 42; }\n",
    "secret": f"{SECRET}\n",
    "out/.keep": "",
    # What is run in place of the compiler's own programs.
    "program": "#!/bin/sh\ntouch {dir}/out/ran\nexit 1\n",
    "bin/cc1": "#!/bin/sh\ntouch {dir}/out/ran\nexit 1\n",
    "bin/as": "#!/bin/sh\ntouch {dir}/out/ran\nexit 1\n",
    # A gcc, as clang looks for one, and its assembler.
    "gcc/lib/gcc/x86_64-linux-gnu/12/crtbegin.o": "",
    "gcc/x86_64-linux-gnu/bin/x86_64-pc-linux-gnu-as": "#!/bin/sh\ntouch {dir}/out/ran\nexit 1\n",
    "sparc/usr/lib/gcc/sparc-linux-gnu/12/crtbegin.o": "",
    "sparc/usr/sparc-linux-gnu/bin/sparc-linux-gnu-as": "#!/bin/sh\ntouch {dir}/out/ran\nexit 1\n",
    # Options, as a compiler, its preprocessor, its assembler and clang's inner program read them.
    "options": "-dumpdir {dir}/out/ -save-temps",
    "assembler-options": "--MD={dir}/out/rules",
    "assembler-setting": "X=1 --MD={dir}/out/rules",
    "assembler-map=": "a=b --MD={dir}/out/rules",
    "inner-options": "x86-64 -dependency-file {dir}/out/rules -MT x",
    "specs": "*asm:\n--MD={dir}/out/rules\n",
    "evil.cfg": "-serialize-diagnostics {dir}/out/notes\n",
    "plugin.c": (
        "int plugin_is_GPL_compatible;\n"
        "int creat(const char *, int);\n"
        '__attribute__((constructor)) static void load(void) { creat("{dir}/out/loaded", 0600); }\n'
    ),
}

# The parser refuses these, by the name of the option that is meant.
_REFUSED = """
# runs code or programs
gcc -fplugin={dir}/plugin.so
gcc -fplugin={dir}/plugin.so -fplugin-arg-plugin-key=value
gcc -O2 -c -fplugin={dir}/plugin.so
gcc -wrapper {dir}/program
gcc -wrapper {dir}/program,--args
gcc -B{dir}/bin/
gcc -B {dir}/bin/
gcc -B{dir}/bin
gcc --prefix={dir}/bin/
gcc --prefix {dir}/bin/
gcc -specs={dir}/specs
gcc -specs {dir}/specs
gcc --specs={dir}/specs
gcc --specs {dir}/specs
clang -fplugin={dir}/plugin.so
clang -fpass-plugin={dir}/plugin.so
clang -Xclang -load -Xclang {dir}/plugin.so
clang -fno-integrated-as -B{dir}/bin
clang -fno-integrated-as -B {dir}/bin
clang -fno-integrated-as --prefix={dir}/bin
clang -fno-integrated-as --prefix {dir}/bin
clang -fno-integrated-as --gcc-toolchain={dir}/gcc
clang -no-integrated-as --gcc-toolchain={dir}/gcc
clang -fno-integrated-as --sysroot={dir}/gcc
clang -no-integrated-as --sysroot={dir}/gcc
clang -fno-integrated-as -ccc-install-dir {dir}/bin
clang --config {dir}/evil.cfg

# reads more options from a file
gcc @{dir}/options
gcc -O2 @{dir}/options -g
gcc -Wa,@{dir}/assembler-options
gcc -Wa,--noexecstack,@{dir}/assembler-options
gcc -Xassembler @{dir}/assembler-options
gcc -Wa,--defsym,@{dir}/assembler-setting
clang -fno-integrated-as -g -fdebug-prefix-map=@{dir}/assembler-map=
clang -fno-integrated-as -g -ffile-prefix-map=@{dir}/assembler-map=
clang -march=@{dir}/inner-options

# writes files
gcc -aux-info {dir}/out/x
gcc -dumpdir {dir}/out/ -fstack-usage
gcc -dumpbase {dir}/out/x -fstack-usage
gcc --dumpbase {dir}/out/x -fstack-usage
gcc -fstack-usage
gcc -dumpdir {dir}/out/ -save-temps
gcc -save-temps
gcc -save-temps=obj
gcc --save-temps
gcc -da
gcc -fdump-tree-all
gcc -fdump-tree-all={dir}/out/x
gcc -fdump-tree-original={dir}/out/x
gcc -fdump-rtl-expand={dir}/out/x
gcc -fdump-ipa-all-all={dir}/out/x
gcc -fdump-final-insns={dir}/out/x
gcc -fdump-go-spec={dir}/out/x
gcc -fdump-ada-spec
gcc -fcallgraph-info=su,da
gcc -fopt-info-all={dir}/out/x
gcc -O2 -fsave-optimization-record
gcc -ftest-coverage
gcc -fprofile-note={dir}/out/x -ftest-coverage
gcc --coverage
gcc -time={dir}/out/x
gcc -g -gsplit-dwarf
gcc -Wa,-a={dir}/out/x
gcc -Wa,-al={dir}/out/x
gcc -Wa,-alh={dir}/out/x
gcc -Wa,-ahlns={dir}/out/x
gcc -Wa,--MD={dir}/out/x
gcc -Wa,--MD,{dir}/out/x
gcc -Wa,-MD,{dir}/out/x
gcc -Wa,--M={dir}/out/x
gcc -Wa,--M,{dir}/out/x
gcc -Wa,-g,--M={dir}/out/x
gcc -Wa,--MD -Wa,{dir}/out/x
gcc -Xassembler --MD={dir}/out/x
gcc -Xassembler --MD -Xassembler {dir}/out/x
clang -fno-integrated-as -Wa,--MD={dir}/out/x
clang -fno-integrated-as -Xassembler -al={dir}/out/x
clang -MJ {dir}/out/x
clang -MJ{dir}/out/x
clang -serialize-diagnostics {dir}/out/x
clang --serialize-diagnostics {dir}/out/x
clang -fsave-optimization-record
clang -foptimization-record-file={dir}/out/x
clang -fproc-stat-report={dir}/out/x
clang -ftime-trace
clang -save-stats
clang -save-temps
clang --save-temps=obj
clang -g -gsplit-dwarf
clang -Xclang -header-include-file -Xclang {dir}/out/x -H
clang -Xclang -stack-usage-file -Xclang {dir}/out/x
clang -fstack-usage
clang --coverage
clang -ftest-coverage
clang --driver-mode=cl -Fo{dir}/out/x

# reads files
clang -fsanitize=address -fsanitize-ignorelist={dir}/secret
clang -fsanitize=address -fsanitize-blacklist={dir}/secret
clang -fsanitize-coverage=func -fsanitize-coverage-allowlist={dir}/secret
clang -fsanitize-coverage=func -fsanitize-coverage-ignorelist={dir}/secret
gcc -x c -include {dir}/secret -fdirectives-only
"""

# A server does these as if the option were not there: it has done its work before a job leaves.
_DISARMED = """
clang -Wp,-MD,{dir}/out/x -x c
gcc -o {dir}/out/x
gcc -o{dir}/out/x
gcc --output={dir}/out/x
gcc --output {dir}/out/x
gcc -o a.o -o {dir}/out/x
gcc -x c -MD -MF {dir}/out/x
gcc -x c -MMD -MF{dir}/out/x
gcc -x c -Wp,-MD,{dir}/out/x
gcc -x c -Wp,-MMD,{dir}/out/x
gcc -x c -include {dir}/secret
gcc -x c -include{dir}/secret
gcc -x c --include={dir}/secret
gcc -x c --include {dir}/secret
gcc -x c -Wp,-include{dir}/secret
gcc -x assembler-with-cpp -include {dir}/secret
clang -x c -include {dir}/secret
clang -x c -MD -MF {dir}/out/x
"""

# Nothing here is shown to be harmful by compilers of this machine: other versions of them do what
# the reason says, or other spellings of the above.
_UNPROVEN = """
clang -mllvm -load=/x
clang -mllvm=-load=/x
gcc -Xassembler --defsym -Xassembler @/assembler-setting
gcc -A@/options
clang -Xclang @/inner-options
gcc --dumpdir=/out/
clang -Xclang -dependency-file -Xclang /out/x
clang -mllvm -info-output-file=/out/x
clang -Xclang -o/out/x
clang -Xclang -o -Xclang /out/x
clang -fsanitize-system-ignorelist=/secret
clang --target=../../evil
clang --target=/evil
clang -target ../../evil
clang --config=evil
clang --config-system-dir=/x
clang --config-user-dir=/x
clang -mcpu=@x
clang -mtune=@x
clang -mabi=@x
clang -mfpu=/x
clang -Wa,-mcpu=@x
clang -Wa,-march=/x
clang -Wa,-defsym,X=@x
clang -ftime-trace=/x
clang -fmodule-file=/x
clang -fmodule-output=/x
clang -fmodules-cache-path=/x
clang -fms-secure-hotpatch-functions-file=/x
clang -fthinlto-distributor=/x
clang -fcodegen-data-use=/x
clang -fcas-path=/x
clang -fembed-offload-object=/x
clang -fprofile-list=/x
clang -fcrash-diagnostics-dir=/x
clang -gen-reproducer=always
clang -ivfsoverlay /x
clang -fuse-ld=@x -Xclang -ast-dump
clang -fopenmp-targets=nvptx64
clang -ccc-gcc-name /x
clang -resource-dir=/x -Xclang -emit-html
clang -warning-suppression-mappings=/x
clang --warning-suppression-mappings=/x
clang -Rpass=/x
clang -fsanitize=@x
clang -std=/x
clang -mllvm -inline-threshold=/x
clang -mllvm -inline-threshold=@x
clang -ftrapv-handler @x
clang -ftrapv-handler /x
clang -mthread-model /x
clang -meabi /x
clang --driver-mode=g++
clang -cc1
clang -cc1as
clang -working-directory /x
clang -working-directory=/x
clang -index-store-path /x
clang -fdebug-compilation-dir=@x
clang -fdebug-compilation-dir @x
clang -fdiagnostics-format=sarif-file
clang -gcc-toolchain /x
clang --gcc-toolchain /x
clang -fno-integrated-as --gcc-install-dir=/x
clang --gcc-triple=x
cc -fno-integrated-as --sysroot /x
gcc -fno-integrated-as --sysroot /x
gcc --target=xcore --sysroot=/x
clang --target=loongarch64-linux-gnu --sysroot=/x
clang --target=powerpc-ibm-aix --sysroot=/x
clang --target=xcore --sysroot=/x
clang -analyze
clang --analyze
clang --analyzer-output /x
clang -Xanalyzer -x
clang -Xopenmp-target -x
clang -Xarch_host -fplugin=x
clang -Xcuda-ptxas -x
clang -fwhatever=/x
clang -fwhatever=x
clang -mwhatever=x
clang -Wwhatever=x
clang -gwhatever=x
clang -Owhatever
gcc -fwhatever=/x
gcc -fwhatever=x.txt
gcc -fno-whatever=/x
gcc -fwhatever/x
gcc -mmcu=/x
gcc -mmcu=../x
gcc -march=/x
gcc -fuse-ld=/x
gcc -fmodule-mapper=|x
gcc -fmodules-ts -fmodule-mapper=|x
gcc -fauto-profile=x
gcc -fprofile-use=/x
gcc -fprofile-dir=/x
gcc -fdiagnostics-add-output=sarif:file=/x
gcc -fdiagnostics-set-output=sarif:file=/x
gcc -fdiagnostics-format=sarif-file
gcc -fdiagnostics-format=json-file
gcc -flto-incremental=/x
gcc -foffload=nvptx-none=-fplugin=x
gcc -foffload-options=-fplugin=x
gcc -freport-bug
gcc -fpch-deps
gcc -frandom-seed=@x
gcc -iplugindir=/x
gcc --param @x
gcc --param=@x
gcc --param /x
gcc --param=x=/x
gcc -A/x
gcc -G@x
gcc -G/x
gcc --fplugin=/x
gcc --plugin=/x
gcc --wrap x
gcc --spec=/x
gcc --save
gcc --out=/x
gcc --dump /x
gcc --aux-info=/x
gcc -Wa,--listing-lhs-width=1
gcc -Wa,--li=x
gcc -Wa,--defs,X=1
gcc -Wa,-I/x
gcc -Wa,-o,/x
gcc -Wa,-o/x
gcc -Wa,/x
gcc -Wa,x.s
gcc -Wa,
gcc -Wa,-
gcc -Wa,--
gcc -Wa,-f
gcc -Wa,--statistics
gcc -Wa,--debug-prefix-map,@x
gcc -Wa,--dump-config
gcc -Wa,-march=/x
gcc -Wa,-mcpu=x@y
gcc -Wa,--hash-size=/x
gcc -Wp,@x
gcc -Wp,-fplugin=x
gcc -Wp,-o,x
gcc -Wp,-dD
gcc -Wp,-MD,x,-MF,y
gcc -Xpreprocessor @x
gcc -Xpreprocessor -MD
gcc -Xpreprocessor -MF
gcc -Xpreprocessor -fplugin=x
gcc -Xassembler /x
gcc -Xassembler -o
gcc -x go
gcc -x ada
gcc -x f95
gcc -x f77-cpp-input
gcc -x d
gcc -x lto
gcc -x c-header
gcc -x c++-system-header
gcc -x none/x
gcc -x @x
clang -x ast
clang -x cuda
clang -x hip
clang -x cl
clang -x pcm
clang -x renderscript
clang -x c++-module
"""


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and not line.startswith("#")]


_SPARC = """
clang --target=sparc-linux-gnu --sysroot={dir}/sparc
clang -target sparc-linux-gnu --sysroot={dir}/sparc
"""
# Newer clangs assemble for it themselves.
_FOR_SPARC = "" if CLANG < 16 else "-fno-integrated-as"


def refused() -> list[str]:
    """Attacks that compilers of this machine carry out, and that the parser refuses."""
    return [*_lines(_REFUSED), *(f"{line} {_FOR_SPARC}" for line in _lines(_SPARC))]


def disarmed() -> list[str]:
    """Attacks that compilers of this machine carry out, and of which a server's command is free."""
    return _lines(_DISARMED)


def unproven() -> list[str]:
    """Commands that are refused as well."""
    return _lines(_UNPROVEN)
