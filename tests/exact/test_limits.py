"""Compiles that are more than one form of them, the protocol or a program of ours can carry."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

SOURCE = {"w.c": '#include "h.h"\nint f(void) { return NAME; }\n', "h.h": "#define NAME 1\n"}
MESSAGES = f'#pragma message "{"x" * 60_000}"\n' * 150
LONGEST_NAME = "n" * 253 + ".c"
DEEP = "/".join(["n" * 250] * 14)


def with_words(words: str) -> dict[str, str]:
    """Give the source, and a response file."""
    return {**SOURCE, "words": words}


class LimitTests(ExactTestCase):
    async def test_long_commands(self) -> None:
        """A command that is too much for a request stays here."""
        many = "$(printf -- '-DM%d ' $(seq 10100))"
        await self.are_exact(
            Row(script=f"$CC {many} -c w.c", files=SOURCE, elsewhere=False),
            Row(script="$CC @words -c w.c", files=with_words("-DMANY\n" * 10_100), elsewhere=False),
            Row(script="$CC @words -c w.c", files=with_words("-Wno-unused\n" * 10_100), elsewhere=False),
            Row(
                script="$CC @words -c w.c",
                files=with_words(f"-DLONG={'x' * 140_000}\n" * 15),
                compilers=("gcc",),
                elsewhere=False,
            ),
        )

    async def test_other_lengths(self) -> None:
        """So do long variables, names, paths and messages, of which all are said."""
        variables = "; ".join(f"export V{number}=$(printf %0130000d 1)" for number in range(12))
        deeper = f"for n in $(seq 20); do mkdir {'n' * 250}; cd {'n' * 250}; done"
        make = "echo 'int x;' >w.c"
        await self.are_exact(
            Row(script=f"{variables}; $CC -c w.c", files=SOURCE, compilers=("gcc",)),
            Row(script=f"$CC -c {LONGEST_NAME} -o w.o", files={LONGEST_NAME: "int x;\n"}),
            Row(
                script=f"mkdir -p {DEEP}; cp w.c h.h {DEEP}; $CC -c {DEEP}/w.c -o w.o",
                files=SOURCE,
                compilers=("gcc",),
                elsewhere=None,
            ),
            Row(
                script=f"here=$PWD; {deeper}; {make}; $CC -c w.c; md5sum w.o; cd /; rm -r $here/n*",
                compilers=("gcc",),
                elsewhere=False,
            ),
            Row(
                script="$CC -c w.c 2>said; md5sum said; rm said",
                files={"w.c": MESSAGES},
                compilers=("gcc",),
            ),
        )
