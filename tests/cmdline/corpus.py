"""Command lines that real compilers are asked about, as data.

Each line is one command.  CC stands for gcc and for clang, CXX for g++ and for clang++.  The folder
that the commands run in holds `FILES`; every source carries a marker of its own, which ends up in
the object, so that an object tells which source was read.
"""

from __future__ import annotations

import itertools
import shlex

from tests.releases import CLANG, GCC

_C = """\
#include <stddef.h>
#include "user.h"
#ifndef FEATURE
#define FEATURE 1
#endif
extern const char marker[] = "source of {name}";
const char *file_name(void) {{ return __FILE__; }}
int line(int n) {{ return n * FEATURE + __LINE__ + (int) sizeof(size_t); }}
"""

_CXX = """\
#include <cstddef>
#include "user.h"
#ifndef FEATURE
#define FEATURE 1
#endif
namespace {{ struct Static {{ Static(); int n; }} only_here; }}
extern const char marker[] = "source of {name}";
const char *file_name() {{ return __FILE__; }}
template <typename T> T twice(T n) {{ return n + n; }}
int line(int n) {{ return twice(n) * FEATURE + __LINE__ + only_here.n; }}
"""

_PREPROCESSED_C = """\
# 1 "origin.c"
extern const char marker[] = "source of {name}";
int line(int n) {{ return n; }}
"""

_ASSEMBLER_WITH_CPP = """\
#include "asm.h"
.globl marker
marker: .asciz "source of {name}"
.long NUMBER
"""

_ASSEMBLER = """\
.globl marker
marker: .asciz "source of {name}"
"""

_TEXT_OF_SUFFIX = {
    **dict.fromkeys(("c", "m", "x"), _C),
    **dict.fromkeys(("cc", "cp", "cxx", "cpp", "CPP", "c++", "C", "mm", "M"), _CXX),
    **dict.fromkeys(("i", "ii", "mi", "mii"), _PREPROCESSED_C),
    **dict.fromkeys(("S", "sx"), _ASSEMBLER_WITH_CPP),
    "s": _ASSEMBLER,
}

_SOURCES = [
    *(f"main.{suffix}" for suffix in _TEXT_OF_SUFFIX),
    "src/deep.c",
    "two.dots.c",
    "no_suffix",
    "with space.c",
    "do$$ar.c",
]


def _text(name: str) -> str:
    suffix = name.rpartition(".")[2] if "." in name else "x"
    text = _TEXT_OF_SUFFIX[suffix].format(name=name)
    return text.replace('"user.h"', '"../user.h"') if name.startswith("src/") else text


FILES = {
    **{name: _text(name) for name in _SOURCES},
    "user.h": '#include "inner.h"\nstruct user { int member; };\n',
    "inner.h": "enum { INNER = 3 };\n",
    "forced.h": "#define FORCED 1\n",
    "asm.h": "#define NUMBER 42\n",
    "include/unused.h": "",
    "out/.keep": "",
    "out.d/.keep": "",
    "options.rsp": "-O2 -DFEATURE=5\n",
    "quoted.rsp": "'-DFEATURE=(2 +' -c \"with space.c\"\n",
    "nested.rsp": "@options.rsp -c\nmain.c\n",
}

