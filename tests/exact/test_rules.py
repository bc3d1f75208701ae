"""Dependency files that a server makes, which the client reads before it believes them."""

from __future__ import annotations

from pathlib import Path

from tests.exact.harness import ExactTestCase, Row

# Names that make has other uses for, but for those that compilers write differently.
NAMES = ("a b.h", "#h.h", "$d.h", "$(shell x).h", "co:lon.h", "a;b.h", "per%cent.h", "~t.h", "[x]*?.h",
         "\N{SNOWMAN}.h", "e=f.h", "it's|.h", "-x.h", "@y.h", "$$.h", " z .h",
         "long" * 20 + ".h")  # fmt: skip
ODD = {
    **{f"odd dir/{name}": f"int x{number};\n" for number, name in enumerate(NAMES)},
    "w.c": "".join(f'#include "{name}"\n' for name in NAMES) + "int f(void) { return 0; }\n",
}
NESTED = {
    "src/w.c": '#include "../include/a.h"\n#include <b.h>\n#include "sub/d.h"\n# 7 "elsewhere.c"\n'
    '#if __has_include("asked.h")\n#include "asked.h"\n#endif\n#include <stdio.h>\nint f(void);\n',
    "src/asked.h": "",
    "src/sub/d.h": '#include "../../include/../src/sub/e.h"\n',
    "src/sub/e.h": "#include <stddef.h>\n#include <b.h>\n",
    "include/a.h": '#include "../include/b.h"\n',
    "include/b.h": "int b;\n",
}
FORMS = ("-MD -MP", "-Wp,-MMD,w.d", "-MD -MQ '$(A)' -MT b -MT '$(OBJ)'")


def linked(folder: Path) -> None:
    """Have other names for folders and files."""
    (folder / "way").symlink_to("include/../src")
    (folder / "include/l.h").symlink_to("../src/asked.h")


def every(form: str, choices: tuple[str, ...]) -> str:
    """Do one compile after the other, and keep each dependency file."""
    return "; ".join(
        f"{form.format(choice)}; mv w.d {number}.d" for number, choice in enumerate(choices)
    )


def backslashed(folder: Path) -> None:
    """Make headers by names that compilers write differently."""
    for name in ("b\\s.h", "t\tb.h"):
        (folder / name).write_text("")


class RulesTests(ExactTestCase):
    async def test_rules(self) -> None:
        """Whatever the compilers write of the files that were sent is taken."""
        await self.are_exact(
            Row(script="$CC -I'odd dir' -MD -MP -c w.c", files=ODD),
            Row(
                script="$CC -Iinclude -MMD -S src/w.c; $CC -Iinclude -MD -c -S src/w.c -o x",
                files=NESTED,
            ),
            Row(
                script=every("$CC -Iinclude/ -I./src/../include {} -c way/w.c -o ./w.o", FORMS)
                + "; cd way; $CC -include ../include/l.h -I$PWD/../include -MD -c ./w.c -o '../a b.o'",
                files=NESTED,
                prepare=linked,
            ),
            Row(
                script="$CC -nostdinc -fsanitize=address,undefined -MD -c w.c",
                files={"w.c": "int f(int *p) { return *p; }\n"},
            ),
            Row(
                script="$CC -MD -MP -I. -c w.c",
                files={"w.c": '#include <b\\s.h>\n#include "t\tb.h"\n'},
                prepare=backslashed,
                elsewhere=False,
            ),
        )

    async def test_both_options(self) -> None:
        """Of two options that ask for rules, clang warns of the one that it does not use."""
        files = {"w.c": '#include <stddef.h>\n#include "w.h"\n', "w.h": ""}
        both = ("-MD -MMD", "-MMD -MD -MF a.d", "-MMD -MMD", "--write-dependencies -MP -MMD -MT t")
        await self.are_exact(*(Row(script=f"$CC {options} -c w.c", files=files) for options in both))
