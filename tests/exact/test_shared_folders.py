"""Outputs in folders that others can write to as well."""

from __future__ import annotations

import os
from pathlib import Path

from tests.exact.harness import ExactTestCase, Row

C = {"w.c": "int f(int a) { return a + 1; }\n"}
RULES = "$CC -MD -c w.c -o shared/w.o"


def sticky(folder: Path) -> None:
    """Make a folder like `/tmp`."""
    (folder / "shared").mkdir()
    (folder / "shared").chmod(0o1777)


def with_own_outputs(folder: Path) -> None:
    """Make outputs of before in such a folder, and another name of the folder."""
    sticky(folder)
    for name in ("w.o", "w.d"):
        (folder / "shared" / name).write_text("of before\n" * 500)
    (folder / "way").symlink_to("shared")


def with_rules_of_others(folder: Path) -> None:
    """Make a dependency file in such a folder that is another user's, if we may."""
    sticky(folder)
    rules = folder / "shared/w.d"
    rules.write_text("of others\n")
    rules.chmod(0o666)
    if not os.getuid():
        os.chown(rules, 12345, 12345)


class SharedFolderTests(ExactTestCase):
    async def test_shared_folders(self) -> None:
        """Outputs get into a sticky folder, where files of other users are left to the compiler."""
        await self.are_exact(
            Row(script=RULES, files=C, prepare=sticky),
            Row(script=f"cd way; {RULES.replace('w.c', '../w.c').replace('shared/', '')}", files=C,
                prepare=with_own_outputs),
            Row(script=RULES, files=C, prepare=with_rules_of_others,
                elsewhere=False if not os.getuid() else None),
        )  # fmt: skip