# What is compiled, in every spelling of source, output and language.
_SPELLINGS = """
CC -c main.c
CC main.c -c
CC -c ./main.c
CC -c src/deep.c
CC -c two.dots.c
CC -c 'with space.c'
CC -c 'do$$ar.c'
CC -c main.i
CC -c main.s
CC -c main.S
gcc -c main.sx
gcc -c main.m
gcc -c main.mi
clang -c main.m
clang -c main.mi
CXX -c main.c
CXX -c main.cc
CXX -c main.cp
CXX -c main.cxx
CXX -c main.cpp
CXX -c main.CPP
CXX -c main.c++
CXX -c main.C
CXX -c main.ii
CXX -c main.i
g++ -c main.mm
g++ -c main.M
g++ -c main.mii
clang++ -c main.mm
clang++ -c main.M
clang++ -c main.mii
CXX -c main.S
CXX -c main.s
CC -c main.cc
CC -c main.ii
CC -c main.c -o out/main.o
CC -c main.c -oout/main.o
CC -o out/main.o -c main.c
CC --output=out/main.o -c main.c
CC --output out/main.o -c main.c
CC -c main.c -o first.o -o second.o
CC -c main.c -o plain
CC -c main.c -o out.d/plain
CC -c main.c -o main.lo
CC -c main.c -o .hidden
CC -S main.c
CC -S main.c -o out/main.s
CC -S main.c -oother
CC -S main.i
CC -c -S main.c
CC -S -c main.c
CC -S -c main.c -o out/main.o
CXX -S main.cc
CXX -S main.ii
CC -x c -c main.x
CC -xc -c main.x
CC -x c -c no_suffix
CC -x c++ -c main.cc
CC -x c++ main.c -c
CXX -x c -c main.c
CXX -x c -S main.c
CC -x c -x c++ -c main.cc
CC -x c -x none -c main.c
CC -c main.c -x c++
CC -c main.c -x none
CC -x cpp-output -c main.i
CXX -x c++-cpp-output -c main.i
CC -x assembler -c main.s
CC -x assembler-with-cpp -c main.S
CC -x assembler -c -o out/x.o main.s
gcc -x objective-c -c main.c
gcc -x objective-c++ -c main.cc
gcc -x objective-c-cpp-output -c main.i
clang -x objective-c -c main.c
clang -x objective-c++ -c main.cc
gcc --language=c -c main.x
gcc --language c -c main.x
CC --compile main.c
CC --assemble main.c
CC @options.rsp -c main.c
CC @quoted.rsp -I. '-UFEATURE' -DFEATURE=2
CC @nested.rsp
CC -c @options.rsp main.c -o out/rsp.o
cc -c main.c
c++ -c main.cc
x86_64-linux-gnu-g++ -c main.cc
c99 -c main.c
"""

_RELEASED = f"""
x86_64-linux-gnu-gcc-{GCC} -c main.c
clang-{CLANG} -c main.c
clang++-{CLANG} -c main.cc
"""

