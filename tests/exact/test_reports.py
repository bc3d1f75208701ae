"""Files that the assembler, gcc's passes and clang write where the command says."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

C = {
    "w.c": '#include "w.h"\nint f(int a) { return a > 2 ? g(a + 1) : 0; }\n',
    "w.h": "int g(int);\n",
    "w.s": "\t.globl f\nf:\tret\n",
    "l.c": '#line 3 "w.y"\nint f(void) { return 0; }\n',
    "w.y": "one\ntwo\nthree\n",
    "obj/.keep": "",
    "odd dir/.keep": "",
}
GCC, CLANG = ("gcc",), ("clang",)


def rows(*scripts: str, compilers: tuple[str, ...] = GCC, elsewhere: bool = True) -> list[Row]:
    return [Row(script=one, files=C, compilers=compilers, elsewhere=elsewhere) for one in scripts]


class ListingTests(ExactTestCase):
    async def test_files(self) -> None:
        """Listings of the assembler, with and without pages, and its dependencies."""
        await self.are_exact(
            *rows(
                "$CC -g -O2 -Wa,-adhln=obj/w.lst -c w.c -o obj/x.o -MD",
                "$CC -pipe -Wa,-a,-ad,-alms=w.lst -c w.c",
                "$CC -save-temps -Wa,-als=w.lst,--MD,w.d -c w.c",
                "$CC -g -Xassembler -alhn='odd dir/ä b' -c l.c",
                "echo older than the new one > w.l; ln w.l a; $CC -Wa,-aln=w.l -c w.c",
                "$CC -Wa,--MD=w.d -Wa,-als=w.lst -c w.s",
            ),
            *rows("$CC -fno-integrated-as -Wa,-aln=w.lst -c w.c", compilers=CLANG),
        )

    async def test_temporary_names(self) -> None:
        """The name of a temporary file is by chance, but for its folder."""
        numbers = "sed -i 's/cc[A-Za-z0-9]*[.]s/X.s/' w.l"
        await self.are_exact(
            *rows(
                f"$CC -Wa,-a,-ad,-alms=w.l -c w.c -o obj/x.o && {numbers}",
                "mkdir $TMPDIR/t; TMPDIR=$TMPDIR/t $CC -g -Wa,-adhlns=w.l,--MD,w.d -c w.c;"
                f"{numbers} w.d",
                f"TMPDIR=/none TMP=$PWD/obj $CC -Wa,-alns=w.l -c w.c && {numbers}",
            )
        )

    async def test_to_the_terminal(self) -> None:
        """Without a name a listing is a message."""
        await self.are_exact(*rows("$CC -g -Wa,-ahln -c w.c", "$CC -Wa,-adn -Wa,-am -pipe -c w.c"))

    async def test_here(self) -> None:
        """What has the time in it, and sources under other names, stay here."""
        await self.are_exact(
            *rows(
                "$CC -Wa,-agln=w.l -c w.c; rm w.l",
                "TMPDIR=odd\\ dir $CC -Wa,-adhlns=w.l -c w.c; rm w.l",
                "$CC -g -fdebug-prefix-map=$PWD=. -Wa,-ahln=w.l -c w.c",
                "$CC -Wa,-ahn=w.l -c w.s",
                "$CC -Wa,-aln=/dev/null -c w.c",
                elsewhere=False,
            ),
        )

    async def test_two_in_one_file(self) -> None:
        """What is to be in one file with the object or the dependencies is left to the compiler."""
        await self.are_exact(
            *rows("$CC -Wa,-aln=w.d -MD -c w.c", "$CC -Wa,-aln=$PWD/w.o -c w.c", elsewhere=False),
            *rows(
                "$CC -MD -MF ./w.o -c w.c -o w.o",
                "$CC -MD -MF obj//x.o -c w.c -o obj/x.o",
                elsewhere=False,
            ),
        )


class PlaceTests(ExactTestCase):
    async def test_dumps(self) -> None:
        """Dumps go where they are told, or to a standard stream; some have addresses in them."""
        numbers = "sed -Ei 's/0x[0-9a-f]*//g'"
        await self.are_exact(
            *rows(
                "$CC -fdump-tree-original=obj/t -c w.c",
                f"$CC -fdump-tree-original=stderr -fdump-ipa-cgraph -fdump-statistics -c w.c;"
                f"{numbers} w.c.*",
                f"$CC -fdump-go-spec=w.go -fdump-earlydebug -fdump-debug -g -c w.c; {numbers} w.c.*",
                "$CC -da -fdump-noaddr -fdump-unnumbered -O1 -c w.c -o obj/x.o",
                "$CC -fverbose-asm -O2 -g -c w.c",
                f"$CC -dA -dp -dP -g -S w.c -o obj/w.s; {numbers} obj/w.s",
            )
        )

    async def test_profiles(self) -> None:
        """Where counters are to be, and where coverage notes are."""
        await self.are_exact(
            *rows(
                "$CC --coverage -frandom-seed=1 -fprofile-dir=$PWD/pd -fprofile-note=obj/n -c w.c",
                "$CC -fprofile-generate=pd -frandom-seed=1 -c w.c -o obj/x.o",
                "$CC -ftest-coverage -frandom-seed=1 -c w.c -o 'odd dir/ä b.o'",
            ),
            *rows("$CC -fprofile-generate=pd -fcs-profile-generate=p -O2 -c w.c", compilers=CLANG),
        )

    async def test_clang(self) -> None:
        """Remarks of some passes, times and indexes in other places, and LLVM's own code."""
        times = "-c w.c && grep -c traceEvents"
        await self.are_exact(
            *rows(
                "$CC -O2 -foptimization-record-passes=inline -c w.c -o obj/x.o",
                "$CC -O2 -fsave-optimization-record -foptimization-record-file=obj/r -c w.c",
                "$CC -flto=thin -fthin-link-bitcode=obj/w.idx -O2 -c w.c",
                "$CC -emit-llvm -O2 -g -MD -c w.c",
                "$CC -emit-llvm -MD -MP -c w.c -o obj/w.bc",
                "$CC -emit-llvm -S -MMD w.c",
                "$CC -fverbose-asm -g -S w.c -o obj/w.s",
                "$CC -emit-llvm -ftest-coverage -S w.c -o obj/w",
                "echo old > w.bc; ln w.bc a; $CC -emit-llvm -c w.c",
                compilers=CLANG,
            ),
            *rows(
                f"$CC -ftime-trace=obj/t {times} obj/t && : > obj/t",
                "$CC -gen-reproducer=off -c w.c",
                compilers=("clang-19",),
            ),
        )
        await self.are_exact(
            *rows(
                "mkdir t; $CC -ftime-trace=t -c w.c; : > t/w.json",
                compilers=("clang-19",),
                elsewhere=False,
            ),
            *rows("$CC -emit-llvm -c w.s", compilers=CLANG, elsewhere=False),
        )

    async def test_names(self) -> None:
        """Objects, sources and reports with odd names, in folders with odd names."""
        source = "cp w.c './-ä 1.c'; cp w.c 'odd dir/$x@.c'; $CC"
        await self.are_exact(
            *(
                Row(script=f"{source} {options}", files=C)
                for options in (
                    "-fstack-usage -g -gsplit-dwarf -c './-ä 1.c' -o 'odd dir/a b.x.o'",
                    "-save-temps=obj -I. -c 'odd dir/$x@.c' -o 'odd dir/q'",
                    "-fstack-usage -save-temps -I. -MD -c 'odd dir/$x@.c'",
                )
            )
        )
