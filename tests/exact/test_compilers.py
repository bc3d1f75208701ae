"""Compilers that are not what their name says, or that their surroundings change."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from tests.exact.harness import ExactTestCase, Row
from tests.releases import GCC

SOURCE = {"w.c": "int f(void) { char c = -1; return c < 0; }\n"}
SCRIPT = '#!/bin/sh\nexec /usr/bin/gcc -funsigned-char "$@"\n'
WRAPPER = """\
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words)
{
    char **more = calloc(count + 2, sizeof *more);
    memcpy(more + 1, words, count * sizeof *more);
    more[0] = "/usr/bin/gcc";
    more[1] = "-funsigned-char";
    return execv(more[0], more);
}
"""
# The warning about a compiler that cannot be told apart is no part of what is compared.
QUIET = {"DISTCC_LOG": "/dev/null"}


def with_script(folder: Path) -> None:
    """Make a gcc that is a script."""
    path = folder / "bin" / "gcc"
    path.parent.mkdir()
    path.write_text(SCRIPT)
    path.chmod(0o755)


def with_wrapper(folder: Path) -> None:
    """Make a gcc that is a program which starts another one."""
    path = folder / "bin" / "gcc"
    path.parent.mkdir()
    subprocess.run(["/usr/bin/gcc", "-x", "c", "-", "-o", path], input=WRAPPER.encode(), check=True)


class CompilerTests(ExactTestCase):
    async def test_what_only_starts_a_compiler(self) -> None:
        """A gcc here that is a script or a wrapper is not sent as the gcc that servers have."""
        first = "PATH=$PWD/bin:$PATH; "
        rows = [
            Row(script=f"{first}$CC -c w.c", prepare=with_script, compilers=("gcc",)),
            Row(script="$CC -c w.c", prepare=with_script, compilers=("./bin/gcc",)),
            Row(script=f"{first}$CC -c w.c", prepare=with_wrapper, compilers=("gcc",)),
            Row(script="$CC -c w.c", compilers=("c99",)),
        ]
        await self.are_exact(
            *(replace(row, files=SOURCE, environ=QUIET, elsewhere=False) for row in rows)
        )

    async def test_names(self) -> None:
        """Whatever leads to the compiler that a server has is sent, by whichever name."""
        await self.are_exact(
            Row(script="$CC -c w.c", files=SOURCE, compilers=("cc", "/usr/bin/gcc", f"gcc-{GCC}")),
            Row(script="GCC_ROOT=/none $CC -c w.c", files=SOURCE, compilers=("gcc",), elsewhere=False),
        )
