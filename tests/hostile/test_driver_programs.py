"""Programs that compilers' drivers look for by themselves: none is a client's, by whichever name.

What each driver looks for was found by tracing it (`strace -f -e trace=%file`), for all targets that
clang 14 knows and those of Debian's gcc 12, with and without an assembler of its own, with split debug
information, offloading and link time optimization.  The names are other ones for each; so what holds is
not a list of names: no file of a tree can be executed, and no link of it leads to a program.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.execution.inputs.disk import Root
from twisted_distcc.execution.inputs.layout import lay_out
from twisted_distcc.execution.inputs.names import BadTreeError
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.builder import build
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.jobs.model import Reply
from twisted_distcc.jobs.plain_trees import pack_tree

ENVIRON: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
PLANTED: Final = b"#!/bin/sh\necho planted >&2\n"
# What clang starts for a target where it does not assemble itself.
ASSEMBLERS: Final = {
    "xcore": "xcc", "ve-linux-gnu": "nas", "hexagon-unknown-elf": "hexagon-unknown-elf-llvm-mc",
    "x86_64-scei-ps4": "orbis-as", "riscv64-linux-gnu": "riscv64-linux-gnu-as", "avr": "avr-as",
    "armv7-linux-gnueabihf": "armv7-linux-gnueabihf-as", "x86_64-w64-mingw32": "x86_64-w64-mingw32-as",
    "mips-linux-gnu": "mips-linux-gnu-as", "x86_64-freebsd": "x86_64-freebsd-as",
}  # fmt: skip


def clang() -> str:
    """Give the path of clang."""
    found = shutil.which("clang")
    if found is None:
        raise SkipTest("there is no clang")
    return found


class WalledTests(SynchronousTestCase):
    """With walls the tree is the root, and so are all folders of programs."""

    def setUp(self) -> None:
        spool = Path(os.path.abspath(self.mktemp()))
        spool.mkdir(parents=True)
        self.place = build(Limits(), ENVIRON, str(spool), careful=False)
        self.clang = clang()
        self.place.learn(self.clang)

    def compiled(self, target: str, files: dict[bytes, bytes], links: dict[bytes, bytes]) -> Reply:
        words = ["clang", f"--target={target}", "-fno-integrated-as", "-c", "a.c", "-o", "a.o"]
        command = parse(words, arrived=True, with_files=True)
        assert isinstance(command, Compilation)
        tree = pack_tree(b"/p", {b"/p/a.c": b"int a;\n", **files}, links)
        with self.place.prepare_tree(self.clang, command, tree, {}, "ada") as job:
            return attempt(job)

    def test_files(self) -> None:
        """A program that a client brings is not started, where the driver finds it first."""
        for target, name in ASSEMBLERS.items():
            reply = self.compiled(target, {os.fsencode(f"/usr/local/bin/{name}"): PLANTED}, {})
            self.assertNotIn(b"planted", reply.stderr.read(), target)

    def test_links(self) -> None:
        """A link to a program that is there is refused, whatever it is called."""
        program = os.fsencode(os.path.realpath(self.clang))
        for target, name in ASSEMBLERS.items():
            with self.assertRaises(BadTreeError, msg=target):
                self.compiled(target, {}, {os.fsencode(f"/usr/local/bin/{name}"): program})


class WalllessTests(SynchronousTestCase):
    """Without walls a driver gets into a tree where an option leads it there."""

    def test_a_toolchain_in_the_tree(self) -> None:
        """An assembler beside a gcc in the tree is started only if somebody makes it a program."""
        top = Path(os.path.abspath(self.mktemp()))
        tree = pack_tree(
            b"/p",
            {
                b"/p/a.c": b"int a;\n",
                b"/usr/lib/gcc/riscv64-linux-gnu/12/crtbegin.o": b"",
                b"/usr/riscv64-linux-gnu/bin/riscv64-linux-gnu-as": PLANTED,
            },
            {},
        )
        root = Root(os.fsencode(top))
        root.become(lay_out(tree), tree.contents)
        self.assertNotIn(b"planted", self.said(top))
        (top / "usr/riscv64-linux-gnu/bin/riscv64-linux-gnu-as").chmod(0o700)
        self.assertIn(b"planted", self.said(top))

    def said(self, top: Path) -> bytes:
        words = [
            clang(),
            "--target=riscv64-linux-gnu",
            f"--gcc-toolchain={top}/usr",
            "-fno-integrated-as",
        ]
        options = [*words, "-c", str(top / "p/a.c"), "-o", str(top / "p/a.o")]
        environ = {"PATH": "/nowhere"}
        return subprocess.run(options, capture_output=True, env=environ, check=False).stderr
