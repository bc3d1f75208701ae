"""Objects and files that contain the command that made them."""

from __future__ import annotations

from tests import releases
from tests.exact.harness import ExactTestCase, Row

C = {
    "w.c": '#include "w.h"\nint f(int a) { return a > 2 ? g(a + 1) : 0; }\n',
    "v.c": "int f(void) { int unused; return 0; }\n",
    "w.h": "int g(int);\n",
    "obj/.keep": "",
    "words": '-O1 "-DX=a b\\\\c"\n',
}
CLANG = ("clang", "clang-19")


class RecordedCommandsTests(ExactTestCase):
    async def test_clang(self) -> None:
        """The compiler's path and all words are in debug information, a section, or a file."""
        await self.are_exact(
            Row(
                script="$CC -g -grecord-gcc-switches @words -c w.c -o obj/x.o", files=C, compilers=CLANG
            ),
            Row(script="$CC -frecord-command-line -MD -c $PWD/w.c", files=C, compilers=CLANG),
            Row(script="$CC -save-temps -g -grecord-command-line -c w.c", files=C, compilers=CLANG[:1]),
            Row(script="$CC -frecord-gcc-switches -S w.c -D'X=a b'", files=C, compilers=CLANG[:1]),
            Row(
                script="$CC -g -gz -flto=thin -grecord-command-line -gsplit-dwarf -c w.c",
                files=C,
                compilers=CLANG[1:],
            ),
            Row(script="$CC -no-canonical-prefixes -MJ w.json -c w.c", files=C, compilers=("clang",)),
            Row(
                script="$CC -no-canonical-prefixes -g -grecord-command-line -c w.c",
                files=C,
                compilers=("clang", "/usr/bin/clang"),
            ),
        )

    async def test_gcc(self) -> None:
        """gcc records options without paths, in either place."""
        await self.are_exact(
            Row(script="$CC -O2 -frecord-gcc-switches -c w.c -o obj/x.o", files=C, compilers=("gcc",)),
            Row(script="$CC -g -grecord-gcc-switches -c w.c", files=C, compilers=("gcc", "g++")),
            Row(script="$CC -frecord-gcc-switches -fstack-usage -c w.c", files=C, compilers=("gcc",)),
        )

    async def test_messages(self) -> None:
        """Messages at a terminal are coloured by options of which there is no record."""
        for option in ("-g -grecord-command-line", "-MJ w.json"):
            await self.are_exact(
                Row(script=f"$CC {option} -Wall -c v.c", files=C, compilers=("clang",), terminal=90)
            )

    async def test_here(self) -> None:
        """Another path of the compiler, and words that servers are not sent, are written down here."""
        await self.are_exact(
            Row(
                script="$CC -no-canonical-prefixes -MJ w.json -c w.c",
                files=C,
                compilers=(f"/usr/lib/llvm-{releases.CLANG}/bin/clang",),
                elsewhere=False,
            ),
            Row(
                script="$CC -march=native -g -grecord-command-line -c w.c",
                files=C,
                compilers=("clang",),
                elsewhere=False,
            ),
            Row(
                script="$CC -g -grecord-command-line -c w.c",
                files=C,
                compilers=("clang",),
                environ={"CPATH": "obj"},
                elsewhere=False,
            ),
        )
