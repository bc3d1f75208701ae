"""A server that nothing leads to any more, from the middle of a build on."""

from __future__ import annotations

from tests.faults.apart import ApartTestCase
from tests.live import LiveServer


class NetworkTests(ApartTestCase):
    async def begin(self, address: str) -> LiveServer:
        """Start a server at this address, which this machine has for now."""
        await self.be_apart()
        await self.does("ip", "address", "add", f"{address}/32", "dev", "lo")
        self.address = address
        server = await self.farm_that_stops(f"--listen={address}", f"--allow={address}")
        self.hosts(server.port)
        self.environ |= {
            "DISTCC_FALLBACK": "1",
            "DISTCC_BACKOFF_PERIOD": "0",
            "DISTCC_CONNECT_TIMEOUT": "1",
            "DISTCC_IO_TIMEOUT": "2",
        }
        return server

    async def cut_off(self, server: LiveServer) -> str:
        """Take the address away in the middle of a build; give what is said until it is built."""
        build = self.make()
        await self.in_the_middle(build, server)
        await self.does("ip", "address", "delete", f"{self.address}/32", "dev", "lo")
        await self.is_built(build)
        self.assertIn("gave no reply within 2 seconds", build.stderr)
        return build.stderr

    async def test_no_route(self) -> None:
        """With no route to it: what is on its way is waited for so long, the rest done here at once."""
        said = await self.cut_off(await self.begin("203.0.113.1"))
        self.assertRegex(said, r"203\.0\.113\.1:\d+/?\d* cannot be reached: .*[Nn]etwork is unreachable")

    async def test_black_hole(self) -> None:
        """When all packets to it vanish, each of its jobs waits for so long, and is done here."""
        server = await self.begin("192.0.2.1")
        # One end of a wire that asks nobody where to send to; nobody listens at the other end.
        await self.does("ip", "link", "add", "hole", "type", "veth", "peer", "name", "bottom")
        for end in ("hole", "bottom"):
            await self.does("ip", "link", "set", end, "arp", "off", "up")
        await self.does("ip", "address", "add", "192.0.2.254/24", "dev", "hole")
        self.assertIn("cannot be reached in time", await self.cut_off(server))