# Options that travel, and options whose argument must not be taken for a source.
_OPTIONS = """
CC -O2 -c main.c
CC -O -c main.c
CC -Os -fPIC -c main.c
CC -O3 -funroll-loops -march=x86-64-v2 -mtune=generic -c main.c
CC -m32 -ffreestanding -c main.c
CC -std=c11 -Wall -Wextra -pedantic -c main.c
CC -ansi -c main.c
CC --std=c99 -c main.c
CC -fvisibility=hidden -fno-common -fstack-protector-strong -c main.c
CC -ffunction-sections -fdata-sections -fno-plt -c main.c
CC -pthread -pipe -c main.c
CC -pg -c main.c
CC -w -c main.c
CC -Wa,--noexecstack -c main.c
CC -Wa,--noexecstack,--fatal-warnings -c main.c
CC -Xassembler --noexecstack -c main.c
CC -Wa,-mrelax-relocations=no -c main.S
gcc -Wa,--defsym,X=1 -c main.c
CC -I. -Iinclude -c main.c
CC -I . -I include -c main.c
CC -D FEATURE=3 -c main.c
CC -DFEATURE=3 -UFEATURE -c main.c
CC -U FEATURE -D FEATURE -c main.c
CC -include forced.h -c main.c
CC -includeforced.h -c main.c
CC --include forced.h -c main.c
CC --include=forced.h -c main.c
CC -imacros forced.h -c main.c
CC -iquote . -isystem include -idirafter include -c main.c
CC -isystem include -iprefix inc -iwithprefix lude -iwithprefixbefore lude -c main.c
CC --sysroot=/ -c main.c
CC --sysroot / -c main.c
CC -isysroot / -c main.c
CC -Wp,-DFEATURE=7 -c main.c
CC -Wp,-UFEATURE,-DFEATURE=7 -c main.c
CC -Xpreprocessor -DFEATURE=7 -c main.c
CC -D_FORTIFY_SOURCE=2 -O2 -c main.c
CC -nostdinc -isystem include -DFEATURE=2 -c main.S
CC -trigraphs -c main.c
gcc -undef -c main.c
gcc -A q=r -c main.c
CC -lm -c main.c
CC -l m -L . -L. -c main.c
CC -Wl,-z,now -c main.c
CC -Xlinker -z -Xlinker now -c main.c
CC -u symbol -z now -c main.c
CC -T script -c main.c
CC -static -c main.c
CC -shared -fPIC -c main.c
CC -pie -c main.c
CC -no-pie -c main.c
CC -rdynamic -s -c main.c
CC -nostdlib -nodefaultlibs -nostartfiles -c main.c
CC -static-libgcc -c main.c
CC -fuse-ld=bfd -c main.c
gcc --param max-inline-insns-single=10 -O2 -c main.c
gcc --param=max-inline-insns-single=10 -O2 -c main.c
gcc -frecord-gcc-switches -c main.c
gcc -fworking-directory -c main.c
gcc -finput-charset=UTF-8 -c main.c
gcc -no-integrated-cpp -c main.c
gcc -traditional-cpp -c main.S
gcc -fdiagnostics-color=always -c main.c
gcc -fexec-charset=ISO-8859-1 -c main.c
gcc -ffile-prefix-map=main=other -c main.c
CC -fmacro-prefix-map=main=other -c main.c
clang -fmacro-prefix-map=main=other -Werror -Wno-extern-initializer -c main.c
CC -O2 -ffreestanding -Wall -Werror -c main.S
CC -fsanitize=address -O1 -c main.c
CC -fopenmp -c main.c
CC -finstrument-functions -c main.c
CC -fno-profile-arcs -c main.c
clang -target x86_64-linux-gnu -c main.c
clang --target=aarch64-linux-gnu -ffreestanding -nostdinc -I include -c main.S
clang -target i386-linux-gnu -ffreestanding -c main.c
clang -mllvm -inline-threshold=100 -O2 -c main.c
clang -Xclang -disable-O0-optnone -c main.c
clang -fintegrated-as -c main.c
clang -fno-integrated-as -c main.c
clang -Qunused-arguments -lm -c main.c
clang -fcolor-diagnostics -c main.c
clang -flto -c main.c
clang -flto=thin -O2 -c main.c
clang --sysroot=/ -c main.c
clang --sysroot=/ --target=x86_64-linux-gnu -c main.c
clang -fxray-instrument -fxray-instruction-threshold=1 -c main.c
clang -ftrapv-handler trap -ftrapv -c main.c
clang -stdlib=libstdc++ -c main.c
clang -fdebug-compilation-dir /somewhere -c main.c
CXX -std=c++17 -fno-exceptions -fno-rtti -c main.cc
CXX -std=gnu++20 -O2 -c main.cc
CXX -fvisibility-inlines-hidden -Wnon-virtual-dtor -c main.cc
CXX -nostdinc++ -I. -c main.c
CXX -O2 -DFEATURE=2 -c main.C -o out/capital.o
CXX -isystem include -fPIC -S main.cpp
g++ -fabi-version=11 -c main.cc
clang++ -stdlib=libstdc++ -c main.cc
"""

# Where the rules go, and under which name: every way to ask, with every way to name the output.
_DEPENDENCY_REQUESTS = """
-MD
-MMD
-MD -MP
-MMD -MP -MF out/rules
-MD -MFrules.dep
-MD -MT target
-MD -MTtarget
-MMD -MQ 'tar$get with blank'
-MD -MT a -MQ b -MTc -MQd
-MD -MF first -MF second
-MD -MMD
-MMD -MD
-MD -MT ''
"""
_OUTPUTS = ["", "-o out/other.o", "-o 'out/do$$ar blank.o'"]

