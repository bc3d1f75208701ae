"""Compiles by rules for gcc's driver, as distributions put them into their packages' flags."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

SOURCE = '#include "a.h"\nint f(int n) { return n * VALUE; }\nint g(void) { int unused; return f(1); }\n'
HEADER = "#ifdef __PIE__\n#define VALUE 2\n#else\n#define VALUE 3\n#endif\n"
HARDENED = "*cc1_options:\n+ %{!r:%{!fpie:%{!fPIE:%{!fpic:%{!fPIC:%{!fno-pic:-fPIE}}}}}}\n"
LINKED = "*self_spec:\n+ %{!static:%{!shared:%{!r:-pie}}}\n\n*link:\n+ -z now\n"
FILES = {
    "w.c": SOURCE,
    "a.h": HEADER,
    "hardened": HARDENED,
    "linked": LINKED,
    "warn": "*cc1:\n+ -Wall\n",
}


class DriverRulesTests(ExactTestCase):
    async def test_options(self) -> None:
        """What the rules add is in the object, and in the macros that decide what is compiled."""
        rules = "-specs=$PWD/hardened -specs=$PWD/linked"
        await self.are_exact(
            Row(script=f"$CC {rules} -O2 -g -c w.c", files=FILES, compilers=("gcc",)),
            Row(script=f"$CC {rules} -fno-pic -MD -g -c w.c", files=FILES, compilers=("gcc",)),
            Row(script="$CC --specs $PWD/warn -c w.c", files=FILES, compilers=("gcc",)),
            Row(
                script="ln -s w.c w.cc; $CC -specs=$PWD/hardened -c w.cc",
                files=FILES,
                compilers=("g++",),
            ),
        )

    async def test_changed(self) -> None:
        """Rules that have changed are in force at once."""
        script = (
            "$CC -specs=$PWD/hardened -g -c w.c -o one.o;"
            " printf '*cc1_options:\\n+ -DVALUE=7 -O1\\n' > hardened; : > a.h;"
            " $CC -specs=$PWD/hardened -g -c w.c -o two.o"
        )
        await self.are_exact(Row(script=script, files=FILES, compilers=("gcc",)))

    async def test_here(self) -> None:
        """Rules that may mean something else elsewhere, or that cannot be read, are followed here."""
        for rules in (
            "*cc1_options:\n+ -fstack-usage\n",
            "%include <x>\n",
            "*cc1:\n+ %:getenv(HOME /)\n",
        ):
            await self.are_exact(
                Row(
                    script="$CC -specs=$PWD/x -c w.c",
                    files={**FILES, "x": rules},
                    compilers=("gcc",),
                    elsewhere=False,
                )
            )
        await self.are_exact(
            Row(script="$CC -specs=$PWD/none -c w.c", files=FILES, compilers=("gcc",), elsewhere=False),
            Row(script="$CC -specs=hardened -c w.c", files=FILES, compilers=("gcc",), elsewhere=False),
            Row(
                script="$CC -specs=$PWD/hardened -c w.c",
                files=FILES,
                compilers=("clang",),
                elsewhere=False,
            ),
        )
