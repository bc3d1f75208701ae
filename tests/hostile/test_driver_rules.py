"""Rules for gcc's driver that a client made up: they can name any program, and none is the client's."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.hostile.tree_attacks import SECRET, TreeAttackTestCase

PROGRAM: Final = b"""
#include <stdio.h>
int plugin_is_GPL_compatible;
__attribute__((constructor)) static void run(void) { fputs("the client's program ran\\n", stderr); }
int plugin_init(void *info, void *version) { return 0; }
int main(void) { return 0; }
"""
RAN: Final = "the client's program ran"
RULES: Final = b"/project/rules"
COMMAND: Final = ("gcc", "-specs=/project/rules", "-c", "hello.c", "-o", "hello.o")
# A loader runs files that cannot be executed, and is part of every toolchain.
LOADER: Final = "/lib64/ld-linux-x86-64.so.2"


def built(*options: str) -> bytes:
    """Build the attacker's program, and give its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder, "made")
        subprocess.run(["gcc", *options, "-x", "c", "-", "-o", made], input=PROGRAM, check=True)
        return made.read_bytes()


class DriverRulesTests(TreeAttackTestCase):
    async def test_programs(self) -> None:
        """Neither the driver nor a loader runs a file of the tree, and no plugin comes from there."""
        await self.besieged("--sandbox=require", "--sandbox-program=jail")
        program, plugin = built("-static-pie"), built("-shared", "-fPIC")
        for rules in (
            "@c:\n/project/program %i -o %o\n",
            f"@c:\n{LOADER} /project/program %i -o %o\n",
            f"*cc1:\n%(cc1_cpu) -wrapper {LOADER},/project/program\n",
            "*cc1:\n%(cc1_cpu) -fplugin=/project/plugin.so\n",
            "*invoke_as:\n|\n /project/program %m\n",
            "%include </project/more>\n",
        ):
            answer = await self.attack(
                (RULES, f"{rules}\n".encode()),
                (b"/project/program", program),
                (b"/project/plugin", plugin),
                (b"/project/more", b"@c:\n/project/program %i -o %o\n\n"),
                command=[word.replace("plugin.so", "plugin") for word in COMMAND],
            )
            self.assertNotEqual(answer.exit_code, 0, rules)
            self.assertNotIn("reads rules", answer.stderr, rules)
            self.assertNotIn(RAN, answer.stderr + answer.stdout.decode(errors="replace"), rules)
        await self.nothing_was_done()

    async def test_files(self) -> None:
        """Rules find no file of the machine's to read, and leave none."""
        await self.besieged("--sandbox=require", "--sandbox-program=jail")
        canary = self.home / "canary"
        for rules in (
            f"*cc1:\n%(cc1_cpu) -include {canary}\n",
            f"*self_spec:\n@{canary}\n",
            f"%include <{canary}>\n",
            f"*asm:\n--MD {canary} -alms={canary}\n",
            f"@c:\ncc1 {canary} -o {canary}\n",
        ):
            answer = await self.attack((RULES, f"{rules}\n".encode()), command=COMMAND)
            self.assertNotIn(SECRET.strip(), answer.stderr, rules)
        await self.nothing_was_done()

    async def test_where_programs_could_run(self) -> None:
        """A sandbox that cannot tell programs from other files takes no rules, nor does none at all."""
        for options in (("--sandbox=require", "--sandbox-program=bubblewrap"), ("--sandbox=off",)):
            await self.besieged(*options)
            answer = await self.attack((RULES, b"*cc1:\n%(cc1_cpu)\n\n"), command=COMMAND)
            self.assertIn("reads rules of the compiler driver from a file", answer.stderr)
            self.assertNotEqual(answer.exit_code, 0)
            await self.nothing_was_done()
