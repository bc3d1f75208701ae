"""Compiles in surroundings that are meant for other programs, or that have nothing in them."""

from __future__ import annotations

from tests.exact.harness import ExactTestCase, Row

SOURCE = "int x;\n"
ENDS = "import os; os._exit(99)\n"
# By the folder that the row runs in: what any Python of ours would load, and end by.
PYTHON_FILES = {f"{name}.py": ENDS for name in ("encodings", "enum", "os", "site", "usercustomize")}
PYTHON = {
    "PYTHONDEVMODE": "1",
    "PYTHONHOME": "/nowhere",
    "PYTHONMALLOC": "no allocator",
    "PYTHONPATH": ".",
    "PYTHONVERBOSE": "1",
    "PYTHONWARNINGS": "error",
}


class SurroundingsTests(ExactTestCase):
    async def test_python_variables(self) -> None:
        """Python's variables are the build's: the compile goes elsewhere, and nothing more is said."""
        await self.are_exact(
            Row(script="$CC -c w.c", files={"w.c": SOURCE, **PYTHON_FILES}, environ=PYTHON),
            Row(script="$CC -c w.c", files={"w.c": "int f(void) { return y; }\n"}, environ=PYTHON),
        )

    async def test_homes(self) -> None:
        """A home that is none, or that is not set, keeps no compile here."""
        await self.are_exact(
            Row(script="unset HOME DISTCC_DIR; $CC -c w.c", files={"w.c": SOURCE}),
            Row(script="$CC -c w.c", files={"w.c": SOURCE}, environ={"HOME": "/dev/null"}),
            Row(script="HOME=$PWD/w.c $CC -c w.c", files={"w.c": SOURCE}),
        )
