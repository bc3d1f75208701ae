"""A live server under attack, and an honest client beside it.

In: a test, and bytes.  Out: connections of an attacker, who comes from another address than honest
clients, and whether the server stands: honest jobs give what they gave before, its memory stays bounded,
and nothing is left.  It refuses to know what the attack is.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from signal import SIGTERM
from typing import Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.error import ConnectError

from tests.live import LiveServer, LiveTestCase, until
from tests.server.talk import Answer, Client, ask

ATTACKER: Final = "127.0.0.2"
MIB: Final = 1024 * 1024


def memory(pid: int, name: str) -> int:
    """Give `VmRSS` or `VmHWM` of a process, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def sockets(pid: int) -> int:
    """Count the sockets that a process has open."""
    names = []
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
        except FileNotFoundError:  # closed meanwhile
            continue
    return sum(name.startswith("socket:") for name in names)


def files_in(folder: Path) -> list[Path]:
    """Name all files below a folder, in which they come and go."""
    return [Path(where, name) for where, _, names in os.walk(folder) for name in names]


def bytes_in(folder: Path) -> int:
    """Add up the sizes of all files below a folder."""
    total = 0
    for path in files_in(folder):
        try:
            total += path.lstat().st_size
        except FileNotFoundError:
            continue
    return total


class AttackTestCase(LiveTestCase):
    """One server, `self.server`, once `besieged` has started it."""

    async def besieged(self, *options: str) -> LiveServer:
        """Start a server, and note how it is in peace."""
        self.server = await self.serve("--allow=127.0.0.2", "--jobs=2", *options)
        honest = gatherResults([self._honest() for _ in range(3)])  # so that all is started that ever is
        self._expected, *_ = await honest
        await until(lambda: len(self.server.jobs) == 3, "all is quiet")
        self._files = files_in(self.server.temporary)
        self._sockets = sockets(self.server.pid)
        return self.server

    async def attacker(self, address: str = ATTACKER) -> Client:
        """Connect one more of the attacker's clients; it may be closed again before anybody looks."""
        client = Client()
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", self.server.port, bindAddress=(address, 0))
        try:
            await connectProtocol(endpoint, client)
        except ConnectError as error:
            if error.osError != errno.ECONNRESET:
                raise
            client.connectionLost()
        return client

    async def attackers(self, count: int, address: str = ATTACKER) -> list[Client]:
        """Connect so many, one after the other: the server counts them in this order."""
        return [await self.attacker(address) for _ in range(count)]

    async def attack(self, data: bytes) -> bytes:
        """Send `data`, and no more; give all that comes until the server closes."""
        client = await self.attacker()
        client.send(data)
        return await client.closed

    async def honest_job(self) -> None:
        """Have an honest job done, by the side of whatever goes on, and assert that it is right."""
        self.assertEqual(await ask(self.server.port), self._expected)

    def begin_watch(self) -> None:
        """Count memory from here."""
        Path(f"/proc/{self.server.pid}/clear_refs").write_text("5")
        self._memory = memory(self.server.pid, "VmRSS")

    def assert_light(self, most: int) -> None:
        """Assert that the server never had `most` bytes of memory more than when the watch began."""
        self.assertLess(memory(self.server.pid, "VmHWM") - self._memory, most)

    async def nothing_is_left(self) -> None:
        """Assert that no connection, file or process of the attack is left, and that all still works."""
        server = self.server
        await until(lambda: sockets(server.pid) <= self._sockets, "its connections are closed")
        await until(lambda: files_in(server.temporary) == self._files, "its files are gone")
        await self.honest_job()
        self.assertNotIn("Traceback", server.log)
        self.assertEqual(await server.stop(), -SIGTERM, server.stderr)
        self.assertEqual(os.listdir(server.temporary), [])

    def _honest(self) -> Deferred[Answer]:
        return Deferred.fromCoroutine(ask(self.server.port))
