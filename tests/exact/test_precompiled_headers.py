"""Compiles that read precompiled headers, which compilers find beside headers or are told of."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

HEADER = """#ifndef ALL_H
#define ALL_H
#include <stdlib.h>
#include "part.h"
static inline int twice(int a) { return a + a; }
#endif
"""
FILES = {
    "all.h": HEADER,
    "part.h": "#pragma once\n#define PART 7\n",
    "n.c": "int f(int a) { return twice(a) * PART * __COUNTER__; }\n",
    "sub/.keep": "",
}
FILES["w.c"] = FILES["w.cc"] = f'#include "all.h"\n#include "part.h"\n{FILES["n.c"]}'
GCC = ("gcc",)
CLANG = ("clang",)
# A name that is another one by now than it was when the header was precompiled.
CHOOSING = {
    "part.h": '#define PART 7\n#undef CHOSEN\n#define CHOSEN "sub/a.h"\n',
    "sub/a.h": "int a;\n",
    "sub/b.h": "int b;\n",
    "w.c": '#include "all.h"\n#include CHOSEN\n',
}
# Macros that use the date, and test for a file.
ASKING = {
    "all.h": '#define NOW __TIME__\n#define HAS __has_include("opt.inl")\n#define OPT "more.inl"\n',
    "opt.inl": "",
    "more.inl": "",
    "w.c": '#include "all.h"\n#if HAS && __has_include(OPT)\nchar f(void) { return NOW[0]; }\n'
    "char g(void) { return NOW[1]; }\n#endif\n",
}
MADE = "${CC#tdistcc } -x c-header $O all.h -o"
"""Makes a precompiled header here in all three ways, so that only its use is compared."""
GONE = "; rm -rf *.gch *.pch sub/*.gch"
"""What gcc makes is never the same twice, and what clang makes names the time."""


def used(command: str, *, options: str = "-O2 -g", made: str = "all.h.gch") -> str:
    """Return the script that makes a precompiled header, and uses it."""
    return f"O='{options}'; {MADE} {made} && $CC $O {command}; e=$?{GONE}; exit $e"


class GccTests(ExactTestCase):
    async def test_file(self) -> None:
        """Beside a header, on the search path, or in place of a header that is not there."""
        await self.are_exact(
            Row(script=used("-MD -c w.c"), files=FILES, compilers=GCC),
            Row(script=used("-MD -include all.h -c n.c -o sub/n.o"), files=FILES, compilers=GCC),
            Row(
                script=used(
                    "-Isub -include all.h -c n.c -save-temps=obj -o sub/n.o", made="sub/all.h.gch"
                ),
                files=FILES,
                compilers=GCC,
            ),
            Row(
                script=used("-c w.cc", options="-std=c++17 -g -O1").replace("c-header", "c++-header"),
                files=FILES,
                compilers=("g++",),
            ),
        )

    async def test_rejected(self) -> None:
        """One that was made for other options, that is none, or that is older than its header."""
        stale = "O=-O2; {} all.h.gch && echo '#define TWO 2' >>part.h && $CC $O -c w.c; e=$?{}; exit $e"
        await self.are_exact(
            Row(script=used("-DPART=8 -Winvalid-pch -c n.c -include all.h"), files=FILES, compilers=GCC),
            Row(script="$CC -Winvalid-pch -c w.c", files={**FILES, "all.h.gch": "gpch"}, compilers=GCC),
            Row(script=stale.format(MADE, GONE), files=FILES, compilers=GCC, elsewhere=False),
            Row(
                script=stale.format(MADE, GONE).replace("part.h", "sub/b.h"),
                files={**FILES, **CHOOSING},
                compilers=GCC,
            ),
            Row(
                script=stale.format(MADE, GONE).replace("TWO 2", 'CHOSEN "sub/b.h"'),
                files={**FILES, **CHOOSING},
                compilers=GCC,
                elsewhere=False,
            ),
            Row(
                script=f"{MADE} all.h.gch; rm all.h; $CC -c w.c{GONE}",
                files=ASKING,
                compilers=GCC,
                elsewhere=False,
            ),
        )

    async def test_folder(self) -> None:
        """Of several in a folder that one is read which gcc reads here."""
        several = (
            "mkdir all.h.gch; for O in '-O2 -g' -O2; do "
            f'{MADE} "all.h.gch/$O"; done; cp all.h.gch/-O2 all.h.gch/more; '
        )
        await self.are_exact(
            Row(script=f"{several} $CC -O2 -g -c w.c; {GONE[1:]}", files=FILES, compilers=GCC),
            Row(script=f"{several} $CC -O2 -DA -MD -c w.c; {GONE[1:]}", files=FILES, compilers=GCC),
            Row(
                script=f"{several} $CC -DPART=8 -O2 -Winvalid-pch -include all.h -c n.c; {GONE[1:]}",
                files=FILES,
                compilers=GCC,
                elsewhere=False,
            ),
            Row(script="mkdir all.h.gch; $CC -c w.c", files=FILES),
        )

    async def test_messages(self) -> None:
        """Messages quote headers that only the precompiled one names, and then are written here."""
        bad = {**FILES, "part.h": "static inline int bad(int a) { if (a = 2) return 1; return a; }\n"}
        away = (
            "mkdir ../x && cp all.h part.h ../x && cd ../x && ${CC#tdistcc } -x c-header -Wall all.h"
            " -o ../work/sub/all.h.gch; cd ../work; mv all.h sub; $CC -Wall -Isub -c w.c"
            "; rm -r ../x sub/*.gch"
        )
        await self.are_exact(
            Row(
                script=used("-c w.c", options="-Wall"),
                files={**FILES, "w.c": FILES["w.c"] + "int g(int a) { if (a = 2) return 1; return 2; }"},
                compilers=GCC,
            ),
            Row(script=used("-c w.c", options="-Wall"), files=bad, compilers=GCC),
            Row(
                script=away,
                files={**FILES, "part.h": "#define PART 3\nstatic int unused(int a) { return a; }\n"},
                compilers=GCC,
            ),
        )

    async def test_not_for_clang(self) -> None:
        """clang reads none beside a header, but where -include names the header."""
        await self.are_exact(
            Row(script="$CC -c w.c", files={**FILES, "all.h.gch": "gpch"}, compilers=CLANG),
            Row(
                script="gcc -x c-header all.h -o all.h.gch; $CC -include all.h -c n.c; rm all.h.gch",
                files=FILES,
                compilers=("clang", "clang-19"),
                elsewhere=None,
            ),
        )


class ClangTests(ExactTestCase):
    async def test_file(self) -> None:
        """By name, beside a header that -include names, and as CMake's commands have it."""
        clangs = ("clang", "clang-19")
        cmake = (
            "-Winvalid-pch -Xclang -include-pch -Xclang $PWD/all.pch -Xclang -include"
            " -Xclang $PWD/all.h -MD -MT w.o -MF w.d -c w.c"
        )
        await self.are_exact(
            Row(
                script=used("-MD -include-pch all.pch -c w.c", made="all.pch"),
                files=FILES,
                compilers=clangs,
            ),
            Row(script=used("-MD -include all.h -c w.c"), files=FILES, compilers=CLANG),
            Row(script=used(cmake, made="all.pch"), files=FILES, compilers=clangs),
            Row(
                script=used("-include all.h -gsplit-dwarf -c n.c -o sub/n.o"),
                files=FILES,
                compilers=CLANG,
            ),
            Row(
                script=used("-include all.h -c w.cc").replace("c-header", "c++-header"),
                files=FILES,
                compilers=("clang++",),
            ),
        )

    async def test_macros(self) -> None:
        """Macros that only the precompiled header has use the date, and test for files."""
        made, time_zone = used("-O1 -include-pch all.pch -c m.c", made="all.pch"), {"TZ": "Asia/Tokyo"}
        source = ASKING["w.c"].partition("\n")[2]
        await self.are_exact(
            Row(
                script=made, files={**ASKING, "m.c": source}, environ=time_zone, compilers=("clang-19",)
            ),
        )

    async def test_made(self) -> None:
        """It is made elsewhere, with the names and times that headers have here, also at a terminal."""
        cmake = "-Winvalid-pch -Xclang -emit-pch -Xclang -include -Xclang $PWD/all.h -x c-header"
        old = "touch -d @1600000000 all.h; touch -d @1700000000 part.h empty.c; "
        await self.are_exact(
            Row(
                script=f"{old} $CC -O2 -g -MD -x c-header all.h -o sub/all.h.pch",
                files={**FILES, "empty.c": ""},
                terminal=70,
                compilers=("clang", "clang-19"),
            ),
            Row(
                script=f"{old} $CC {cmake} -MD -MT all.pch -MF all.d -o all.pch -c $PWD/empty.c"
                " && $CC -include-pch all.pch -c n.c",
                files={**FILES, "empty.c": ""},
                compilers=CLANG,
            ),
            Row(
                script="$CC -x c-header all.h -o all.h.gch; rm all.h.gch",
                files=FILES,
                compilers=GCC,
                elsewhere=False,
            ),
        )

    async def test_without_times(self) -> None:
        """Made without the times of headers, it is read whatever these are."""
        made = f"O='-Xclang -fno-pch-timestamp -O1'; {MADE} all.h.pch && touch -d @5 part.h"
        await self.are_exact(
            Row(
                script=f"{made}; $CC -O1 -include all.h -c w.c{GONE}",
                files=FILES,
                compilers=CLANG,
            )
        )

    async def test_rejected(self) -> None:
        """Older than a header, made for other options, or second: clang tells of it, here."""
        stale = f"{MADE} all.h.pch && touch -d @5 part.h; $CC -include all.h -c n.c 2>/dev/null{GONE}"
        await self.are_exact(
            Row(script=stale, files=FILES, compilers=CLANG, elsewhere=None),
            Row(
                script=used("-include all.h -O0 -c n.c", made="all.h.pch"),
                files=FILES,
                compilers=CLANG,
                elsewhere=None,
            ),
            Row(
                script="$CC -include all.h -c n.c",
                files={**FILES, "all.h.pch": "CPCH"},
                compilers=CLANG,
                elsewhere=False,
            ),
            Row(
                script=used("-include part.h -include all.h -c n.c", made="all.h.pch"),
                files=FILES,
                compilers=CLANG,
                elsewhere=None,
            ),
        )

    async def test_messages(self) -> None:
        """Messages about headers that were precompiled are those of a local compile."""
        bad = {**FILES, "part.h": "static inline int bad(int a) { if (a = 2) return 1; return a; }\n"}
        await self.are_exact(
            Row(
                script=used("-include all.h -c m.c", options="-Wall", made="all.h.pch"),
                files={**bad, "m.c": "int bad(char *);\nint *g(int a) { return 0; }\nint h(int a) {}\n"},
                compilers=("clang", "clang-19"),
                elsewhere=None,
            ),
            Row(
                script=used("-include all.h -c m.c", options="-Wall", made="all.h.pch"),
                files={**bad, "m.c": "static int g(int a) { return a; }\n"},
                compilers=CLANG,
            ),
        )
