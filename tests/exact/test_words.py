"""What tdistcc has to say, and where that goes, changes nothing of what a compile leaves."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

C = {
    "w.c": "int f(void) { int unused; return 0; }\n",
    "fails.c": "int f(void) { return missing; }\n",
}
NOBODY = {"DISTCC_HOSTS": "127.0.0.1:1", "DISTCC_LOG": "/dev/null"}


class WordsTests(ExactTestCase):
    async def test_logs(self) -> None:
        """With a log, wherever it is, both streams are the compiler's; closed ones stay closed."""
        log = {"DISTCC_LOG": "/dev/null", "DISTCC_VERBOSE": "1"}
        await self.are_exact(
            Row(script="$CC -Wall -c w.c", files=C, environ=log),
            Row(script="$CC -c fails.c", files=C, environ=log),
            Row(script="DISTCC_LOG=/dev/fd/7 $CC -Wall -c w.c 7>/dev/null", files=C),
            Row(script="UNCACHED_ERR_FD=7 DISTCC_VERBOSE=1 $CC -Wall -c w.c 7>/dev/null", files=C),
            Row(script="$CC -Wall -c w.c >&-", files=C, environ=log, elsewhere=False),
        )

    async def test_nobody_to_send_to(self) -> None:
        """Where no host serves, the compile is the plain one, and so is one that fails."""
        await self.are_exact(
            Row(
                script="$CC -Wall -c w.c; $CC -Wall -c w.c -o x.o",
                files=C,
                environ=NOBODY,
                elsewhere=False,
            ),
            Row(script="$CC -c fails.c", files=C, environ=NOBODY, elsewhere=False),
            Row(script="$CC -c w.c", files=C, environ={**NOBODY, "DISTCC_HOSTS": ""}, elsewhere=False),
        )
