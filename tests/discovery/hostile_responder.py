"""Announce what no honest server would: `python hostile_responder.py ADDRESS`, until it is killed.

In: the address of the network on which it speaks.  Out: records that lead elsewhere, or to nobody, or
promise what nobody has, and more of them than a network has servers.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

TYPE: Final = "_distcc._tcp.local."
MANY: Final = 150


async def main(own: str) -> None:
    """Announce."""
    records: list[tuple[str, list[str], int, dict[str | bytes, str | bytes]]] = [
        ("far", ["203.0.113.9"], 22, {"jobs": "9"}),
        ("here", ["127.0.0.1"], 22, {"jobs": "9"}),
        ("everybody", ["224.0.0.251"], 3632, {}),
        ("greedy", [own], 1, {"jobs": "99999999999", "name": "-oProxyCommand=id", "tls": "99999"}),
        ("bytes", [own], 2, {"jobs": b"\xff\xfe", b"\xff": b"\x00" * 200}),
        *((f"many{number}", [own], 10_000 + number, {}) for number in range(MANY)),
    ]
    responder = AsyncZeroconf(interfaces=[own], ip_version=IPVersion.V4Only)
    for name, addresses, port, properties in records:
        info = ServiceInfo(
            TYPE, f"distcc@{name}.{TYPE}", port, parsed_addresses=addresses,
            properties=properties, server=f"{name}.local.",
        )  # fmt: skip
        await responder.async_register_service(info, cooperating_responders=True)
    print("announced", flush=True)
    await asyncio.sleep(1000)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
