"""Trees whose names and links mean harm, against live servers, with walls and without."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.hostile.tree_attacks import COMMAND, Entry, Link, Raw, TreeAttackTestCase
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS

EMPTY: Final = b""
CC1: Final = subprocess.run(
    ["gcc", "-print-prog-name=cc1"], check=True, capture_output=True
).stdout.strip()
# What is refused, with a part of the sentence; a name is that of an empty file.
REFUSED: Final[Sequence[tuple[str, Sequence[Entry]]]] = (
    ("is not an absolute name", [(b"relative.h", EMPTY)]),
    ("is not an absolute name", [(b"../../../tmp/x", EMPTY)]),
    ("is not the name of a file", [(b"/project/", EMPTY)]),
    ("is not the name of a file", [(b"/project/..", EMPTY)]),
    ("is not the name of a file", [(b"/project/.", EMPTY)]),
    ("is not the name of a link", [(b"/project/..", Link(b"/etc"))]),
    ("is not the name of a link", [(b"/", Link(b"/etc"))]),
    ("is not the name of a file", [(b"/project/a\0b", EMPTY)]),
    ("contains a NUL character", [(b"/project\0/b", EMPTY)]),
    ("is a link to nothing", [(b"/project/a", Link(b"x\0y"))]),
    ("a part of more than 255 bytes", [(b"/" + b"x" * 256, EMPTY)]),
    ("a part of more than 255 bytes", [(b"/a", Link(b"x" * 256))]),
    ("more than 3584 bytes or 100 parts", [(b"/ab" * 1300, EMPTY)]),
    ("more than 3584 bytes or 100 parts", [(b"/a" * 2000, EMPTY)]),
    ("more than 3584 bytes or 100 parts", [(b"/a", Link(b"../" * 1000))]),
    ("is a file and a folder", [(b"/project/a", EMPTY), (b"/project/a/b", EMPTY)]),
    ("is a file and a folder", [(b"/project/a/b", EMPTY), (b"/project/a", EMPTY)]),
    ("is there twice", [(b"/project/a", b"1"), (b"/project/a", b"2")]),
    ("is there twice", [(b"/project/a", b"1"), (b"//project/b/../a", b"1")]),
    ("is a file and a link", [(b"/project/a", EMPTY), (b"/project/a", Link(b"/etc/passwd"))]),
    ("is a file and a link", [(b"/project/a", Link(b"/etc/passwd")), (b"/project/a", EMPTY)]),
    ("is a link to two places", [(b"/project/a", Link(b"b")), (b"/project/a", Link(b"c"))]),
    ("in a circle", [(b"/a", Link(b"b")), (b"/b", Link(b"/a")), (b"/a/x", EMPTY)]),
    ("take it for their own", [(b"/e", Link(b"/etc/")), (b"/e/ld.so.preload", b"/x")]),
    ("take it for their own", [(b"/etc/ld.so.preload", Link(b"/project/hello.c"))]),
    ("take it for their own", [(b"/usr/lib/x86_64-linux-gnu/12/specs", b"*cc1:\n-wrapper x\n\n")]),
    ("take it for their own", [(b"/usr/lib/llvm-14/lib/glibc-hwcaps/x86-64-v2/libc.so.6", EMPTY)]),
    ("has its devices", [(b"/proc/self/cwd/x", EMPTY)]),
    ("has its devices", [(b"/dev/shm/x", EMPTY)]),
    ("has its devices", [(b"/sys/x", EMPTY)]),
    ("has its devices", [(b"/proc", Link(b"/project"))]),
    ("has its devices", [(b"/dev", Link(b"/project"))]),
    ("has its devices", [(b"/d", Link(b"dev")), (b"/d/null", EMPTY)]),
    ("has its devices", [(b"/self", Link(b"/proc/self/cwd")), (b"/self/x", EMPTY)]),
    ("has its devices", [(b"/p", Link(b"../x/../proc")), (b"/p/1/root", Link(b"/"))]),
)
# What is refused where the compiler's own files are mounted over the tree.
# What is shown to gcc among the programs.
PROGRAM: Final = b"x86_64-linux-gnu-as"
OVER_THE_COMPILER: Final[Sequence[tuple[str, Sequence[Entry]]]] = (
    ("a folder that is a link", [(b"/usr", Link(b"/oldroot/usr"))]),
    ("a folder that is a link", [(b"/usr/bin", Link(b"/project"))]),
    ("a folder that is a link", [(b"/usr/lib", Link(b"/newroot/project"))]),
    ("a folder that is a link", [(b"/u", Link(b"/usr")), (b"/u/lib", Link(b"/project"))]),
    ("a folder that is a link", [(b"/etc", Link(b"/project")), (b"/project/ld.so.preload", b"/x.so")]),
    ("another one on this server", [(b"/lib", Link(b"/project"))]),
    ("another one on this server", [(b"/lib64", Link(b"/oldroot/lib64"))]),
    ("another one on this server", [(b"/usr/bin/gcc", Link(b"/project/evil"))]),
    *(
        ("is a link to a program", [(b"/usr/bin/" + name, Link(PROGRAM))])
        for name in (b"xcc", b"nas", b"llvm-mc", b"aarch64-linux-gnu-as", b"strip", b"ld.lld")
    ),
    ("is a link to a program", [(b"/usr/local/bin/cc1", Link(b"../../bin/" + PROGRAM))]),
    ("is a link to a program", [(b"/project/as", Link(CC1))]),
    (
        "is a link to a program",
        [(b"/b", Link(b"/usr/bin")), (b"/project/xcc", Link(b"../b/" + PROGRAM))],
    ),
    ("is a file and a folder", [(b"/usr", EMPTY)]),
    ("is a file and a folder", [(b"/usr/lib/gcc", EMPTY)]),
    ("is a file and a folder", [(b"/dev", EMPTY)]),
    ("is a file and a link", [(b"/lib64", EMPTY)]),
    ("is a file and a link", [(b"/usr/bin/gcc", b"#!/bin/sh\ntouch /project/evil\n")]),
)
LOOP: Final[Sequence[Entry]] = (
    (b"/loop/a", Link(b"b")), (b"/loop/b", Link(b"a")), (b"/itself", Link(b"itself")),
)  # fmt: skip


def _harmless(out: bytes) -> list[list[Entry]]:
    """Give trees that are odd, and are compiled; `out` is a folder of the machine's."""
    below: list[Entry] = [
        (name, Link(target))
        for name, target in (
            (b"/project/absolute", out),
            (b"/project/relative", b"../" * 40 + out[1:]),
            (b"/project/old", b"/oldroot" + out),
            (b"/project/new", b"/newroot" + out),
            (b"/project/chain", b"absolute"),
            (b"/project/top", b"../.."),
        )
    ]
    return [
        *([link, (link[0] + b"/planted", b"planted")] for link in below[:4]),
        *([(link[0] + b"/planted", b"planted"), link] for link in below[:4]),
        [*below, (b"/project/chain/planted", b"planted"), (b"/project/top/etc/planted", EMPTY)],
        [(b"/project/self", Link(b"/proc/self/root")), (b"/project/cwd", Link(b"/proc/self/cwd"))],
        [(out + b"/planted", b"planted"), (out + b"/canary", b"planted")],
        [(b"/../../.." + out + b"/canary", b"planted")],
        [(b"/project/a", EMPTY), (b"/project/A", EMPTY), (b"/PROJECT/a", EMPTY)],
        [(b"/project/a\nb", EMPTY), (b"/project/\xff\xfe\x80", EMPTY), (b"/ ", EMPTY), (b"/-o", EMPTY)],
        [(b"/project/" + b"x" * 255, EMPTY), (b"/a" * 98, EMPTY)],
        [(b"/tmp/planted", EMPTY), (b"/tmp", Link(b"project"))],
        [(b"/.job-0/output.o", b"planted"), (b"/.job-1", Link(b"/")), (b"/.job-2", b"")],
        [(b"/.job-0", Link(out))],
        [(b"/etc/passwd", b"x"), (b"/etc/ld.so.conf.d/x.conf", b"/project"), (b"/bin/x", b"x")],
    ]


