"""Clients that send what is no request, or one that means harm: an honest job beside each is done."""

from __future__ import annotations

import os
import re
from typing import Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from tests.hostile.attack import MIB, AttackTestCase
from tests.server.talk import SOURCE, answer_of, request_bytes, tree_bytes
from twisted_distcc.content.lzo import compress
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, EXIT_PROTOCOL_ERROR

DIST: Final = b"DIST00000001"
HEAD: Final = DIST + b"ARGC00000001"
WORD: Final = HEAD + b"ARGV00000002cc"

# After these, which begin with the protocol, the server says what is wrong.
ANSWERED: Final = {
    "a length of 4 GiB": WORD + b"DOTIffffffff",
    "a word of 4 GiB": HEAD + b"ARGVffffffff",
    "a word of 2 GiB": HEAD + b"ARGV80000000",
    "a thousand million words": DIST + b"ARGC3b9aca00",
    "no words": DIST + b"ARGC00000000",
    "a negative count": DIST + b"ARGC-0000001",
    "a negative length": WORD + b"DOTI-0000001",
    "a length in capitals": WORD + b"DOTI000000FF",
    "a length that is none": WORD + b"DOTI0000000g",
    "a length with a space": WORD + b"DOTI       1",
    "a length with an underscore": WORD + b"DOTI0000_001",
    "a length with a prefix": WORD + b"DOTI0x000001",
    "the order of words turned round": DIST + b"ARGV00000002cc",
    "a source before the words": DIST + b"DOTI00000000",
    "a word too many": WORD + b"ARGV00000002-c",
    "the version twice": DIST + DIST,
    "the count twice": HEAD + b"ARGC00000001",
    "files of version 3": WORD + b"NFIL00000001",
    "files of version 3, a thousand million": WORD + b"NFIL3b9aca00",
    "a reply's token": DIST + b"STAT00000000",
    "a token that nobody knows": DIST + b"EVIL00000000",
    "a token in small letters": DIST + b"argc00000001",
    "NUL": DIST + bytes(12),
    "all bytes": DIST + bytes(range(256)),
}
FILES: Final = b"DIST00000003CDIR00000002/pARGC00000001ARGV00000002cc"
NAME: Final = FILES + b"NFIL00000002NAME00000004/p/a"
# These break the rules for files; they get a sentence as well, in version 3.
FILES_ANSWERED: Final = {
    "a hundred thousand files and one": FILES + b"NFIL000186a1",
    "four thousand million files": FILES + b"NFILffffffff",
    "a name of 4 GiB": FILES + b"NFIL00000001NAMEffffffff",
    "a name that is empty": FILES + b"NFIL00000001NAME00000000",
    "a link that leads nowhere": NAME + b"LINK00000000",
    "a link of 4 GiB": NAME + b"LINKffffffff",
    "a file of 4 GiB": NAME + b"FILEffffffff",
    "files that are too much together": NAME + b"FILE00000001xNAME00000004/p/bFILE20000000",
    "a name twice": NAME + b"NAME00000004/p/b",
    "a file twice": NAME + b"FILE00000001xFILE00000001x",
    "a file without a name": FILES + b"NFIL00000001FILE00000001x",
    "a source after the files": NAME + b"FILE00000001xDOTI00000000",
    "no folder": b"DIST00000003ARGC00000001",
    "a folder that is empty": b"DIST00000003CDIR00000000",
    "a file in the words": FILES.replace(b"ARGC00000001", b"ARGC00000002") + b"FILE00000001x",
}
# These speak another language: the connection is closed without a word.
STRANGERS: Final = {
    "version 0": b"DIST00000000" + WORD,
    "version 5": b"DIST00000005",
    "version 4, and no greeting": b"DIST00000004" + WORD,
    "version 2**32 - 1": b"DISTffffffff",
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "a reply": b"DONE00000001STAT00000000",
    "zeros": bytes(4096),
}


def bomb(zeros: int) -> bytes:
    """Make a body of one blank that expands to itself, 255 times for each byte."""
    return b"\x12 " + b"\x20" + bytes(zeros) + b"\x01\x00\x00" + b"\x11\x00\x00"


