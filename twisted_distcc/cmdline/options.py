"""The tables of options by which commands are judged.

`OPTIONS` is for the words of a command; other tables are for the programs behind the compiler to which
options are passed on.  What several words mean together is left to `parse`.

Only what is listed may travel.  Client and server both go by that: a client compiles the rest where it
was typed, a server refuses it.
"""

from __future__ import annotations

from twisted_distcc.cmdline.forms import Form
from twisted_distcc.cmdline.making import MAKING
from twisted_distcc.cmdline.option_rules import Role, Table, Takes, rows
from twisted_distcc.cmdline.staying import STAYING
from twisted_distcc.cmdline.travelling import INCLUDE_PCH, OVERLAY, TRAVELLING
from twisted_distcc.cmdline.valued import VALUED

OPTIONS = Table([*TRAVELLING, *VALUED, *MAKING, *STAYING])

# Options of the GNU assembler that read and write nothing, or write what `assembler_files` knows of; all
# others stay local, as getopt accepts abbreviations.
ASSEMBLER_OPTIONS = Table(
    [
        *rows(
            Takes.NOTHING,
            Role.COMPILE,
            """--noexecstack --execstack --fatal-warnings --warn -W|--no-warn -g|--gen-debug
            --gstabs --gdwarf-2 --gdwarf-3 --gdwarf-4 --gdwarf-5 --32 --64 --x32 --divide
            --alternate -L|--keep-locals --reduce-memory-overheads --strip-local-absolute
            --compress-debug-sections --nocompress-debug-sections --no-pad-sections
            --traditional-format --sectname-subst -Z --trap --break --crel
            --allow-experimental-crel""",
        ),
        *rows(
            Takes.JOINED,
            Role.COMPILE,
            """--compress-debug-sections= --elf-stt-common= --generate-missing-build-notes=
            --hash-size= --size-check=""",
            Form.WORDS,
        ),
        *rows(Takes.JOINED, Role.COMPILE, "-m", Form.NAMED_WORDS),
        # An assembler treats a separate argument that begins with @ as a file of more options.
        *rows(Takes.EITHER, Role.COMPILE, "--defsym", Form.SETTING),
        *rows(Takes.JOINED, Role.MAKES, "-a", Form.LISTING),
        *rows(Takes.EITHER, Role.MAKES, "--MD", Form.TEXT),
    ]
)

# Options of clang's inner program that are known to touch no file.
CLANG_OPTIONS = frozenset(
    {
        "-disable-O0-optnone",
        "-disable-lifetime-markers",
        "-disable-llvm-passes",
        "-fmodule-map-file-home-is-cwd",
        "-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang",
    }
)

# Options of clang's inner program that name a file, which it reads before the source.
CLANG_NAMING = {INCLUDE_PCH: Role.INPUT, OVERLAY: Role.INPUT, "-include": Role.PREPROCESS}

# Options of LLVM that are known to touch no file, without their arguments, which are words.
LLVM_OPTIONS = frozenset(
    {
        "-align-all-functions",
        "-asan-globals",
        "-asan-instrument-dynamic-allocas",
        "-asan-instrumentation-with-call-threshold",
        "-asan-kernel-mem-intrinsic-prefix",
        "-asan-mapping-offset",
        "-asan-mapping-scale",
        "-asan-stack",
        "-asan-use-after-scope",
        "-disable-binop-extract-shuffle",
        "-enable-misched",
        "-enable-shrink-wrap",
        "-hwasan-inline-all-checks",
        "-hwasan-instrument-stack",
        "-hwasan-kernel-mem-intrinsic-prefix",
        "-hwasan-mapping-offset",
        "-hwasan-use-short-granules",
        "-inline-threshold",
        "-inlinehint-threshold",
        "-instcombine-lower-dbg-declare",
        "-split-threshold-for-reg-with-hint",
        "-tsan-compound-read-before-write",
        "-tsan-distinguish-volatile",
        "-tsan-instrument-func-entry-exit",
        "-unroll-threshold",
        "-vectorize-loops",
        "-x86-align-branch",
        "-x86-align-branch-boundary",
        "-x86-asm-syntax",
        "-x86-branches-within-32B-boundaries",
    }
)
