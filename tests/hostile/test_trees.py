"""Trees that a hostile client sends to a live server: refused in a sentence, or harmless."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from signal import SIGTERM

from tests.hostile.attack import MIB, AttackTestCase
from tests.server.talk import Answer, answer_of, tree_bytes
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS
from twisted_distcc.jobs.assembly import request_pieces
from twisted_distcc.jobs.model import InputFile, Request, Tree
from twisted_distcc.wire.connection import Connection

SOURCE = b"int a;\n"
COMPILE = ("gcc", "-MD", "-c", "a.c", "-o", "a.o")
# What each tree has beside its source; every one of them is refused.
REFUSED: tuple[tuple[Mapping[bytes, bytes], Mapping[bytes, bytes]], ...] = (
    ({b"relative": b"x"}, {}),
    ({b"/": b"x"}, {}),
    ({b"/p/..": b"x"}, {}),
    ({b"/p/a\0b": b"x"}, {}),
    ({b"/p/a.c/x": b"x"}, {}),
    ({b"/p/./a.c": b"x"}, {}),
    ({b"/dev/null": b"x"}, {}),
    ({b"/proc/self/mem": b"x"}, {}),
    ({b"/etc/ld.so.preload": b"/p/x"}, {}),
    ({b"/usr/lib/specs": b"*cc1:\nx\n\n"}, {}),
    ({}, {b"/usr/lib/specs": b"/p/a.c"}),
    ({b"/p/" + b"x" * 256: b"x"}, {}),
    ({b"/p" + b"/x" * 200: b"x"}, {}),
    ({b"/l/x": b"x"}, {b"/l": b"/m", b"/m": b"/l"}),
    ({b"/l": b"x"}, {b"/l": b"/m"}),
    ({}, {b"/p": b"/q", b"/q": b"/p"}),
    ({}, {b"/usr": b"/oldroot/tmp"}),
)


class TreeTests(AttackTestCase):
    """In the sandbox, and without it."""

    async def sent(
        self, files: Mapping[bytes, bytes], links: Mapping[bytes, bytes], source: bytes = SOURCE
    ) -> Answer:
        everything = {b"/p/a.c": source, **files}
        request = tree_bytes(everything, COMPILE, links=links, directory=b"/p")
        return answer_of(await self.attack(request), 3)

    async def refuses(self, *options: str) -> None:
        await self.besieged(*options)
        for files, links in REFUSED:
            if options == ("--sandbox=off",) and b"/usr" in links:
                continue  # nothing of the server's is mounted there, and the link leads nowhere
            answer = await self.sent(files, links)
            self.assertEqual(answer.exit_code, EXIT_BAD_ARGUMENTS, (files, links))
            self.assertIn("cannot be laid out", answer.stderr)
            self.assertEqual(answer.stderr.count("\n"), 1)
        self.assertEqual((await self.sent({}, {})).exit_code, 0)

    async def test_refused(self) -> None:
        """Each is refused with a sentence that says which name, and why."""
        await self.refuses("--sandbox=require")

    async def test_refused_without_a_sandbox(self) -> None:
        """So they are by a server without one, which leaves nothing of them."""
        await self.refuses("--sandbox=off")
        await self.nothing_is_left()

    async def test_ways_out(self) -> None:
        """Links that lead out lead nowhere: nothing is written by way of them, and no secret is read."""
        await self.besieged("--sandbox=require")
        theirs = Path(self.server.temporary.parent, "theirs")
        theirs.mkdir(mode=0o777)
        (theirs / "secret.h").write_text("#error secret\n")
        away = os.fsencode(theirs)
        for target in (away, b"../" * 40 + away[1:], b"/oldroot" + away, b"/proc/1/root" + away):
            source = b'#include "l/secret.h"\n#include "/l2/secret.h"\n'
            links = {b"/p/l": target, b"/l2": target}
            answer = await self.sent({b"/l2/new": b"x"}, links, source)
            self.assertNotEqual(answer.exit_code, 0)
            self.assertNotIn("#error secret", answer.stderr)
        self.assertEqual(os.listdir(theirs), ["secret.h"])
        self.assertEqual(await self.server.stop(), -SIGTERM)
        self.assertEqual(os.listdir(self.server.temporary), [])  # trees are kept until then

    async def test_bombs(self) -> None:
        """A file that bursts is refused, and takes no memory of the server's."""
        await self.besieged("--sandbox=require")
        self.begin_watch()
        # One literal, a match of it that each zero makes 255 bytes longer, and the end.
        bomb = b"\x12x\x20" + bytes(5_000_000) + b"\1\0\0\x11\0\0"
        tree = Tree(b"/p", (InputFile(b"/p/a.c", PackedContent.packed(bomb)),))
        words = tuple(word.encode() for word in COMPILE)
        request = Request(words, version=3, tree=tree)
        data = b"".join(request_pieces(Connection.client().writer, request))
        answer = answer_of(await self.attack(data), 3)
        self.assertNotEqual(answer.exit_code, 0)
        # The second is what a machine says that is too busy to get that far in time.
        self.assertRegex(answer.stderr, "expands to more than|did not end within")
        self.assert_light(100 * MIB)
        await self.honest_job()