class _NameTests(TreeAttackTestCase):
    async def assert_all(self, refused: Sequence[tuple[str, Sequence[Entry]]]) -> None:
        """Attack by all names that are refused, and by all that lead nowhere."""
        others = []
        for why, entries in refused:
            answer = await self.attack(*entries)
            told = re.fullmatch(f"the job's files cannot be laid out: .*{why}.*\n", answer.stderr)
            if told is None or answer.exit_code != EXIT_BAD_ARGUMENTS:
                others.append((why, entries, answer.stderr))
        self.assertEqual(others, [])
        self.out = os.fsencode(self.server.temporary)
        for tree in _harmless(self.out):
            answer = await self.attack(*tree)
            if answer.stderr:
                others.append(("", tree, answer.stderr))
        self.assertEqual(others, [])

    async def assert_folders(self) -> None:
        """Attack by the working directory."""
        for directory, why in (
            (b"project", "is not an absolute name"),
            (b"/a" * 2000, "more than 3584 bytes or 100 parts"),
            (b"/project/hello.c", "is a file and a folder"),
            (b"/proc/self/cwd", "has its devices"),
            (b"/project\0", "contains a NUL character"),
        ):
            answer = await self.attack(directory=directory)
            self.assertIn(why, answer.stderr)
        link: Entry = (b"/out", Link(self.out))
        source = ("gcc", "-c", "/project/hello.c", "-o", "x.o")
        for directory in (b"/", b"/out", b"/missing/in/it", b"/project/a\nb\xff", b"/../..//project/.."):
            answer = await self.attack(link, command=source, directory=directory)
            self.assertEqual((answer.exit_code, answer.stderr), (0, ""), directory)


