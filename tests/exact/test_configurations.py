"""Compiles by configuration files of clang's."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

FILES = {
    "project.cfg": "-O2 -DX=3 -g\n# linked later\n-fuse-ld=lld -Wl,-z,now -L/x \\\n -Wall\n@more\n",
    "more": "-fPIC '-DNAME=\"a b\"' -U Y\n",
    "w.c": """#include "w.h"
int f(int a) { int unused; return a + X + sizeof NAME; }
""",
    "w.h": "int f(int);\n",
}
CLANGS = ("clang", "clang-19")
CLANG = ("clang",)


class ConfigurationTests(ExactTestCase):
    async def test_files(self) -> None:
        """Options from files, for objects, messages, rules, and for what the command itself says."""
        await self.are_exact(
            Row(script="$CC --config $PWD/project.cfg -MD -c w.c", files=FILES, compilers=CLANGS),
            Row(script="$CC --config=$PWD/project.cfg -c w.c", files=FILES, compilers=("clang-19",)),
            Row(
                script="$CC --config $PWD/project.cfg -c w.c -o 1.o; echo -DX=4 >>more;"
                " $CC --config $PWD/project.cfg -O0 -c w.c -march=native",
                files=FILES,
                compilers=CLANG,
            ),
        )

    async def test_staying(self) -> None:
        """What would make files, or depends on where clang looks, is compiled here."""
        await self.are_exact(
            Row(
                script="$CC --config ./project.cfg -c w.c", files=FILES, compilers=CLANG, elsewhere=False
            ),
            Row(
                script="echo -save-temps >>more; $CC --config $PWD/project.cfg -c w.c",
                files=FILES,
                compilers=CLANG,
                elsewhere=False,
            ),
            Row(
                script="$CC --config $PWD/none.cfg -c w.c; $CC --config project.cfg -c w.c",
                files=FILES,
                compilers=CLANG,
                elsewhere=False,
            ),
        )
