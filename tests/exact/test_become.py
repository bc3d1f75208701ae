"""What tdistcc becomes is what would have been: its streams, signals, limits and name are the same."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

WARNS = {"w.c": "int f(void) { int unused; return 0; }\n"}
LARGE = {"w.c": "char large[200000] = {1};\n"}
LISTS = {"w.c": "int list[] = {" + "1," * 100_000 + "};\n"}

OWN_NAMES = """
ln -s $(command -v gcc) own
PATH=$PATH:.
${CC%gcc} ./own -v -E w.c
${CC%gcc} own -v -E w.c
"""
# clang that dies of a limit leaves files of random names in TMPDIR.
TOO_LARGE = "(ulimit -c 0; ulimit -f 1; $CC -E w.c -o w.i; exit $?) 2>/dev/null"
TOO_LARGE_FROM_SERVER = "(ulimit -c 0; ulimit -f 100; $CC -c w.c; exit $?) 2>/dev/null"


def here(script: str, files: dict[str, str] = WARNS) -> Row:
    return Row(script=script, files=files, elsewhere=False, compilers=("gcc",))


class BecomeTests(ExactTestCase):
    async def test_streams(self) -> None:
        """Standard streams that are closed are closed for the compiler, too."""
        await self.are_exact(
            Row(script="$CC -Wall -c w.c 2>&-", files=WARNS, elsewhere=False),
            Row(script="$CC -Wall -c w.c <&-", files=WARNS, compilers=("gcc",)),
            here("$CC -E w.c >&-"),
            here("$CC -E -x c - <&-"),
            here("$CC -E -x c - <&- 2>&-"),
        )

    async def test_the_rest(self) -> None:
        """Signals that are ignored or not, limits, the name that a compiler tells, and fakeroot."""
        await self.are_exact(
            here("$CC -E w.c | true; exit ${PIPESTATUS[0]}", LISTS),
            here("trap '' PIPE; $CC -E w.c 2>err | true; echo ${PIPESTATUS[0]}; cut -b-60 err", LISTS),
            here(TOO_LARGE, LISTS),
            Row(script=TOO_LARGE_FROM_SERVER, files=LARGE, elsewhere=None, compilers=("gcc",)),
            Row(script="ulimit -t 100; nice $CC -Wall -c w.c; exit $?", files=WARNS),
            Row(script="fakeroot $CC -Wall -g -c w.c", files=WARNS, compilers=("gcc",)),
            here(OWN_NAMES),
        )
