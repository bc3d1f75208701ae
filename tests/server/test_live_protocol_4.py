"""The page on protocol 4 is enough to write a peer: one that was written from it talks to a server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TypeVar

from twisted.internet.threads import deferToThread

from tests.live import LiveServer, LiveTestCase
from tests.wire.independent_peer import Peer, StoppedError

T = TypeVar("T")

SOURCE = b'#include "include/a.h"\nint f(void) { return A; }\n'
TREE = {"project": {"a.c": SOURCE, "include": {"a.h": b"#define A 4\n", "none.h": b""}, "here": "."}}
COMPILE = ("gcc", "-c", "-MD", "a.c", "-o", "a.o")
TEXT = b'# 1 "a.c"\nint f(void) { return 4; }\n'
LARGE = TEXT + b"const char large[] = {%b};\n" % b",".join(b"%d" % (n % 128) for n in range(60_000))


class IndependentPeerTests(LiveTestCase):
    async def talk(self, talk: Callable[[Peer], T], *options: str) -> tuple[T, LiveServer]:
        """Have a peer talk to a server; return what comes of it."""
        server = await self.serve("--jobs=2", *options)

        def connected() -> T:
            with Peer.connected("127.0.0.1", server.port) as peer:
                return talk(peer)

        return await deferToThread(connected), server

    async def test_a_tree(self) -> None:
        """A job is asked for all of its content, served, and served again in one round trip."""

        def talk(peer: Peer) -> None:
            self.assertEqual(peer.greeting["DONE"], 4)
            self.assertEqual(len(bytes(peer.greeting["KNOW"])), 16)  # type: ignore[arg-type]
            root = peer.keep_tree(TREE)
            first = peer.result(peer.ask(COMPILE, root=root, directory="/project"))
            self.assertEqual((first.status, first.stderr), (0, b""))
            self.assertEqual(set(first.outputs), {"object", "dependencies"})
            self.assertTrue(first.outputs["object"].startswith(b"\x7fELF"))
            self.assertIn(b"include/a.h", first.outputs["dependencies"])
            self.assertTrue(all(mode <= 0o777 for mode in first.modes.values()))
            self.assertEqual((first.numbers["FREE"], first.numbers["BUSY"]), (2, 0))
            before = peer.sent
            again = peer.result(peer.ask(COMPILE, root=root, directory="/project"))
            self.assertEqual(again.outputs, first.outputs)
            self.assertLess(peer.sent - before, 400)

        _, server = await self.talk(talk)
        self.assertEqual([job.split("inputs=")[1].split()[0] for job in server.jobs], ["files"] * 2)

    async def test_text_ahead(self) -> None:
        """What is sent ahead is not asked for, and large bodies go through windows both ways."""

        def talk(peer: Peer) -> None:
            digest = peer.keep(LARGE)
            peer.upload([digest])
            result = peer.result(peer.ask(("gcc", "-c", "a.c", "-o", "a.o"), text=digest))
            self.assertEqual(result.status, 0, result.stderr)
            self.assertGreater(len(result.outputs["object"]), 60_000)
            self.assertEqual(peer.needed, [])

        await self.talk(talk)

    async def test_a_compiler_that_fails(self) -> None:
        """Its status and messages come back, and no object."""

        def talk(peer: Peer) -> None:
            digest = peer.keep(b"this is no C\n")
            result = peer.result(peer.ask(("gcc", "-c", "a.c", "-o", "a.o"), text=digest))
            self.assertEqual(result.status, 1 << 8)
            self.assertIn(b"error", result.stderr)
            self.assertFalse(any(result.outputs.values()))

        await self.talk(talk)

    async def test_a_compiler_by_digest(self) -> None:
        """The server tells the digest of its compiler, and serves jobs that name it."""

        def talk(peer: Peer) -> None:
            question = peer.ask(("twisted-distccd", "about", "gcc"), text=hashlib.sha256(b"").digest())
            compiler = bytes.fromhex(json.loads(peer.result(question).stdout)["compiler"])
            digest = peer.keep(TEXT)
            self.assertEqual(peer.result(peer.ask(COMPILE, text=digest, compiler=compiler)).status, 0)

        await self.talk(talk)

    async def test_stops_and_pings(self) -> None:
        """A job may be stopped at any time; refusals have the codes of the page; pings are answered."""

        def talk(peer: Peer) -> None:
            peer.ping()
            never = hashlib.sha256(b"never").digest()
            stream = peer.ask(COMPILE, text=never)
            while not peer.needed:
                peer.read_frame()
            self.assertEqual(peer.needed.pop(), (stream, [never]))
            peer.stop(stream)
            peer.ping()
            digest = peer.keep(TEXT)
            with self.assertRaises(StoppedError) as stopped:
                peer.result(peer.ask(COMPILE, text=digest, compiler=never))
            self.assertEqual(stopped.exception.args[0], 110)
            self.assertEqual(peer.blobs.keys() & {never}, set())
            words = ("no-such-compiler", "-c", "a.c", "-o", "a.o")
            refused = peer.result(peer.ask(words, text=digest))
            self.assertEqual((refused.status, refused.outputs), (110 << 8, {}))
            self.assertIn(b"no-such-compiler", refused.stderr)
            peer.frame("AWAY", rest=b"good bye")
            peer.ping()

        await self.talk(talk)
