"""Compiles by a server that has no compiler: it is sent ours, and all is as here."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row, Serving
from tests.exact.test_engines import CXX, MADE_BY_ALL, MADE_BY_ONE, PRECOMPILED, C

POLICY = '[[rule]]\nname = "all"\nwho = ["*"]\nverdict = "allow"\ntoolchains = "any"\n'


class BroughtToolchainTests(ExactTestCase):
    lanes = 1  # each would have a server of its own, to which the compilers have to go

    async def serving(self) -> Serving:
        """Start a server that finds no compiler."""
        policy = self.place()
        policy.write_text(POLICY)
        empty = str(self.place("empty"))
        server = await self.serve(
            "--sandbox=require", "--jobs=4", f"--policy={policy}", environ={"DISTCCD_PATH": empty}
        )
        word = f"127.0.0.1:{server.port}/4"
        return Serving(word, lambda: sum("verdict=done" in job for job in server.jobs))

    async def test_compiles(self) -> None:
        """Objects, dependencies and messages are those of a compile here, and nothing else is left."""
        await self.are_exact(
            Row(script="$CC -g -O2 -Wall -MD -c w.c", files=C, elsewhere=True),
            Row(
                script="cd sub && $CC -g -Wall -Wextra -MMD -MF ../x.d -c w.cc -o ../x.o",
                files=CXX,
                compilers=("g++", "clang++"),
                elsewhere=True,
            ),
            Row(script="$CC -c w.c", files={"w.c": "int f() { return x; }\n"}, compilers=("gcc",)),
        )

    async def test_more_outputs(self) -> None:
        """So are all files that a command makes, also those that name the folder, or the command."""
        await self.are_exact(*MADE_BY_ALL, *MADE_BY_ONE, *PRECOMPILED)
