"""The usual kinds of compiles, by the table."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

C = {
    "w.c": '#include <stdio.h>\n#include "h.h"\nint f(void) { int unused; puts(NAME); return 0; }\n',
    "h.h": '#define NAME "name"\n',
    "fails.c": "int f(void) { return missing; }\n",
}


class KindTests(ExactTestCase):
    async def test_compiles(self) -> None:
        """Objects, errors and what is done here are the compiler's own."""
        await self.are_exact(
            Row(script="$CC -O2 -g -Wall -c w.c -o out.o", files=C),
            Row(script="umask 027; $CC -c w.c -o w.o; $CC -c w.c -o w.o", files=C, elsewhere=None),
            Row(script="$CC -c fails.c", files=C, elsewhere=None),
            Row(script="$CC -c missing.c", elsewhere=False),
            Row(script="$CC -E w.c | md5sum", files=C, elsewhere=False),
            Row(script="$CC --version", elsewhere=False),
        )
