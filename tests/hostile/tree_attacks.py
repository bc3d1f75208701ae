"""A live server that compiles an attacker's trees, and what it must not touch.

In: trees, whose every byte an attacker chose.  Out: answers; and whether an honest tree beside them
comes out right, files that are nobody's business stay as they were, and nothing is left of a job.  It
refuses to know what an attack is.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from twisted.internet.defer import Deferred, gatherResults

from tests.live import LiveServer, LiveTestCase, until
from tests.server.talk import Answer, answer_of, connect, tree_bytes
from twisted_distcc.content.lzo import compress
from twisted_distcc.content.packed_content import PackedContent
from twisted_distcc.jobs.assembly import request_pieces
from twisted_distcc.jobs.model import InputFile, InputLink, Request, Tree
from twisted_distcc.wire.connection import Connection

SECRET: Final = "int canary_of_the_server;\n"
COMMAND: Final = ("gcc", "-c", "hello.c", "-o", "hello.o")
HONEST: Final = {
    b"/project/honest.c": b"#include <shared.h>\nint honest(void) { return SHARED; }\n",
    b"/project/include/shared.h": b"#pragma once\n#define SHARED 7\n",
}
_HONESTLY: Final = ("gcc", "-g", "-MD", "-Iinclude", "-c", "honest.c", "-o", "honest.o")


@dataclass(frozen=True, slots=True)
class Link:
    """A link, by where it leads."""

    target: bytes


@dataclass(frozen=True, slots=True)
class Raw:
    """What is sent for a file, as it is."""

    packed: bytes


Entry = tuple[bytes, bytes | Link | Raw]


def entries_bytes(
    entries: Sequence[Entry], command: Sequence[str | bytes] = COMMAND, directory: bytes = b"/project"
) -> bytes:
    """Give what an attacker sends: names in any order, and as often as he likes."""
    made: list[InputFile | InputLink] = []
    for name, what in entries:
        if isinstance(what, Link):
            made.append(InputLink(name, what.target))
            continue
        packed = what.packed if isinstance(what, Raw) else compress(what)
        made.append(InputFile(name, PackedContent.packed(packed)))
    tree = Tree(directory, tuple(made))
    words = tuple(map(os.fsencode, command))
    return b"".join(request_pieces(Connection.client().writer, Request(words, version=3, tree=tree)))


def state(*folders: Path) -> dict[str, tuple[int, ...]]:
    """Give all that is in folders, with stamps, but for the server's own folder, and its log."""
    found = {}
    for folder in folders:
        for where, inner, names in os.walk(folder):
            inner[:] = [name for name in inner if not name.startswith("twisted-distccd-")]
            for name in (*inner, *names):
                path = Path(where, name)
                if name not in {"log", "stdout", "stderr"}:
                    stat = path.lstat()
                    found[str(path)] = stat.st_mode, stat.st_ino, stat.st_size, stat.st_mtime_ns
    return found


class TreeAttackTestCase(LiveTestCase):
    """One server, `self.server`, once `besieged` has started it, and canaries all around it."""

    async def besieged(self, *options: str) -> LiveServer:
        """Start a server, plant canaries where it could reach them, and note how all is in peace."""
        self.home = self.place()
        self.home.mkdir(parents=True)
        self.server = await self.serve("--jobs=2", *options, environ={"HOME": str(self.home)})
        self._around = self.home, self.server.folder, self.server.temporary
        for folder in self._around:
            folder.chmod(0o777)  # whoever the server is, it could
            canary = folder / "canary"
            canary.write_text(SECRET)
            canary.chmod(0o666)
        (self._expected,) = {await self._honest()}
        self.assertEqual((self._expected.exit_code, self._expected.stderr), (0, ""))
        self._before = state(*self._around)
        return self.server

    async def sent(self, data: bytes) -> Answer:
        """Send an attack, beside an honest job, which has to come out right."""
        answer, honest = await gatherResults(
            [Deferred.fromCoroutine(self._ask(data)), Deferred.fromCoroutine(self._honest())],
            consumeErrors=True,
        )
        self.assertEqual(honest, self._expected)
        return answer

    async def attack(
        self,
        *entries: Entry,
        command: Sequence[str | bytes] = COMMAND,
        directory: bytes = b"/project",
    ) -> Answer:
        """Have a tree compiled that has, as a rule, an empty source; see `sent`."""
        if not any(name == b"/project/hello.c" for name, _ in entries):
            entries = ((b"/project/hello.c", b"int x;\n"), *entries)
        answer = await self.sent(entries_bytes(entries, command, directory))
        for text in (answer.stderr.encode(), answer.stdout, answer.object_file, answer.dependencies):
            self.assertNotIn(b"canary_of_the_server", text, (entries, command))
        return answer

    async def nothing_was_done(self) -> None:
        """Assert that all around is as it was, and that nothing of a job is left, its processes too."""
        self.assertEqual(state(*self._around), self._before)
        own = next(self.server.temporary.glob("twisted-distccd-*"))
        await until(lambda: not self.left(own), f"nothing is left: {self.left(own)}")
        self.assertNotIn("Traceback", self.server.log)

    def left(self, own: Path) -> list[str]:
        """Name what jobs left in the server's folder, but for what is kept for the next."""
        workspaces = [path for path in own.iterdir() if path.name.isdigit()]
        return [
            str(path)
            for folder in (own / "spool", *workspaces)
            for path in folder.iterdir()
            if not path.name.startswith("tree-") and path.name != "files"
        ]

    async def _honest(self) -> Answer:
        return await self._ask(tree_bytes(HONEST, _HONESTLY))

    async def _ask(self, data: bytes) -> Answer:
        client = await connect(self.server.port)
        client.send(data)
        return answer_of(await client.closed, 3)
