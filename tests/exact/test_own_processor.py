"""Compiles for the processor of this very machine, which servers are told of."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

SOURCE = """#include "a.h"
#include <stddef.h>
struct s { int id, values[4]; };
int sum(const struct s *all, size_t count)
{
    int total = LANES;
    for (size_t i = 0; i < count; i++)
        total += all[i].id * all[i].values[i % 4];
    return total;
}
"""
HEADER = """#if defined __AVX512F__
#define LANES 16
#elif defined __AVX2__
#define LANES 8
#else
#define LANES 4
#endif
"""
FILES = {"w.c": SOURCE, "a.h": HEADER}
BOTH = ("gcc", "clang")


class OwnProcessorTests(ExactTestCase):
    async def test_options(self) -> None:
        """Objects have this processor's instructions, and gcc's options for it in debug information."""
        await self.are_exact(
            *(
                Row(script=f"$CC {options} -MD -c w.c", files=FILES)
                for options in (
                    "-march=native -O2 -g",
                    "-O3 -march=native -mtune=native -ggdb3",
                    "-march=native -mtune=generic -O2",
                    "-mtune=native -g -O2",
                    "-march=x86-64-v2 -mtune=native -O2 -g",
                    "-march=native -O3 -mno-avx512f",
                    "-mno-avx -O3 -march=native -g",
                    "-march=native -flto -O2 -g -frandom-seed=w",
                    "-march=native -S -O2",
                )
            )
        )

    async def test_pipe(self) -> None:
        """It is the same where the assembler runs beside the compiler."""
        await self.are_exact(Row(script="$CC -march=native -O2 -g -pipe -c w.c", files=FILES))

    async def test_kinds(self) -> None:
        """It is the same for other languages, and for 32 bits."""
        await self.are_exact(
            Row(
                script="cp w.c w.cc; $CC -march=native -O2 -g -c w.cc",
                files=FILES,
                compilers=("g++", "clang++"),
            ),
            Row(script="$CC -march=native -E w.c > w.i; $CC -march=native -O2 -g -c w.i", files=FILES),
            Row(script="cp w.c @x; echo '-march=native -O2' > words; $CC @words -c w.c", files=FILES),
        )

    async def test_messages(self) -> None:
        """Warnings are this compiler's."""
        await self.are_exact(
            Row(script="$CC -march=native -Wall -c w.c", files={"w.c": "int f(void) { int x; }\n"})
        )

    async def test_here(self) -> None:
        """What is not understood stays here."""
        await self.are_exact(
            Row(script="$CC -march=native+crypto -c w.c", files=FILES, elsewhere=False),
            Row(script="$CC -mcpu=native -c w.c", files=FILES, elsewhere=None, compilers=("gcc",)),
            Row(script="$CC -mcpu=native -c w.c", files=FILES, elsewhere=False, compilers=("clang",)),
        )
