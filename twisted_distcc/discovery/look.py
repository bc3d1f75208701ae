"""Look around for servers: `python -m twisted_distcc.discovery.look` prints what it finds, as JSON.

`looked_around` asks on all interfaces but the loopback, waits until nothing new has come for a moment,
and returns what was found, within bounds.  As a program it is a process of its own, with little memory:
whatever answers come, they hurt nobody else.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from typing import Final

from zeroconf import (
    DNSQuestionType,
    IPVersion,
    ServiceStateChange,
    Zeroconf,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from twisted_distcc.discovery.found_json import MOST, to_json
from twisted_distcc.discovery.networks import Adapter, callable_address, own_adapters
from twisted_distcc.discovery.service_record import TYPE, Found

LONGEST: Final = 3.0
"""Seconds that a look takes at most."""
# A responder answers a second question only a second after it has answered another one.
_SHORTEST: Final = 1.6
_QUIET: Final = 0.5
_ANSWER_MS: Final = 1000
_VERSIONS: Final = {4: IPVersion.V4Only, 6: IPVersion.V6Only}
_MEMORY: Final = 512 * 2**20
# A flood of answers can keep this busy, but no longer than so many seconds.
_END: Final = 15


def main() -> None:
    """Look around once, and print what was found."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    signal.alarm(_END)
    found = asyncio.run(looked_around(own_adapters()))
    sys.stdout.write(to_json(found))


async def looked_around(adapters: tuple[Adapter, ...]) -> list[Found]:
    """Return the servers on the networks of `adapters`, in the order of their addresses."""
    own = [own.ip for one in adapters if not one.is_loopback for own in one.addresses]
    if not own:
        return []
    # C distcc uses IPv4 alone, and some of its servers have no other: IPv6 is for other networks.
    version = min(address.version for address in own)
    responder = AsyncZeroconf(
        interfaces=[str(address) for address in own if address.version == version],
        ip_version=_VERSIONS[version],
    )
    look = _Look(responder.zeroconf, adapters)
    # Answers go to everybody, also to a second program of this machine that listens on this port.
    browser = AsyncServiceBrowser(
        responder.zeroconf, TYPE, handlers=[look.changed], question_type=DNSQuestionType.QM
    )
    try:
        await look.over()
    finally:
        await browser.async_cancel()
        await responder.async_close()
    return sorted(look.found.values(), key=lambda one: (one.address, one.port))


class _Look:
    """One look around."""

    def __init__(self, zeroconf: Zeroconf, adapters: tuple[Adapter, ...]) -> None:
        self.found: dict[tuple[str, int], Found] = {}
        self._zeroconf = zeroconf
        self._adapters = adapters
        self._names: set[str] = set()
        self._asking: set[asyncio.Task[None]] = set()
        self._last = asyncio.get_running_loop().time()
        self._begun = self._last

    def changed(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        """Ask what is behind a name; the library calls this by the names of its parameters."""
        if name in self._names or len(self._names) >= MOST:
            return
        self._names.add(name)
        task = asyncio.ensure_future(self._ask(name))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, name: str) -> None:
        info = AsyncServiceInfo(TYPE, name)
        if not await info.async_request(self._zeroconf, _ANSWER_MS, DNSQuestionType.QM):
            return
        address = callable_address(info.parsed_scoped_addresses(), self._adapters)
        found = Found.of(address, info.port or 0, info.properties) if address else None
        if found is not None:
            self.found.setdefault((found.address, found.port or found.tls), found)
            self._last = asyncio.get_running_loop().time()

    async def over(self) -> None:
        """Wait until nothing new has come for a moment."""
        while not self._is_over():
            await asyncio.sleep(_QUIET / 5)
        for task in tuple(self._asking):
            task.cancel()

    def _is_over(self) -> bool:
        now = asyncio.get_running_loop().time()
        took = now - self._begun
        is_quiet = now - self._last > _QUIET and not self._asking
        return took > LONGEST or (took > _SHORTEST and is_quiet)


if __name__ == "__main__":
    main()
