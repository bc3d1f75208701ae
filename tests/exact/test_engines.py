"""Compiles by a Remote Execution engine, which has nothing but what is sent: all is as here."""

from __future__ import annotations

from tests.engine import start_engine
from tests.exact.harness import ExactTestCase, Row, Serving
from tests.exact.test_more_outputs import ALL
from tests.exact.test_more_outputs import C as MORE
from tests.exact.test_precompiled_headers import FILES as HEADERS
from tests.exact.test_precompiled_headers import used

C = {
    "w.c": '#include <stdio.h>\n#include "w.h"\nint main(void) { int y; puts(NAME __FILE__); }\n',
    "w.h": '#define NAME "w"\n',
}
CXX = {
    "sub/w.cc": '#include <string>\n#include "../w.h"\nstd::string f(int a) { return NAME; }\n',
    "w.h": '#define NAME "w"\n',
}
MADE_BY_ALL = (
    Row(script=f"$CC {ALL} -c w.c -o obj/x.o", files=MORE),
    Row(
        script="cd obj && $CC -g -gsplit-dwarf -save-temps=obj -MD -c ../w.cc -o ../x.o",
        files={**MORE, "w.cc": MORE["w.c"]},
        compilers=("g++", "clang++"),
    ),
)
MADE_BY_ONE = (
    Row(
        script="$CC -march=native -fdump-tree-original -Wa,-aln=w.l -c w.c",
        files=MORE,
        compilers=("gcc",),
    ),
    Row(
        script="$CC -Wall -serialize-diagnostics w.dia -MJ w.json -g -grecord-command-line -c w.c",
        files=MORE,
        compilers=("clang",),
    ),
)
# clang compares the times of headers, its own among them, which other hosts do not keep.
PRECOMPILED = (
    Row(script=used("-MD -c w.c"), files=HEADERS, compilers=("gcc",)),
    Row(script=used("-MD -include all.h -c w.c"), files=HEADERS, compilers=("clang",), elsewhere=False),
)


class EngineTests(ExactTestCase):
    lanes = 1  # each would have an engine of its own, to which the compilers have to go

    async def serving(self) -> Serving:
        """Start an engine."""
        engine = await start_engine(self)
        # A job looks for a result that was kept; the question what the engine can do does not.
        return Serving(engine.word, lambda: engine.requests("GetActionResult"))

    async def test_compiles(self) -> None:
        """Objects, dependencies and messages are those of a compile here, and nothing else is left."""
        await self.are_exact(
            Row(script="$CC -g -O2 -Wall -MD -c w.c", files=C),
            Row(
                script="cd sub && $CC -g -Wall -Wextra -MMD -MF ../x.d -c w.cc -o ../x.o",
                files=CXX,
                compilers=("g++", "clang++"),
            ),
            Row(script="$CC -S w.c", files=C, compilers=("gcc",)),
            Row(script="$CC -c w.c", files={"w.c": "int f() { return x; }\n"}, compilers=("gcc",)),
        )

    async def test_more_outputs(self) -> None:
        """So are all files that a command makes, also those that name the folder, or the command."""
        await self.are_exact(*MADE_BY_ALL, *MADE_BY_ONE, *PRECOMPILED)

    async def test_what_stays(self) -> None:
        """An engine takes files for one that are alike, and has other names for what links lead to."""
        files = {
            "w.c": '#include "a.h"\n#include "b/a.h"\nint x = A;\n',
            "a.h": "#pragma once\n#ifndef A\n#define A 1\n#else\n#undef A\n#define A 2\n#endif\n",
        }
        files["b/a.h"] = files["a.h"]
        await self.are_exact(
            Row(
                script="touch -d 2020-01-01 a.h; touch -d 2021-01-01 b/a.h; $CC -c w.c",
                files=files,
                compilers=("gcc",),
                elsewhere=False,
            ),
            *(
                Row(
                    script=f"mkdir real && ln -s real link && cd link && $CC -g {more} -c ../w.c",
                    files=MORE,
                    compilers=("gcc",),
                    elsewhere=False,
                )
                for more in ("", "--coverage -frandom-seed=1")
            ),
        )
