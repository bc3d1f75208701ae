"""The tables of options by which commands are judged.

`OPTIONS` is for the words of a command; other tables are for the programs behind the compiler to which
options are passed on.  What several words mean together is left to `parse`.

Only what is listed may travel.  Client and server both go by that: a client compiles the rest where it
was typed, a server refuses it.
"""

from __future__ import annotations

from twisted_distcc.cmdline.compilation import EMIT_PCH
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
            --gstabs|-gstabs --gdwarf-2|-gdwarf-2 --gdwarf-3 --gdwarf-4 --gdwarf-5 --32 --64
            --x32 --divide --alternate -L|--keep-locals --reduce-memory-overheads
            --strip-local-absolute --compress-debug-sections --nocompress-debug-sections
            --no-pad-sections --traditional-format --sectname-subst -Z --trap --break --crel
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

TARGET_FEATURE = "-target-feature"
"""The option of clang's inner program that turns one feature of a processor on or off."""

FOR_LLVM = "-mllvm"
"""The option before one of LLVM's."""

# Options of clang's inner program that are known to touch no file, or only the one that they name.
CLANG_OPTIONS = Table(
    [
        *rows(
            Takes.NOTHING,
            Role.FOR_CLANG,
            """-disable-O0-optnone -disable-lifetime-markers -disable-llvm-passes
            -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
            -fmodule-map-file-home-is-cwd
            -fcomplete-member-pointers -fexperimental-omit-vtable-rtti -fmerge-functions
            -fno-cxx-modules -fno-pch-timestamp -fno-use-ctor-homing -fuse-ctor-homing
            -fretain-comments-from-system-headers""",
        ),
        *rows(
            Takes.JOINED,
            Role.FOR_CLANG,
            "-debug-info-kind= -fexperimental-assignment-tracking=",
            Form.WORDS,
        ),
        *rows(Takes.SEPARATE, Role.FOR_CLANG, TARGET_FEATURE, Form.FEATURE),
        *rows(Takes.SEPARATE, Role.FOR_CLANG, FOR_LLVM, Form.NAMED_WORDS),
        *rows(Takes.SEPARATE, Role.FOR_CLANG, "-fdebug-compilation-dir", Form.TEXT),
        # Of plugins that are part of clang itself, as in Chromium's: others have to be loaded.
        *rows(
            Takes.SEPARATE,
            Role.FOR_CLANG,
            """-add-plugin -plugin-arg-find-bad-constructs -plugin-arg-blink-gc-plugin
            -plugin-arg-raw-ptr-plugin""",
            Form.WORDS,
        ),
        *rows(Takes.SEPARATE, Role.INPUT, "-plugin-arg-unsafe-buffers", Form.TEXT),
        *rows(Takes.SEPARATE, Role.PLUGIN, "-load", Form.TEXT),
        *rows(Takes.NOTHING, Role.STAGE, EMIT_PCH),
        *rows(Takes.SEPARATE, Role.PREPROCESS, "-include", Form.TEXT),
        *rows(Takes.SEPARATE, Role.INPUT, f"{INCLUDE_PCH} {OVERLAY}", Form.TEXT),
        *rows(Takes.JOINED, Role.MAKES, "-fthin-link-bitcode=", Form.TEXT),
    ]
)

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
        "-combiner-global-alias-analysis",
        "-disable-auto-upgrade-debug-info",
        "-disable-binop-extract-shuffle",
        "-disable-lsr",
        "-enable-emscripten-sjlj",
        "-enable-misched",
        "-enable-shrink-wrap",
        "-enable-value-profiling",
        "-hwasan-inline-all-checks",
        "-hwasan-instrument-stack",
        "-hwasan-kernel-mem-intrinsic-prefix",
        "-hwasan-mapping-offset",
        "-hwasan-use-short-granules",
        "-inline-threshold",
        "-inlinehint-threshold",
        "-instcombine-lower-dbg-declare",
        "-msan-check-access-address",
        "-msan-disable-checks",
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
