"""Sources in other languages than C and C++."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.exact.harness import ExactTestCase, Row

C = {"w.c": "int g(int);\nint f(int a) { return a > 2 ? g(a + 1) : 0; }\n", "obj/.keep": ""}
OBJECTIVE_C = {
    "w.m": '#import "w.h"\n@implementation W\n+ (int)f { return g(); }\n@end\n',
    "w.h": "@interface W\n+ (int)f;\n@end\nint g(void);\n",
    "w.mm": '#import "w.h"\nstruct s { virtual ~s() {} int n = [W f]; };\nint h() { return s().n; }\n',
}
OTHERS = {
    "w.f90": "integer function f(a)\n  integer a\n  f = a + 1\nend function\n",
    "w.d": "module w;\nint f(int a) { return a + 1; }\n",
    "w.adb": "procedure W is\nbegin\n   null;\nend W;\n",
}


def _make_llvm(folder: Path) -> None:
    for suffix, option in ((".ll", "-S"), (".bc", "-c")):
        argv = ("clang", "-O0", "-g", "-emit-llvm", option, "w.c", "-o", f"w{suffix}")
        subprocess.run(argv, cwd=folder, check=True)
    (folder / "reads.ll").write_text('module asm ".incbin \\22w.c\\22"\n')


class LanguageTests(ExactTestCase):
    async def test_llvm(self) -> None:
        """LLVM's own code, as text, and other text that has been preprocessed."""
        rows = [
            Row(script=script, files=C, prepare=_make_llvm, compilers=("clang",))
            for script in (
                "$CC -O2 -MD -c w.ll",
                "$CC -O2 -x ir -S w.ll -fstack-usage -o obj/x.s",
                "$CC -O2 -emit-llvm -c w.ll -o obj/x.bc",
                "$CC -save-temps -c w.ll -o obj/x.o",
                "$CC -target aarch64-linux-gnu -c w.ll",
            )
        ]
        rows += [
            Row(
                script="$CC -E w.c -o w.i; $CC -save-temps -c w.i; $CC -save-temps -c w.s -o x.o",
                files=C,
            ),
            Row(
                script="$CC -E w.c -o w.i; $CC -target aarch64-linux-gnu -flto -O2 -g -c w.i;"
                " $CC -target aarch64-linux-gnu -O2 -c w.i -o obj/x.o",
                files=C,
                compilers=("clang",),
            ),
            Row(script="$CC -S w.c; mv w.s w.S; $CC -save-temps -c w.S -o obj/x.o", files=C),
        ]
        await self.are_exact(*rows)

    async def test_assembly(self) -> None:
        """Assembly with debug information, which names the file, its folder and the assembler."""
        files = {
            "w.S": '#include "w.h"\n\t.globl f\nf:\tW\n\t.include "w.inc"\n\tret\n',
            "w.h": "#define W nop; nop\n",
            "w.inc": "\tnop\n",
            "w.s": '\t.globl g\ng:\tnop\n\t.include "w.inc"\n\tret\n',
            "obj/.keep": "",
        }
        flat = {"w.S": '#include "w.h"\nf:\tW\n\tret\n', "w.s": "\tnop\n"}
        rows = [
            Row(script=script, files=files | changed, compilers=(compiler,))
            for compiler, changed in (("gcc", {}), ("clang", flat))
            for script in (
                "$CC -g -c w.S -o obj/x.o",
                "$CC -g -MD -I. -c $PWD/w.S -o x.o",
                "cd obj; $CC -g3 -I.. -c ../w.S",
                "ln -s work ../link; cd ../link; $CC -g -c w.S -o obj/x.o; rm ../link",
                "$CC -g -fdebug-prefix-map=$PWD=/src -c w.S",
                "$CC -g -gsplit-dwarf -c w.S -o obj/x.o",
            )
        ]
        included = "$CC -g -c w.s -o obj/x.o"
        await self.are_exact(
            *rows,
            Row(script="$CC -g -gz -c w.s -o obj/x.o", files=flat | {"obj/.keep": ""}),
            Row(script=included, files=files, elsewhere=False),
            Row(script="$CC -g -c w.S", files=files, compilers=("clang",), elsewhere=False),
        )

    async def test_llvm_here(self) -> None:
        """What may read other files, or replaces itself, is compiled here."""
        rows = [
            Row(script=script, files=C, prepare=_make_llvm, compilers=(compiler,), elsewhere=False)
            for compiler, script in (
                ("clang", "$CC -c w.bc"),
                ("clang", "$CC -x ir -c w.bc -o obj/x.o"),
                ("clang", "$CC -c reads.ll"),
                ("clang", "$CC -O1 -S -emit-llvm w.ll"),
                ("gcc", "$CC -c w.ll"),
            )
        ]
        await self.are_exact(*rows)

    async def test_objective_c(self) -> None:
        """Objective-C and Objective-C++ are compiled elsewhere."""
        await self.are_exact(
            Row(script="$CC -MD -g -c w.m", files=OBJECTIVE_C),
            Row(
                script="$CC -fobjc-runtime=gnustep-2.0 -MD -c w.m",
                files=OBJECTIVE_C,
                compilers=("clang",),
            ),
            Row(script="$CC -fobjc-exceptions -c w.mm", files=OBJECTIVE_C, compilers=("g++", "clang++")),
            Row(script="$CC -fconstant-string-class=X -x objective-c -c w.m", files=OBJECTIVE_C),
        )

    async def test_others(self) -> None:
        """Languages whose sources name other units are compiled here."""
        rows = [
            Row(script=f"$CC -c {source}", files=OTHERS, compilers=("gcc",), elsewhere=False)
            for source in OTHERS
        ]
        await self.are_exact(*rows)
