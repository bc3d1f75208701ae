"""Outputs, by kind and by what has their name already: they become what the compiler makes of them.

What each compiler does is told in `twisted_distcc.client.results.outputs`.  A file that is overwritten
is looked at by another name, since the harness does not look at inodes.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

from tests.exact.harness import ExactTestCase, Row

C = {"w.c": "int f(int a) { return a + 1; }\n", "w.s": ".globl f\nf: nop\n"}
OBJECT = "$CC -c w.c -o w.o"
# Whoever is not root cannot open what he makes under umask 777, and neither can the compiler.
NARROW = "777" if os.getuid() == 0 else "077"
RULES = "$CC -MD -c w.c -o out.o"  # into out.d
IN_EACH_FOLDER = "for folder in */; do (cd $folder; {}; echo $?); done"
OLD = "old\n" * 2000  # longer than any output
# linux/posix_acl_xattr.h: the version, then tag, permissions and identity of each entry.
NOBODY = 2**32 - 1
DEFAULT_ACL = struct.pack(
    "<I" + "HHI" * 5,
    2, 0x01, 6, NOBODY, 0x02, 6, 12345, 0x04, 4, NOBODY, 0x10, 6, NOBODY, 0x20, 0, NOBODY,
)  # fmt: skip


def old(folder: Path, name: str, text: str = OLD) -> None:
    """Make a file of before, of its own mode."""
    (folder / name).write_text(text)
    (folder / name).chmod(0o751)


def linked(folder: Path, name: str) -> None:
    """Make a file that has another name and an attribute as well."""
    old(folder, name)
    os.link(folder / name, folder / "other-name")
    os.setxattr(folder / name, "user.of", b"before")


def odd_objects(folder: Path) -> None:
    """Make what assemblers and clang treat differently, each in a folder of its own."""
    for kind in ("empty", "link", "link-to-empty", "link-to-nothing", "folder"):
        here = folder / kind
        here.mkdir()
        (here / "w.c").write_text(C["w.c"])
        if kind.startswith("link"):
            (here / "w.o").symlink_to("target")
    (folder / "folder/w.o").mkdir()
    old(folder, "empty/w.o", "")
    old(folder, "link/target")
    old(folder, "link-to-empty/target", "")


def odd_text(folder: Path) -> None:
    """Make what compilers write into, or replace."""
    old(folder, "target")
    (folder / "w.o").symlink_to("target")
    linked(folder, "out.s")


def linked_rules(folder: Path) -> None:
    """Make a link with the name of a dependency file."""
    old(folder, "target")
    (folder / "out.d").symlink_to("target")


def default_acl(folder: Path) -> None:
    """Have new files get an ACL, instead of a mode by the umask."""
    os.setxattr(folder, "system.posix_acl_default", DEFAULT_ACL)


def setgid(folder: Path) -> None:
    """Have new files get the group of the folder, which is another than ours if we may choose."""
    if not os.getuid():
        os.chown(folder, -1, 54321)
    folder.chmod(0o2777)


def ways(folder: Path) -> None:
    """Make another way to each name."""
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "way").symlink_to("deep/er")


LONG, WIDE = "n" * 253 + ".o", "\N{GRINNING FACE}" * 63 + ".o"
TEXT = "$CC -c w.s -o w.o; $CC -S w.c -o out.s"
WARNS = {"w.c": "int f(void) { int unused; return 0; }\n"}

# An object replaces a file, and whatever else is there is left to the compiler.
OBJECTS = [
    Row(script=OBJECT, files=C, prepare=lambda folder: linked(folder, "w.o")),
    Row(script=IN_EACH_FOLDER.format(OBJECT), prepare=odd_objects, elsewhere=False),
    Row(script="$CC -c w.c -o ./w.c", files=C, elsewhere=False),
]
# What assemblers read and write is new, or left to compilers, which treat it differently.
ASSEMBLIES = [
    Row(script=TEXT, files=C),
    Row(script=TEXT, files=C, prepare=odd_text, elsewhere=False),
]
# New files get their mode, group and ACL from the folder and the umask.
FOLDERS = [
    Row(script=f"umask 027; {RULES}", files=C, prepare=default_acl),
    Row(script=f"umask 007; {RULES}", files=C, prepare=setgid),
    Row(script=f"umask 0; {RULES}; umask {NARROW}; {OBJECT}", files=C),
]
# Outputs go to the file that the kernel finds by the name, however long it is.
NAMES = [
    Row(script="cd way; $CC -MD -c ../../w.c -o ../..//way/.././w.o", files=C, prepare=ways),
    Row(script=f"$CC -c w.c -o {WIDE}", files=C),
    Row(
        script=f"$CC -c w.c -o {LONG}",
        files=C,
        prepare=lambda folder: linked(folder, LONG),
        elsewhere=False,
    ),
]
# Dependencies go into the file that is there, which stays what it is.
DEPENDENCIES = [
    Row(script=RULES, files=C, prepare=lambda folder: linked(folder, "out.d")),
    Row(script=RULES, files=C, prepare=linked_rules, elsewhere=False),
    Row(script="$CC -MD -MF w.o -c w.c -o w.o", files=C, elsewhere=False),
    Row(script="$CC -fno-integrated-as -MD -c w.c", files=C, compilers=("clang",)),
]
# This leaves `w.s` as well.
ASSEMBLY_TOO = [Row(script="$CC -fwpa -c w.c -o out.o", files=C, elsewhere=False)]
# Of a compile that fails there is what the compiler leaves.
FAILURES = [
    Row(
        script="$CC -MD -Wall -Werror -c w.c",
        files=WARNS,
        prepare=lambda folder: linked(folder, "w.o"),
        elsewhere=None,
    ),
]


class OutputTests(ExactTestCase):
    async def test_outputs(self) -> None:
        """Outputs are placed as the compiler places them."""
        await self.are_exact(
            *OBJECTS, *ASSEMBLIES, *FOLDERS, *NAMES, *DEPENDENCIES, *ASSEMBLY_TOO, *FAILURES
        )
