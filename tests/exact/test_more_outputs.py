"""Files beside the object: split debug information, coverage notes, stack usage, and the like."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

C = {
    "w.c": '#include "w.h"\nint f(int a) { return a > 2 ? g(a + 1) : 0; }\n',
    "w.h": "int g(int);\n",
    "obj/.keep": "",
}


ALL = "--coverage -frandom-seed=1 -fstack-usage -g -gsplit-dwarf -MD"


class MoreOutputsTests(ExactTestCase):
    async def test_each(self) -> None:
        """Debug information, coverage notes, counters, use of the stack, and calls, each by itself."""
        await self.are_exact(
            Row(script="$CC -g -gsplit-dwarf -c w.c -o obj/x.o", files=C),
            Row(script="$CC --coverage -frandom-seed=1 -c w.c", files=C),
            Row(script="$CC -fprofile-arcs -frandom-seed=1 -c w.c -o x", files=C),
            Row(script="$CC -fstack-usage -O2 -c w.c -o obj/x.y.o", files=C),
            Row(script="$CC -fcallgraph-info=su,da -c w.c", files=C, compilers=("gcc",)),
        )

    async def test_all_at_once(self) -> None:
        """Several of them in one command, in C and in C++, as an object and as assembly."""
        await self.are_exact(
            Row(script=f"$CC {ALL} -c w.c -o obj/x.o", files=C),
            Row(script=f"$CC {ALL} -S w.c", files=C),
            Row(
                script=f"$CC {ALL} -c w.cc", files={**C, "w.cc": C["w.c"]}, compilers=("g++", "clang++")
            ),
        )

    async def test_what_is_there(self) -> None:
        """Files that exist are replaced or overwritten as by the compiler, or left to it."""
        old = dict.fromkeys(("w.dwo", "w.gcno", "w.su", "w.o", "w.d"), "longer than the new one" * 400)
        links = "ln w.dwo a; ln w.gcno b; ln w.su c; ln w.o d"
        await self.are_exact(
            Row(script=f"{links}; $CC {ALL} -c w.c", files={**C, **old}),
            Row(script=f"ln -s a w.su; $CC {ALL} -c w.c", files=C, elsewhere=False),
            Row(script=f"mkdir w.gcno; $CC {ALL} -c w.c", files=C, elsewhere=False),
        )
