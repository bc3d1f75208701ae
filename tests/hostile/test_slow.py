"""Clients that are slow, or do nothing, by the hundred: honest jobs beside them go on.

The attacker gets half of the connections and of the disk; what is slow is closed by its deadlines.
"""

from __future__ import annotations

import socket

from twisted.internet.defer import gatherResults
from twisted.internet.task import LoopingCall

from tests.hostile.attack import ATTACKER, MIB, AttackTestCase, bytes_in
from tests.live import until
from tests.server.talk import Client, answer_of, request_bytes
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_IO_ERROR

MANY = 500
# An object of 16 MiB, of a few bytes of source.
LARGE = b"int x[4 * 1024 * 1024] = {1};\n"


def stop_reading(client: Client) -> None:
    """Take nothing of what comes, and have the system keep little of it."""
    assert client.transport is not None
    handle: socket.socket = client.transport.getHandle()  # type: ignore[attr-defined]
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.transport.pauseProducing()  # type: ignore[attr-defined]


class SenderTests(AttackTestCase):
    async def test_one_byte_after_the_other(self) -> None:
        """Five hundred clients send byte by byte: the time for a whole request ends them all."""
        await self.besieged("--idle-timeout=30", "--transfer-timeout=3")
        self.begin_watch()
        clients = await self.attackers(MANY)
        request = iter(request_bytes())

        def drip() -> None:
            byte = bytes([next(request)])
            for client in clients:
                client.send(byte)

        dripping = LoopingCall(drip)
        dripping.start(0.2)
        self.addCleanup(lambda: dripping.running and dripping.stop())
        await self.honest_job()
        replies = await gatherResults([client.closed for client in clients])
        dripping.stop()
        self.assertEqual(set(replies), {b""})
        self.assert_light(64 * MIB)
        await self.nothing_is_left()

    async def test_opened_and_left(self) -> None:
        """Connections that say nothing, and half of a request, are closed in their time."""
        await self.besieged("--idle-timeout=2")
        self.begin_watch()
        clients = await self.attackers(MANY)
        for client in clients[::2]:
            client.send(request_bytes(source=bytes(70_000))[:-1])
        await self.honest_job()
        await gatherResults([client.closed for client in clients])
        self.assert_light(64 * MIB)
        await self.nothing_is_left()

    async def test_half_closed(self) -> None:
        """Who says that nothing more will come before the request is whole is let go."""
        await self.besieged()
        clients = await self.attackers(20)
        for client in clients:
            client.send(request_bytes()[:-1])
            client.half_close()
        replies = await gatherResults([client.closed for client in clients])
        self.assertEqual(set(replies), {b""})
        await self.nothing_is_left()


class CeilingTests(AttackTestCase):
    async def test_more_connections_than_a_share(self) -> None:
        """One client gets half of the connections, a sentence beyond that, and then nothing."""
        await self.besieged("--max-connections=20")
        held = await self.attackers(10)
        refused = await self.attack(request_bytes())
        answer = answer_of(refused)
        self.assertEqual(answer.exit_code, EXIT_IO_ERROR)
        self.assertIn("too many connections; it accepts at most 10 from one client", answer.stderr)
        await self.honest_job()
        beyond = await self.attackers(33)  # one of them more than are told
        await gatherResults([beyond[-1].closed])
        self.assertEqual([client for client in beyond[:-1] if client.closed.called], [])
        for client in (*held, *beyond):
            client.abort()
        await until(lambda: "too many" in self.server.log, "it is logged")
        await self.nothing_is_left()

    async def test_where_nobody_may_connect_from(self) -> None:
        """Who may not connect gets no more than that sentence, a few at a time."""
        await self.besieged("--max-connections=10")
        outsiders = await self.attackers(2, "127.0.0.3")
        outsiders[0].send(request_bytes())
        answer = answer_of(await outsiders[0].closed)
        self.assertEqual(answer.exit_code, EXIT_ACCESS_DENIED)
        more = await self.attackers(32, "127.0.0.3")
        await more[-1].closed
        await self.honest_job()
        for client in (*outsiders[1:], *more):
            client.abort()
        await self.nothing_is_left()


class ReaderTests(AttackTestCase):
    async def test_replies_that_nobody_reads(self) -> None:
        """Objects that nobody reads fill no more than a share of the disk, and go when time is up."""
        await self.besieged("--max-stored=80M", "--idle-timeout=4")
        self.begin_watch()
        clients = await self.attackers(8)
        for client in clients:
            stop_reading(client)
            client.send(request_bytes(source=LARGE))
        await until(lambda: "has no room" in self.server.log, "there is no more room")
        self.assertLessEqual(bytes_in(self.server.temporary), 100 * MIB)
        await self.honest_job()
        await self.server.logged(f"tcp:{ATTACKER}:\\d+ took too long")
        for client in clients:
            client.transport.resumeProducing()  # type: ignore[union-attr]
        await gatherResults([client.closed for client in clients])
        self.assert_light(64 * MIB)
        await self.nothing_is_left()

    async def test_no_room_for_a_source(self) -> None:
        """A source that is more than one client may have stored is refused; an honest one is not."""
        await self.besieged("--max-stored=4M")
        answer = answer_of(await self.attack(request_bytes(source=b" " * 3 * MIB)))
        self.assertEqual(answer.exit_code, EXIT_IO_ERROR)
        self.assertIn("--max-stored", answer.stderr)
        answer = answer_of(await self.attack(request_bytes(source=b" " * MIB)))
        self.assertEqual(answer.exit_code, 0)
        await self.nothing_is_left()