_DEPENDENCIES = """
CC -MD -c src/deep.c
CC -MD -c two.dots.c
CC -MD -c two.dots.c -o out/three.dots.o
CC -MD -c 'do$$ar.c'
CC -MD -c 'with space.c'
CC -MD -S main.c
CC -MD -S main.c -o out/main.s
CC -MD -c -x c no_suffix
CC -MD -c -x c main.x
CC -MD -c main.c -o .hidden
CC -MD -c main.c -o out.d/plain
CC -MD -c main.c -o other.lo
CC -MD -c main.c -o out/.o
CC -MD -c main.c -o out/dot.
CC -MD -c main.i
CC -MD -MF rules -c main.i
CC -MD -c main.s
CC -MD -c main.S
CC -MD -c main.S -o out/asm.o
CC -MMD -c main.c -include forced.h
CC -MD -c main.c -isystem include
CC -Wp,-MD,rules -c main.c
CC -Wp,-MMD,rules -c main.c
CC -Wp,-MMD,out/.main.o.d -c main.c -o main.o
gcc -Wp,-MMD,out/.main.o.d -c main.c -o out/main.o
clang -Wp,-MMD,out/.main.o.d -c main.c -o out/main.o
CC -Wp,-MD,rules -MT target -c main.c
CC -Wp,-MD,rules -MT target -c main.c -o out/main.o
CC -Wp,-MD,rules -MP -MQ 'tar$get' -c main.c
CC -Wp,-MD,rules -S main.c
CC -Wp,-MD,rules -c src/deep.c
CC -Wp,-MD,rules -Wp,-DFEATURE=3 -c main.c
CXX -MD -c main.cc
CXX -MMD -MP -MF out/main.d -c main.cc -o out/main.o
"""

# The objects of these tell columns, which are others once a source is preprocessed.
_LOCATING_FLAGS = """
-g
-g -O2
-g0 -g
-ggdb
-g3
-g1
-gdwarf-4 -O2
-g -gz
-g -gno-column-info
-g -DFEATURE=3 -I. -Iinclude -include forced.h
-g -Wall -pipe -pthread -Wa,--noexecstack
-g -fdebug-prefix-map=/nowhere=/elsewhere
-g -isystem include -iquote . -UFEATURE
-g -trigraphs -std=c11
-g -lm -L. -static
-g -fuse-ld=bfd
-g -D_FORTIFY_SOURCE=2 -O1
-fsanitize=undefined
-fsanitize=undefined -g
"""

_LOCATING_FLAGS_OF_GCC = """
-g -undef
-g -A q=r
-g -grecord-gcc-switches
-g -traditional-cpp
-g -finput-charset=UTF-8
-g -fworking-directory
"""

_COMPILERS = {"CC": ("gcc", "clang"), "CXX": ("g++", "clang++")}


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def _for_each_compiler(line: str) -> list[list[str]]:
    compiler, *arguments = shlex.split(line)
    return [[name, *arguments] for name in _COMPILERS.get(compiler, (compiler,))]


def distributable() -> list[list[str]]:
    """Commands that may run elsewhere, and that real compilers carry out."""
    combined = (
        f"CC -c main.c {output} {request}"
        for request, output in itertools.product(_lines(_DEPENDENCY_REQUESTS), _OUTPUTS)
    )
    listed = (_SPELLINGS, _RELEASED, _OPTIONS, _DEPENDENCIES)
    lines = [*(line for text in listed for line in _lines(text)), *combined]
    return [command for line in lines for command in _for_each_compiler(line)]


def locating() -> list[tuple[str, list[str], str]]:
    """Compiler, options and source of compiles whose objects tell columns."""
    flags = [shlex.split(line) for line in _lines(_LOCATING_FLAGS)]
    of_gcc = [shlex.split(line) for line in _lines(_LOCATING_FLAGS_OF_GCC)]
    c = [(compiler, f, "main.c") for compiler in ("gcc", "clang") for f in flags]
    cxx = [(compiler, f, "main.cc") for compiler in ("g++", "clang++") for f in flags[:5]]
    return [*c, *cxx, *(("gcc", f, "main.c") for f in of_gcc)]
