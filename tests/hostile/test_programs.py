"""Folders in which compilers look for programs, named by a client that sends its files as well."""

from __future__ import annotations

from pathlib import Path

from tests.hostile import injections
from tests.hostile.tree_attacks import TreeAttackTestCase
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS

_LINES = (
    "clang -fno-integrated-as --gcc-toolchain={dir}/gcc",
    "clang -fno-integrated-as --gcc-toolchain=../..{dir}/gcc",
    "clang -fno-integrated-as --gcc-install-dir={dir}/gcc/lib/gcc/x86_64-linux-gnu/12",
    "clang -fno-integrated-as -gcc-toolchain {dir}/gcc",
    "clang -fno-integrated-as --sysroot={dir}/gcc",
    "clang -no-integrated-as --sysroot {dir}/gcc",
    "clang --target=sparc-linux-gnu --sysroot={dir}/sparc",
    "clang -fno-integrated-as -B{dir}/bin",
    "clang -fno-integrated-as --prefix={dir}/bin",
    "clang -fno-integrated-as -ccc-install-dir {dir}/bin",
    "gcc -B{dir}/bin/",
    "gcc --prefix {dir}/bin/",
)


class ProgramTests(TreeAttackTestCase):
    async def test_without_a_sandbox(self) -> None:
        """An unchanged compiler starts none of the programs there, whichever way it is asked."""
        folder = self.place()
        folder.mkdir()
        self.plant(folder)
        await self.besieged("--sandbox=off")
        for line in _LINES:
            command = [*line.replace("{dir}", str(folder)).split(), "-c", "hello.c", "-o", "hello.o"]
            answer = await self.attack(command=command)
            self.assertEqual(answer.exit_code, EXIT_BAD_ARGUMENTS, (line, answer.stderr))
            self.assertEqual([path.name for path in (folder / "out").iterdir()], [".keep"], line)
        await self.nothing_was_done()

    async def test_names_alone(self) -> None:
        """What clang calls by a bare name is not started from the client's folder."""
        folder = self.place()
        folder.mkdir()
        folder.chmod(0o777)
        await self.besieged("--sandbox=off")
        program = f"#!/bin/sh\ntouch {folder}/ran\n".encode()
        for target, name in (("xcore", b"xcc"), ("ve-linux", b"nas"), ("spirv64", b"llvm-spirv")):
            command = ("clang", f"--target={target}", "-fno-integrated-as", "-c", "hello.c")
            answer = await self.attack((b"/project/" + name, program), command=command)
            self.assertNotEqual(answer.exit_code, 0, (target, answer.stderr))
            self.assertEqual(list(folder.iterdir()), [], target)
        await self.nothing_was_done()

    def plant(self, folder: Path) -> None:
        """Put programs that leave a trace where drivers look, for any user to run."""
        for name, text in injections.FILES.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("{dir}", str(folder)))
            path.chmod(0o755)
        for path in (folder, *(inner for inner in folder.rglob("*") if inner.is_dir())):
            path.chmod(0o777)
