"""Compiles whose files are found by macros, or that say the time."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row
from tests.releases import CLANG

# Strings that `#` makes escape nothing, and a name changes from one include to the next.
COMPUTED = {
    "w.c": "#define TEXT_OF(x) #x\n#define STRING(x) TEXT_OF(x)\n#define ID(x) x\n"
    "#define OF(x) ID(STRING)(x)\n#include STRING(sub\\NAME.h)\n#define NAME a\n"
    "#include STRING(sub\\NAME.h)\n#undef NAME\n#define NAME TEXT_OF\n#include OF(sub\\NAME.h)\n"
    "#include < sub/ b.h>\n#define BRACKETS <sub/NAME.h>\n#undef NAME\n#define NAME b\n"
    "#if __has_include(BRACKETS)\n#include BRACKETS\n#endif\n",
    "sub\\NAME.h": "int plain;\n",
    "sub\\a.h": "int replaced;\n",
    "sub\\TEXT_OF.h": "int a_call_that_is_none;\n",
    " sub/ b.h": "int blank;\n",
    "sub/b.h": "int in_brackets;\n",
}
PROBES = {
    "w.c": "#define HAS(x) __has_##x\n#define NAMES(x) __has_include(<sub/x.h>)\n"
    "#if HAS(include)(<sub/there.h>)\nint there;\n#endif\n#if NAMES(there)\nint also;\n#endif\n"
    "#define there gone\n#define LATE __has_include(<sub/there.h>)\n#if LATE\nint late;\n#endif\n",
    "sub/there.h": "",
    "sub/gone.h": "",
}

CLOCK = '#include "h.h"\nchar s[] = __DATE__ " " __TIME__ " " __TIMESTAMP__;\n'
REDACTED = "".join(
    f'#undef __{name}__\n#define __{name}__ "redacted"\n' for name in ("DATE", "TIME", "TIMESTAMP")
)
BAZEL = "-Wno-builtin-macro-redefined " + " ".join(
    f"-D__{name}__='\"redacted\"'" for name in ("DATE", "TIMESTAMP", "TIME")
)
HEEDS_DATES = "clang-19"
HEEDING = 16
"""The first release of clang that heeds them."""

# It stands still for the script and what it starts, but not for the server.
THEN = "export FAKETIME_DONT_FAKE_MONOTONIC=1; faketime -f '2001-02-09 03:04:05' $CC"
DATED = {"w.c": 'char s[] = __DATE__ " " __TIME__;\n'}
# To C11 nothing of it is a raw string.
UNRAW = {"w.c": '#define R ""\nchar s[] = R"(" __TIME__ ")";\n'}
# Each way has a folder of its own: but for the time that it says, there is nothing to tell them apart.
OLD = "touch -d @1000000000 w.c h.h; $CC"


class ComputedTests(ExactTestCase):
    async def test_includes(self) -> None:
        """Headers that macros name are those that the compiler reads."""
        await self.are_exact(Row(script="$CC -I. -g -c w.c", files=COMPUTED))

    async def test_probes(self) -> None:
        """So are files that are only asked for, by macros that are pasted or make the name."""
        await self.are_exact(Row(script="$CC -I. -c w.c", files=PROBES, elsewhere=False))


class ClockTests(ExactTestCase):
    async def test_redefined(self) -> None:
        """Where the macros are redefined before each use, files travel, and the object is exact."""
        nothing = {"w.c": CLOCK, "h.h": ""}
        redefined = {"w.c": CLOCK, "h.h": REDACTED}
        quiet = "-Wno-builtin-macro-redefined"
        await self.are_exact(
            Row(script=f"$CC {BAZEL} -g -c w.c", files=nothing),
            Row(script=f"$CC {quiet} -g -c w.c", files=redefined),
            Row(script=f"$CC {quiet} -imacros r.h -g -c w.c", files={**nothing, "r.h": REDACTED}),
            Row(
                script="$CC -Wno-builtin-macro-redefined -U__TIME__ -g -c w.c",
                files={"w.c": "#ifndef __TIME__\n#define __TIME__ 1\n#endif\nint t = __TIME__;\n"},
            ),
        )

    async def test_dates(self) -> None:
        """Servers make what says the date, and the time of day in any zone, as if it were made here."""
        able = ("gcc", "g++", HEEDS_DATES)
        india = {"TZ": "Asia/Kolkata"}
        macro = {"w.c": "const char *s = SAID, *t = SAID;\n"}
        await self.are_exact(
            Row(script=f"{THEN} -g -c w.c", files=DATED, compilers=able),
            Row(script=f"{THEN} -Wdate-time -c w.c", files=DATED, compilers=able, environ=india),
            Row(script=f"{THEN} -D'SAID=__TIM##E__' -c w.c", files=macro, elsewhere=None),
            Row(script="$CC -DSAID=__DATE__ -c w.c", files=macro, compilers=able),
            Row(script=f"{THEN} -std=c11 -c w.c", files=UNRAW, compilers=("gcc", HEEDS_DATES)),
            Row(script=f"{THEN} -c w.c", files=DATED, compilers=("clang",), elsewhere=CLANG >= HEEDING),
        )

    async def test_fixed_date(self) -> None:
        """The environment may fix the date, if the compiler heeds it, and of gcc not that of a file."""
        environ = {"SOURCE_DATE_EPOCH": "981687845", "TZ": "Asia/Kolkata"}
        stamped = {"w.c": "char s[] = __TIMESTAMP__;\n", "h.h": ""}
        await self.are_exact(
            Row(script="$CC -c w.c", files=DATED, environ=environ, compilers=("gcc", HEEDS_DATES)),
            Row(script=f"{OLD} -c w.c", files=stamped, environ=environ, elsewhere=False),
        )

    async def test_not_redefined(self) -> None:
        """Each use of the clock is one, also in pieces, on the command line, and where it comes back."""
        files = {"w.c": "char *s = X;\n", "h.h": "#define X __TIMEST##AMP__\n"}
        again = (
            '#pragma push_macro("__TIMESTAMP__")\n#undef __TIMESTAMP__\n#define __TIMESTAMP__ "x"\n'
            'char *r = __TIMESTAMP__;\n#pragma pop_macro("__TIMESTAMP__")\nchar *s = __TIMESTAMP__;\n'
        )
        silent = '#pragma GCC diagnostic ignored "-Wdate-time"\nchar *s = __TIMESTAMP__;\n'
        await self.are_exact(
            Row(script=f"{OLD} -include h.h -c w.c", files=files, elsewhere=False),
            Row(script=f"{OLD} -DX=__TIMESTAMP__ -c w.c", files={**files, "h.h": ""}, elsewhere=False),
            Row(script=f"{OLD} -w -c w.c", files={"w.c": again, "h.h": ""}, elsewhere=False),
            Row(script=f"{OLD} -c w.c", files={"w.c": silent, "h.h": ""}, elsewhere=False),
        )
