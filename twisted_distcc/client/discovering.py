"""The servers that announce themselves, for hosts lists with `+zeroconf`.

`Discovery.found` returns at once what is known, and has somebody look around if that is too old: a
compile waits for a network to answer only if it may not be compiled here.  `found_hosts` makes hosts of
what is known:

    +zeroconf       every server that was found, over plain TCP, as C distcc does
    +zeroconf,tls   those that take certificates, over TLS: a server has to prove that it is one

Anybody on the network can announce anything, so what is taken is bounded, and only a certificate proves
anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from tempfile import gettempdir
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_distcc.client.hosts import Discovered, HostList, TcpHost
from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.discovery.found_json import parsed
from twisted_distcc.discovery.service_record import Found
from twisted_distcc.python import python_argv
from twisted_distcc.runtime.processes import Command, Spawner, run

_log = Logger()

# Seconds after which what was found is looked up again; sooner, while there is nothing.
_HOLDS: Final = 60.0
_HOLDS_NOTHING: Final = 10.0
# Answers get lost: a server is forgotten when two looks have not seen it.
_LOOKS: Final = 2
MOST_HOSTS: Final = 64
"""The most hosts that are taken from the network."""
_MOST_JOBS: Final = 200


class Discovery:
    """What was found lately.

    Args:
        clock: tells the age of it.
        spawn: starts the program that looks around.
    """

    def __init__(self, clock: IReactorTime, spawn: Spawner) -> None:
        self._clock = clock
        self._spawn = spawn
        self._looks: list[tuple[Found, ...]] = []
        self._found: tuple[Found, ...] = ()
        self._again_at = 0.0
        self._is_looking = False
        self._waiting: list[Deferred[None]] = []

    def found(self) -> tuple[Found, ...]:
        """Return the servers that are known, and see to it that this stays so."""
        if not self._is_looking and self._clock.seconds() >= self._again_at:
            self._is_looking = True
            Deferred.fromCoroutine(self._look()).addErrback(
                lambda failure: _log.failure("nobody looks around for servers", failure)
            )
        return self._found

    async def once_looked(self) -> tuple[Found, ...]:
        """Return the servers that are known when the look that goes on has ended, if one does."""
        if self._is_looking:
            over: Deferred[None] = Deferred()
            self._waiting.append(over)
            await over
        return self._found

    async def _look(self) -> None:
        try:
            self._note(await self.looked())
        finally:
            self._is_looking = False
            holds = _HOLDS if self._found else _HOLDS_NOTHING
            self._again_at = self._clock.seconds() + holds
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                one.callback(None)

    async def looked(self) -> tuple[Found, ...]:
        """Have somebody look around, and return what is found."""
        return parsed(await self._output())

    async def _output(self) -> bytes:
        with OutputCapture("discovery") as output:
            argv = python_argv("twisted_distcc.discovery.look")
            await run(self._spawn, Command(argv, {}, stdout=output.descriptor))
            body = output.read(gettempdir())
            try:
                return body.read()
            finally:
                body.discard()

    def _note(self, found: tuple[Found, ...]) -> None:
        self._looks = [found, *self._looks][:_LOOKS]
        latest: dict[tuple[str, int], Found] = {}
        for look in reversed(self._looks):
            latest.update({(one.address, one.port or one.tls): one for one in look})
        self._found = tuple(latest[key] for key in sorted(latest))


def found_now() -> tuple[Found, ...]:
    """Look around, and return what is found; this takes a second or two, and needs no reactor."""
    import asyncio

    from twisted_distcc.discovery.look import looked_around
    from twisted_distcc.discovery.networks import own_adapters

    return tuple(asyncio.run(looked_around(own_adapters())))


async def known_hosts(hosts: HostList, discovery: Discovery | None, may_stay: bool) -> HostList:
    """Return the hosts with those that are known by now, if the list asks for them.

    If there are none, and the compile may not stay here, this waits for the look that goes on.
    """
    if discovery is None or not hosts.zeroconf:
        return hosts
    now = with_found(hosts, discovery.found())
    if now.hosts or may_stay:
        return now
    return with_found(hosts, await discovery.once_looked())


def with_found(hosts: HostList, found: Iterable[Found]) -> HostList:
    """Return `hosts` with those found that it asks for, after those that it lists."""
    listed = {(host.name, host.port) for host in hosts.hosts if isinstance(host, TcpHost)}
    more = [host for host in found_hosts(found, hosts.zeroconf) if (host.name, host.port) not in listed]
    return hosts.with_more(more[:MOST_HOSTS])


def found_hosts(found: Iterable[Found], kind: Discovered) -> Iterator[TcpHost]:
    """Yield the hosts of this kind among the servers that were found."""
    for one in found:
        limit = min(one.jobs, _MOST_JOBS)
        if kind == "plain" and one.port:
            yield TcpHost(one.address, one.port, limit)
        elif kind == "tls" and one.tls:
            yield TcpHost(one.name or one.address, one.tls, limit, tls=True)