class WalledTests(_NameTests):
    async def test_names(self) -> None:
        """Names that contradict themselves, or the compiler's own, are refused; others lead nowhere."""
        await self.besieged("--sandbox=require")
        await self.assert_all((*REFUSED, *OVER_THE_COMPILER))
        self.assertEqual((await self.attack(*LOOP)).stderr, "")
        await self.assert_folders()
        await self.nothing_was_done()

    async def test_what_is_read(self) -> None:
        """No name in a source or in a command, and no link, gets a file of the machine into a reply."""
        await self.besieged("--sandbox=require")
        secret = os.fsencode(self.home / "canary")
        for name in (
            secret,
            b"/oldroot" + secret,
            b"/proc/self/root" + secret,
            b"../" * 40 + secret[1:],
        ):
            for source in (b'#include "%b"\n', b'__asm__(".incbin \\"%b\\"");\n'):
                answer = await self.attack((b"/project/hello.c", source % name))
                self.assertEqual(answer.exit_code, 1, answer.stderr)
            answer = await self.attack(command=(*COMMAND, b"-include", name))
            self.assertIn(answer.exit_code, {1, EXIT_BAD_ARGUMENTS}, answer.stderr)
            linked = ((b"/project/hello.c", b'#include "l"\n'), (b"/project/l", Link(name)))
            self.assertEqual((await self.attack(*linked)).exit_code, 1)
        oracle = b'#if __has_include("%b") || __has_include("/etc/passwd")\n#error seen\n#endif\n'
        answer = await self.attack((b"/project/hello.c", oracle % secret))
        self.assertEqual((answer.exit_code, answer.stderr), (0, ""))
        await self.nothing_was_done()

    async def test_what_was_there_before(self) -> None:
        """A file that another tree had is neither there nor known in the next."""
        await self.besieged("--sandbox=require")
        theirs = (b"/project/theirs.h", b"int canary_of_the_server;\n")
        includes = (b"/project/hello.c", b'#if __has_include("theirs.h")\n#error seen\n#endif\n')
        stamped = (b"/project/hello.c", b'#include "theirs.h"\n')
        tell = (*COMMAND, '-Dint=_Pragma("message __TIMESTAMP__") char')
        for _ in range(2):
            await self.attack((b"/project/hello.c", EMPTY), theirs)
            answer = await self.attack(includes)
            self.assertEqual((answer.exit_code, answer.stderr), (0, ""))
        data = await self.attack(stamped, (b"/project/theirs.h", b"int x;\n"), command=tell)
        self.assertIn("Jan  1 00:00:00 1970", data.stderr)
        await self.nothing_was_done()


