"""Files beside the object: split debug information, coverage notes, stack usage, and the like."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

C = {
    "w.c": '#include "w.h"\nint f(int a) { return a > 2 ? g(a + 1) : 0; }\n',
    "w.h": "int g(int);\n",
    "obj/.keep": "",
}


ALL = "--coverage -frandom-seed=1 -fstack-usage -g -gsplit-dwarf -MD"


OLD = dict.fromkeys(("w.i", "w.s", "w.bc", "w.o", "w.dia"), "longer than the new one" * 400)


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

    async def test_reports(self) -> None:
        """Intermediate files, dumps, remarks, messages and fragments, beside the object or by name."""
        gcc, clang = ("gcc",), ("clang",)
        await self.are_exact(
            Row(script="$CC -save-temps -g -c w.c -o obj/x.o", files=C),
            Row(script="$CC -save-temps=obj -MD -c w.c -o obj/x.o", files=C),
            Row(script="$CC -save-temps=cwd -S w.c -o obj/x.s", files=C),
            Row(
                script="$CC -O2 -fsave-optimization-record -c w.c -o obj/x.o",
                files=C,
                compilers=clang,
            ),
            Row(script="$CC -aux-info info -fdump-tree-original -c w.c", files=C, compilers=gcc),
            Row(script="$CC -O2 -fopt-info-all=info -fopt-info -c w.c", files=C, compilers=gcc),
            Row(script="$CC -O1 -fdump-tree-optimized -c w.c -o x", files=C, compilers=gcc),
            Row(script="$CC -MJ obj/w.json -c w.c -o obj/x.o", files=C, compilers=clang),
            Row(script="$CC -Wall -serialize-diagnostics w.dia -c w.c", files=C, compilers=clang),
            Row(script="$CC -fcrash-diagnostics-dir=crashes -c w.c", files=C, compilers=clang),
            Row(script="$CC -fprofile-generate -frandom-seed=1 -c w.c -o obj/x.o", files=C),
            Row(
                script="$CC -fprofile-instr-generate -fcoverage-mapping -c w.c", files=C, compilers=clang
            ),
        )

    async def test_use(self) -> None:
        """What reads these files is satisfied: gcov, and whoever builds in a folder behind a link."""
        main = {"m.c": "int main(int n, char **v) { return n > 1 ? n : v[0] == 0; }\n", "obj/.keep": ""}
        await self.are_exact(
            Row(
                script="$CC --coverage -frandom-seed=1 -c m.c -o obj/m.o && gcc --coverage obj/m.o -o m"
                " && ./m && gcov -n obj/m.gcda; rm m obj/m.gcda",
                files=main,
                compilers=("gcc",),
            ),
            Row(
                script="mkdir real && ln -s real link && ln -s $PWD/obj real/o && cd link &&"
                " $CC --coverage -g -gsplit-dwarf -frandom-seed=1 -MD -c ../w.c -o o/w.o -MF w.d",
                files=C,
            ),
        )

    async def test_what_varies(self) -> None:
        """Reports with times or addresses in them are there, and alike but for these."""
        numbers = "sed -i 's/0x[0-9a-f]*//g'"
        await self.are_exact(
            Row(
                script=f"$CC -fdump-rtl-expand -c w.c && {numbers} w.c.*",
                files=C,
                compilers=("gcc",),
            ),
            Row(
                script="$CC -O2 -fsave-optimization-record -c w.c && zcat w.c.*.gz | grep -c '\"kind\"' "
                "&& rm w.c.*.gz",
                files=C,
                compilers=("gcc",),
            ),
            Row(
                script="$CC -ftime-trace -c w.c -o obj/x.o && grep -c traceEvents obj/x.json "
                "&& : >obj/x.json",
                files=C,
                compilers=("clang",),
            ),
        )

    async def test_again(self) -> None:
        """A second time, with the files of the first one there."""
        await self.are_exact(
            Row(script="ln w.i a; ln w.s b; ln w.o c; $CC -save-temps -c w.c", files={**C, **OLD}),
            Row(
                script="ln w.dia a; $CC -serialize-diagnostics w.dia -c w.c",
                files={**C, **OLD},
                compilers=("clang",),
            ),
            Row(
                script="$CC -MJ w.json -c w.c",
                files={**C, "w.json": "{}"},
                compilers=("clang",),
                elsewhere=False,
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
