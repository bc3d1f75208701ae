"""Clients that use TLS itself against a server: what is kept for them has a ceiling."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.hostile import key_updates
from tests.hostile.attack import MIB, memory
from tests.live import until
from tests.server.talk import request_bytes
from tests.tls.test_live import SecureTestCase

# Each costs 27 bytes, there and back; the ceiling is at some five thousand.
MANY = 200_000


class KeyUpdateTests(SecureTestCase):
    async def test_updates_that_ask_for_updates(self) -> None:
        """Who asks for new keys without end, and reads nothing, is closed; a job beside him is done."""
        server = await self.serve_tls("--sandbox=off")
        await self.compiles(DISTCC_HOSTS=self.host(server))
        before = memory(server.pid, "VmRSS")
        request = self.home / "request"
        request.write_bytes(request_bytes()[:-1])  # never whole
        port = re.findall(r"port (\d+) for TLS", server.log)[0]
        attacker = self.start(
            sys.executable, str(Path(key_updates.__file__)), port, f"{self.tls}/certificate.pem",
            f"{self.tls}/key.pem", str(request), str(MANY),
        )  # fmt: skip
        await server.logged(r"127\.0\.0\.1:\d+ sent more than 131072 bytes of TLS other than data")
        await until(attacker.has_ended, "the attacker is closed")
        self.assertLess(int(attacker.stdout or b"0"), MANY)
        await self.compiles(DISTCC_HOSTS=self.host(server))
        self.assertLess(memory(server.pid, "VmRSS") - before, 16 * MIB)
