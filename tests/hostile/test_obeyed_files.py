"""Files that compilers obey, made up by a client: images of a compiler's memory, times, and options."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from tests.hostile.test_driver_rules import RAN, built
from tests.hostile.tree_attacks import TreeAttackTestCase
from twisted_distcc.jobs.file_times import TIMES

HEADER: Final = b"static inline int f(int a) { return a + __COUNTER__; }\n"
SOURCE: Final = b'#include "a.h"\nint g(int a) { return f(a); }\n'
_BY_GCC: Final = ("gcc", "-c", "hello.c", "-o", "hello.o")
_BY_CLANG: Final = ("clang", "-include-pch", "a.pch", "-c", "hello.c", "-o", "hello.o")


def made(compiler: str) -> bytes:
    """Return an honest precompiled header."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "a.h").write_bytes(HEADER)
        command = [compiler, "-x", "c-header", "a.h", "-o", "made"]
        subprocess.run(command, cwd=folder, check=True)
        return Path(folder, "made").read_bytes()


def forged(honest: bytes) -> Iterator[bytes]:
    """Yield what looks like one, up to some place."""
    yield honest[:200]
    yield honest[: len(honest) // 2]
    yield honest + b"\xff" * 4096
    chance = Random(1)
    for share in (1000, 50, 2):
        image = bytearray(honest)
        for _ in range(len(image) // share):
            image[chance.randrange(400, len(image))] = chance.randrange(256)
        yield bytes(image)
    yield honest[:1200] + b"\x41" * (len(honest) - 1200)


class ObeyedFilesTests(TreeAttackTestCase):
    async def test_forged(self) -> None:
        """Whatever it makes of a compiler, that is the job's own, and alone."""
        await self.besieged("--sandbox=require", "--sandbox-program=jail")
        for command, name in ((_BY_GCC, b"a.h.gch"), (_BY_CLANG, b"a.pch")):
            honest = made(command[0])
            for image in (honest, *forged(honest)):
                answer = await self.attack(
                    (b"/project/hello.c", SOURCE),
                    (b"/project/a.h", HEADER),
                    (b"/project/" + name, image),
                    command=command,
                )
                self.assertNotIn("take it for their own", answer.stderr)
                if image is honest and command is _BY_GCC:
                    self.assertEqual((answer.exit_code, answer.stderr), (0, ""))
        await self.nothing_was_done()

    async def test_times(self) -> None:
        """Times that are none, or none of the client's, are refused, and tell nothing of the server."""
        server = await self.besieged("--sandbox=require", "--sandbox-program=jail")
        secret = int((server.folder / "canary").stat().st_mtime)
        path = os.fsencode(server.folder / "canary")
        outside = b"%d %b\n%d %b\n" % (secret, path, secret + 1, path)
        answer = await self.attack((TIMES, outside), command=_BY_GCC)
        self.assertEqual((answer.exit_code, answer.stderr), (0, ""))
        for times in (
            b"x",
            b"1 a\n",
            b"99999999999 /project/hello.c\n" * 100_000,
            b"1 /a\n" * 4_000_000,
        ):
            await self.attack((TIMES, times), command=_BY_GCC)
        asked = ["gcc", "-print-file-name=include"]
        own = subprocess.run(asked, stdout=subprocess.PIPE, check=True).stdout.strip()
        answer = await self.attack((TIMES, b"1 %b/stddef.h\n" % own), command=_BY_GCC)
        self.assertIn("has another time on this server", answer.stderr)
        await self.nothing_was_done()

    async def test_configurations(self) -> None:
        """Options from a file have clang run and load no file of the tree, and read none of others."""
        await self.besieged("--sandbox=require", "--sandbox-program=jail")
        plugin = built("-shared", "-fPIC")
        canary = self.home / "canary"
        for options in (
            "-fplugin=/project/plugin", "-Xclang -load -Xclang /project/plugin", f"@{canary}",
            "-fno-integrated-as -B/project", f"-include {canary}", f"-MD -MF {canary}", "-o/dev/full",
            "--config=/project/x.cfg",
        ):  # fmt: skip
            answer = await self.attack(
                (b"/project/x.cfg", options.encode()),
                (b"/project/plugin", plugin),
                (b"/project/as", built("-static-pie")),
                command=("clang", "--config", "/project/x.cfg", "-c", "hello.c", "-o", "hello.o"),
            )
            self.assertNotIn("reads more options", answer.stderr, options)
            self.assertNotIn(RAN, answer.stderr + answer.stdout.decode(errors="replace"), options)
        await self.nothing_was_done()

    async def test_without_the_jail(self) -> None:
        """A sandbox that cannot tell programs from other files takes none, nor does none at all."""
        image = made("gcc")
        for options in (("--sandbox=require", "--sandbox-program=bubblewrap"), ("--sandbox=off",)):
            await self.besieged(*options)
            for name in (b"a.h.gch", b"a.h.gch/b", b"a.pch"):
                answer = await self.attack((b"/project/" + name, image), command=_BY_GCC)
                self.assertIn("take it for their own", answer.stderr)
                self.assertNotEqual(answer.exit_code, 0)
            await self.nothing_was_done()