class WalllessTests(_NameTests):
    async def test_names(self) -> None:
        """Without walls nothing is laid out but in the job's folder."""
        await self.besieged("--sandbox=off")
        await self.assert_all((*REFUSED, ("in a circle", LOOP)))
        await self.assert_folders()
        self.assertFalse(Path(os.fsdecode(self.out), "planted").exists())
        await self.nothing_was_done()


class CommandTests(TreeAttackTestCase):
    async def assert_commands(self, option: str) -> None:
        """Options that write elsewhere, or set what nobody may set, are disarmed or refused."""
        await self.besieged(f"--sandbox={option}")
        out = f"{self.server.temporary}/out"
        for command in (
            (*COMMAND, "-MD", "-MF", out), (*COMMAND, f"-Wp,-MD,{out}"),
            ("gcc", "-c", "hello.c", "-o", out), ("gcc", "-c", "hello.c", "-o", "../" * 40 + out[1:]),
            (*COMMAND, "-MD", "-MT", f"x\n{out}: "),
        ):  # fmt: skip
            answer = await self.attack(command=command)
            self.assertEqual((answer.exit_code, answer.stderr), (0, ""), command)
        for words in (
            ("env", "LD_PRELOAD=/x.so"), ("env", "PATH=/project"), ("env", "LC_ALL=../../x"),
            ("env", "SOURCE_DATE_EPOCH=1x"), ("env", "CPATH=/"), ("env", "GCONV_PATH=/x"),
        ):  # fmt: skip
            answer = await self.attack(command=(*words, *COMMAND))
            self.assertEqual(answer.exit_code, EXIT_BAD_ARGUMENTS, words)
        for command in (
            ("gcc", "-MD", "-c", "sub/@hello.c"), ("gcc", "-c", "@options"), ("gcc", "-I", "@options"),
            ("gcc", "-MD", "-MQ", "@options", "-c", "hello.c"), ("gcc", "-D@options", "-c", "hello.c"),
            ("gcc", "-c", "hello.c", "-include", "/proc/self/environ"),
            ("gcc", "-c", "hello.c", "-I/proc/self/cwd"), ("gcc", "-c", "hello.c", "-wrapper", "x"),
        ):  # fmt: skip
            options_file = f"-wrapper /usr/bin/touch,{out}".encode()
            files = [(b"/project/options", options_file), (b"/project/hello.o", options_file)]
            answer = await self.attack(*files, (b"/project/sub/@hello.c", EMPTY), command=command)
            self.assertEqual(answer.exit_code, EXIT_BAD_ARGUMENTS, (command, answer.stderr))
        self.assertFalse(os.path.exists(out))
        await self.nothing_was_done()

    async def test_with_walls(self) -> None:
        """What a command would write, set or have read is none of its business, with walls."""
        await self.assert_commands("require")

    async def test_without_walls(self) -> None:
        """So it is without."""
        await self.assert_commands("off")

    async def test_bodies(self) -> None:
        """What is no LZO1X, and what bursts, are refused by a sentence, wherever they stand."""
        await self.besieged("--sandbox=require")
        for packed, why in ((b"\xff" * 40, "not LZO1X"), (b"", None)):
            answer = await self.attack((b"/project/a.h", Raw(packed)), (b"/project/b.h", b"x"))
            if why is None:
                self.assertEqual((answer.exit_code, answer.stderr), (0, ""))
            else:
                self.assertIn(why, answer.stderr)
        await self.nothing_was_done()
