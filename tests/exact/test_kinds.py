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


class HarnessTests(ExactTestCase):
    async def test_what_differs(self) -> None:
        """Every kind of difference between tdistcc and the compiler is seen."""
        differs = 'case "$CC" in tdistcc*) %s;; *) %s;; esac'
        rows = [
            Row(script=differs % ways, compilers=("gcc",), elsewhere=False)
            for ways in (
                ("exit 1", "exit 2"),
                ("echo a", "echo b"),
                ("echo a >&2", "echo b >&2"),
                ("echo a >f", "echo b >f"),
                ("ln -s a f", "ln -s b f"),
                ("echo >f; chmod 600 f", "echo >f; chmod 644 f"),
                ("echo >f; ln f g", "echo >f; cp f g"),
                ("echo >f; echo >g; touch -d @1 f", "echo >f; echo >g; touch -d @1 g"),
                ("echo >$TMPDIR/f", ":"),
            )
        ]
        with self.assertRaises(self.failureException) as raised:
            await self.are_exact(*rows, Row(script="$CC -c w.c", files=C, elsewhere=False))
        told = str(raised.exception)
        for row in rows:
            self.assertIn(f"gcc: {row.script!r}, by the agent", told)
        self.assertIn("clang: '$CC -c w.c', by the agent: the server was asked", told)
