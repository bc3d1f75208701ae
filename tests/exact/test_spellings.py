"""Options in several spellings, and those that say where compilers find their own programs."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

C = {"w.c": "int x = X;\n", "X.h": "\n"}

# A GCC installation, as clang looks for one.
GCC = {
    "w.cc": "#include <named>\nint x = X;\n",
    "v.cc": "#include <vector>\nint f() { return std::vector<int>(X).size(); }\n",
    "gcc/lib/gcc/x86_64-linux-gnu/99/crtbegin.o": "",
    "gcc/include/c++/99/named": "#define X __has_include(<vector>)\n",
    "usr/include/c++/99/named": "#define X 3\n",
}

# Where clang looks for an assembler, it is that of this machine.
PROGRAMS = [
    *(
        Row(script=f"$CC -DX=1 {options} -c w.c", files=C, compilers=("clang",), elsewhere=False)
        for options in ("-fno-integrated-as --gcc-toolchain=/usr", "-no-integrated-as --sysroot=/")
    ),
    Row(script="$CC -DX=1 --prefix=/usr/bin/ -c w.c", files=C, elsewhere=False),
    *(
        Row(script=script, files=GCC, compilers=("clang++",))
        for script in (
            "$CC --gcc-toolchain=$PWD/gcc -c w.cc",
            "$CC --gcc-toolchain=$PWD/gcc --sysroot=$PWD -g -MD -c w.cc",
            "echo --gcc-toolchain=$PWD/gcc > x.cfg && $CC --config $PWD/x.cfg -c w.cc",
            "$CC --gcc-toolchain=/usr -DX=5 -O2 -g -MD -c v.cc",
        )
    ),
    Row(script="$CC -DX=1 --sysroot=/ -c w.c", files=C),
    Row(script="$CC -DX=1 -g -lm -l gfortran -c w.c", files=C),
]
SPELLINGS = [
    Row(script="$CC --define-macro X=1 --include-directory=. --write-dependencies -c w.c", files=C),
    Row(script="$CC --define-macro=X=1 --write-user-dependencies --compile w.c --output=y.o", files=C),
    Row(script="$CC -DX=1 --pedantic --std=c11 -c w.c -Wa,--noexecstack,-L", files=C),
    Row(script="$CC -DX=1 -fversion -c w.c", files=C, compilers=("gcc",), elsewhere=False),
    Row(script="$CC -DX=1 --std c11 -W -c w.c", files=C, compilers=("gcc",)),
]


class SpellingTests(ExactTestCase):
    async def test_programs(self) -> None:
        """What names a folder with programs stays, and leaves what the compiler leaves."""
        await self.are_exact(*PROGRAMS)

    async def test_spellings(self) -> None:
        """Long spellings are what short ones are."""
        await self.are_exact(*SPELLINGS)
