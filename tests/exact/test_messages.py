"""Messages, by all that decides how they look: terminals, variables, languages, and steps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.exact.harness import ExactTestCase, Row
from tests.prefix import TDISTCC
from twisted_distcc.cli.masquerade import make_links

LONG = "int long_function_name(int first_parameter, int second_parameter) { int unused; return 0; }\n"
FILES = {
    "w.c": '#include <stdio.h>\nint f(int a) { int unused; printf("%s", a); return 0; }\n',
    "fine.c": "int fine;\n",
    "long.c": LONG,
    "warns.c": "#warning careful\nint f(void) { int unused; return 0; }\n",
    "umlaut.c": "int f(void) { int \\u00e4; return 0; }\n",
}
WARNS = "$CC -Wall -c w.c"
JSON = "$CC -Wall -fdiagnostics-format=json -c {}.c"


def at_terminal(script: str, columns: int = 80, **environ: str) -> Row:
    """Return a compile at a terminal, whose messages come from the server."""
    return Row(script=script, files=FILES, terminal=columns, environ=environ)


def piped(script: str, **environ: str) -> Row:
    """Return a compile without a terminal."""
    return Row(script=script, files=FILES, environ=environ)


def for_gcc(row: Row) -> Row:
    """Return the row for gcc alone."""
    return replace(row, compilers=("gcc",))


class MessageTests(ExactTestCase):
    async def reasons(self, *rows: Row, **environ: str) -> list[str]:
        """Run the rows, which have to be exact; return the reasons for compiles that were done here."""
        log = self.home / "log"
        log.touch()
        usual = {"LC_ALL": "C.UTF-8", "TERM": "xterm", "DISTCC_LOG": str(log), "DISTCC_VERBOSE": "1"}
        changes: dict[str, Any] = {**usual, **environ}
        await self.are_exact(*rows, **changes)
        return [line for line in log.read_text().splitlines() if "compiling here" in line]

    async def test_from_the_server(self) -> None:
        """At usual terminals messages come from the server, with colours, links and widths."""
        reasons = await self.reasons(
            at_terminal(WARNS),
            at_terminal(WARNS, TERM="dumb"),
            for_gcc(at_terminal(WARNS, TERM="linux")),
            for_gcc(at_terminal(f"unset TERM; {WARNS}")),
            for_gcc(at_terminal(WARNS, TERM_URLS="st", GCC_COLORS="warning=01;36:ne")),
            for_gcc(at_terminal(f"{WARNS} < /dev/null > out")),
            for_gcc(at_terminal(f"{WARNS} 2>&1 | cat")),
            at_terminal(f"{WARNS} -g -MD"),
            for_gcc(at_terminal("$CC -g -frecord-gcc-switches -c fine.c")),
            at_terminal(f"{WARNS} -g -fdiagnostics-color=never -fmessage-length=50"),
            for_gcc(
                at_terminal(f"{WARNS} -fdiagnostics-color=auto -frecord-gcc-switches", TERM="linux")
            ),
            for_gcc(piped(f"{WARNS} -fdiagnostics-color=always", GCC_COLORS="warning=01;36")),
            for_gcc(piped(JSON.format("w"))),
            for_gcc(piped(WARNS, GCC_EXTRA_DIAGNOSTIC_OUTPUT="fixits-v1")),
        )
        self.assertEqual(reasons, [])

    async def test_compiled(self) -> None:
        """The compiled program tells the agent of the terminal, too; Python starts the agent."""
        make_links(self.bin, ["gcc"], TDISTCC, compiled=True)
        (self.bin / "gcc").unlink()
        row = for_gcc(at_terminal(f"$CC -c fine.c; {WARNS}"))
        self.assertEqual(await self.reasons(row), [])

    async def test_done_here(self) -> None:
        """What a server cannot be told is done here, if it has messages: and only then."""
        reasons = await self.reasons(
            for_gcc(at_terminal("$CC -Wall -c long.c", 60)),
            for_gcc(piped("$CC -Wall -c umlaut.c", LC_ALL="C.UTF-8", LANGUAGE="de:fr")),
            for_gcc(piped("$CC -c fine.c", LC_ALL="C.UTF-8", LANGUAGE="de:fr")),
        )
        self.assertIn(len(reasons), (2, 4))  # gcc's translations may not be installed
        self.assertEqual([reason for reason in reasons if "its messages might" not in reason], [])

    async def test_text(self) -> None:
        """Text is compiled elsewhere as long as neither step says anything, be it an empty list."""
        silent = for_gcc(piped("$CC -c fine.c"))
        self.assertEqual(await self.reasons(silent, DISTCC_REMOTE_CPP="0"), [])
        scripts = (WARNS, "$CC -c warns.c", JSON.format("fine"), JSON.format("warns"))
        speaking = [replace(for_gcc(piped(script)), elsewhere=None) for script in scripts]
        reasons = await self.reasons(*speaking, DISTCC_REMOTE_CPP="0")
        self.assertEqual(len(reasons), 2 * len(scripts))