def compressed(body: bytes, length: int | None = None) -> bytes:
    """Give a request of version 2 with this body, or this much of it."""
    head, _, _ = request_bytes(version=2).partition(b"DOTI")
    return head + b"DOTI%08x" % (len(body) if length is None else length) + body


class GrammarTests(AttackTestCase):
    async def test_answered(self) -> None:
        """Who begins well and goes on badly gets a sentence that says what is wrong."""
        await self.besieged()
        self.begin_watch()
        for name, data in ANSWERED.items():
            answer = answer_of(await self.attack(data))
            self.assertEqual(answer.exit_code, EXIT_PROTOCOL_ERROR, name)
            self.assertRegex(answer.stderr, r"^this server: .+\n$", name)
            await self.honest_job()
        self.assert_light(16 * MIB)
        await self.nothing_is_left()

    async def test_files(self) -> None:
        """So does who goes on badly with files."""
        await self.besieged()
        self.begin_watch()
        for name, data in FILES_ANSWERED.items():
            answer = answer_of(await self.attack(data), version=3)
            self.assertEqual(answer.exit_code, EXIT_PROTOCOL_ERROR, name)
            self.assertRegex(answer.stderr, r"^this server: .+\n$", name)
            await self.honest_job()
        self.assert_light(16 * MIB)
        await self.nothing_is_left()

    async def test_many_names(self) -> None:
        """Names that cost memory end at their ceiling, which is little, and are given back."""
        await self.besieged()
        self.begin_watch()
        entry = b"NAME00001000" + b"x" * 4096 + b"LINK00001000" + b"y" * 4096
        sent = FILES + b"NFIL000186a0" + entry * 5000
        answer = answer_of(await self.attack(sent), version=3)
        self.assertIn("the ceiling 'names'", answer.stderr)
        await self.honest_job()
        self.assert_light(64 * MIB)
        await self.nothing_is_left()

    async def test_strangers(self) -> None:
        """Who does not speak the protocol at all is cut off without a word."""
        await self.besieged()
        for name, data in STRANGERS.items():
            self.assertEqual(await self.attack(data), b"", name)
            await self.honest_job()
        await self.nothing_is_left()

    async def test_gone_at_every_token(self) -> None:
        """A client may go in the middle of anything, by a reset or without a word."""
        await self.besieged()
        await self.goes_everywhere_in(request_bytes(source=SOURCE * 3000))
        files = {b"/p/%d" % number: SOURCE for number in range(9)}
        await self.goes_everywhere_in(tree_bytes(files, links={b"/p/l": b"0"}))
        await self.nothing_is_left()
        self.assertEqual(len(self.server.jobs), 4)

    async def goes_everywhere_in(self, request: bytes) -> None:
        ends = [found.start() for found in re.finditer(b"[A-Z]{4}[0-9a-f]{8}", request)]
        for end in sorted({1, *ends, *(end + 5 for end in ends), len(request) // 2, len(request) - 1}):
            for goes in ("abort", "half_close"):
                client = await self.attacker()
                client.send(request[:end])
                await deferLater(reactor, 0)  # the first turn writes, as much as the system takes
                await deferLater(reactor, 0)
                getattr(client, goes)()
                await client.closed

    async def test_more_than_was_asked(self) -> None:
        """Bytes after a request are nobody's; the job is done all the same."""
        await self.besieged()
        replies = [await self.attack(request_bytes() + more) for more in (b"\0", request_bytes())]
        self.assertEqual([answer_of(reply).exit_code for reply in replies], [0, 0])
        await self.nothing_is_left()


class WordTests(AttackTestCase):
    async def test_names(self) -> None:
        """Names of all kinds are refused or do no harm: nothing is written where they point to."""
        await self.besieged()
        target = self.place("target")
        target.mkdir(parents=True)
        out = os.fsencode(target / "out.o")
        up = b"../" * 30 + out[1:]
        names = (
            out,
            up,
            b"out\n.o",
            b"-o",
            b"",
            b"x" * 100_000,
            b"\xff\xfe",
            b"\x1b]0;x\7.o",
            b"%s%n{x}",
        )
        for name in names:
            for words in (
                (b"-c", b"x.c", b"-o", name),
                (b"-c", name + b".c"),
                (b"-c", b"x.c", b"-o" + name),
            ):
                answer = answer_of(await self.attack(request_bytes((b"gcc", *words))))
                self.assertIn(answer.exit_code, (0, EXIT_BAD_ARGUMENTS), words)
        refused = answer_of(await self.attack(request_bytes((b"gcc", b"-c", b"x\0.c"))))
        self.assertEqual(refused.exit_code, EXIT_BAD_ARGUMENTS)
        await self.honest_job()
        self.assertEqual(os.listdir(target), [])
        await self.nothing_is_left()

    async def test_forged_log_lines(self) -> None:
        """No name can begin a line of the log, nor reach the terminal of who reads it."""
        await self.besieged()
        forged = b"x\n2026-01-01T00:00:00+0000 [info] job peer=forged\x1b[2J.c"
        for words in ((b"gcc", b"-c", forged), (forged, b"-c", b"x.c"), (b"gcc", forged, b"-c", b"x.c")):
            await self.attack(request_bytes(words))
        await self.nothing_is_left()
        self.assertNotIn("\x1b", self.server.log)
        self.assertEqual([job for job in self.server.jobs if "peer=forged" in job.split('"')[0]], [])

    async def test_long_commands(self) -> None:
        """Many commands at once, as long as they may be and never whole, have a ceiling in memory."""
        await self.besieged("--idle-timeout=2")
        self.begin_watch()
        words = b"".join(b"ARGV%08x" % 127_000 + bytes(127_000) for _ in range(16))
        clients = await self.attackers(150)
        for client in clients:
            client.send(DIST + b"ARGC00000064" + words)
        await self.honest_job()
        await gatherResults([client.closed for client in clients])
        self.assert_light(200 * MIB)
        self.assertIn("memory limit for commands reached", self.server.log)
        await self.nothing_is_left()


class BombTests(AttackTestCase):
    async def test_not_a_body(self) -> None:
        """Bodies that are not LZO1X, cut off or with something behind them, are answered as such."""
        await self.besieged()
        body = compress(SOURCE * 1000)
        bad = (body[:-1], body[:-3], body[:20], body + b"x", bytes(5000), b"\xff" * 5000, bomb(9)[:-3])
        for number, data in enumerate(bad):
            answer = answer_of(await self.attack(compressed(data)), 2)
            self.assertEqual(answer.exit_code, EXIT_PROTOCOL_ERROR, number)
            self.assertIn("LZO1X", answer.stderr)
        await self.nothing_is_left()

    async def test_a_length_that_lies(self) -> None:
        """A body that is shorter than it said is waited for, and no longer than anything else."""
        await self.besieged("--idle-timeout=1")
        for length in (2 * MIB, 512 * MIB):
            self.assertEqual(await self.attack(compressed(compress(SOURCE), length)), b"")
        await self.nothing_is_left()

    async def test_beyond_the_ceiling(self) -> None:
        """Bodies that burst to more than a gigabyte are refused, outside of the server's own memory."""
        await self.besieged()
        self.begin_watch()
        running = [self._attack(compressed(bomb(4_300_000))) for _ in range(2)]
        await self.honest_job()
        for reply in await gatherResults(running):
            answer = answer_of(reply, 2)
            # Where the server's user may not read our Python, no filter can be started.
            if "may not read" in self.server.log:
                self.assertIn("cannot start", answer.stderr)
            else:
                self.assertEqual(answer.exit_code, EXIT_PROTOCOL_ERROR)
                self.assertIn("does not expand to at most", answer.stderr)
        self.assert_light(64 * MIB)
        await self.nothing_is_left()

    async def test_many_at_once(self) -> None:
        """Bodies that burst to just what is expanded in the server go through a few at a time."""
        await self.besieged()
        self.begin_watch()
        running = [self._attack(compressed(bomb(260_000))) for _ in range(8)]
        await self.honest_job()
        answers = [answer_of(reply, 2) for reply in await gatherResults(running)]
        self.assertEqual([answer.exit_code for answer in answers], [0] * 8)
        self.assert_light(400 * MIB)
        await self.nothing_is_left()

    def _attack(self, data: bytes) -> Deferred[bytes]:
        return Deferred.fromCoroutine(self.attack(data))
