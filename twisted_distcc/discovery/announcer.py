"""Announce a server: `python -m twisted_distcc.discovery.announcer`, started by the server.

It reads a `Plan` as JSON from standard input, and announces the server on each interface that it listens
on, until standard input ends: then it says good-bye.  From time to time it checks whether the interfaces
have changed.  It is a process of its own, because anybody on the network can send it anything, and
because it reads hundreds of files for the compilers' digests.
"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import socket
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from zeroconf import IPVersion, ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from twisted_distcc import __version__
from twisted_distcc.discovery.networks import Link, links, own_adapters
from twisted_distcc.discovery.plan import Plan
from twisted_distcc.discovery.service_record import TYPE, Announcement, instance
from twisted_distcc.errors import DistccError
from twisted_distcc.toolchain.blocking_probe import ask
from twisted_distcc.toolchain.known_toolchains import identify

_MEMORY: Final = 512 * 2**20
_AGAIN: Final = 30.0
_LARGEST: Final = 64 * 1024


def main() -> None:
    """Announce until standard input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    plan = Plan.from_json(sys.stdin.buffer.readline(_LARGEST))
    asyncio.run(_Announcer(plan).run())


def announcement(plan: Plan) -> Announcement:
    """Return what to announce on every interface; this blocks."""
    gcc = plan.compilers.get("gcc") or plan.compilers.get("cc") or ""
    digests = {name: identify(path, plan.environ) for name, path in plan.compilers.items()}
    return Announcement(
        version=__version__,
        jobs=plan.jobs,
        cpus=os.cpu_count() or 1,
        machine=_told(gcc, "-dumpmachine", plan.environ),
        compiler_version=_told(gcc, "-dumpversion", plan.environ),
        digests={name: digest for name, digest in digests.items() if digest is not None},
    )


def _told(compiler: str, question: str, environ: Mapping[str, str]) -> str:
    try:
        return ask((compiler, question), environ).strip() if compiler else ""
    except DistccError:
        return ""


def on_link(plan: Plan, common: Announcement, link: Link) -> Announcement:
    """Return what to announce on one interface: with its port for TLS, and the name to expect there."""
    if not link.tls:
        return common
    is_named = bool(set(link.addresses) & set(plan.certificate_addresses))
    names = [name for name in plan.certificate_names if "*" not in name]
    return replace(common, tls=link.tls, name="" if is_named or not names else names[0])


class _Announcer:
    """Announces on the interfaces that there are."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._common = announcement(plan)
        self._name = instance(socket.gethostname())
        # Not the host's own name: that belongs to whoever else announces it, with all its addresses.
        self._server = f"distccd-{secrets.token_hex(4)}.local."
        self._responders: list[AsyncZeroconf] = []
        self._links: tuple[Link, ...] = ()
        self._is_named = False

    async def run(self) -> None:
        """Announce until standard input ends."""
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(0, _watch, ended)
        while not ended.is_set():
            await self._renew()
            try:
                await asyncio.wait_for(ended.wait(), _AGAIN)
            except TimeoutError:
                continue
        await self._close()

    async def _renew(self) -> None:
        """Announce anew if the interfaces have changed."""
        found = links(own_adapters(), self._plan.plain, self._plan.tls)
        if found == self._links:
            return
        await self._close()
        self._links = found
        for link in found:
            try:
                await self._announce(link)
            except OSError as error:
                print(f"cannot announce on {link.name}: {error}", file=sys.stderr, flush=True)

    async def _announce(self, link: Link) -> None:
        told = on_link(self._plan, self._common, link)
        main = await self._responder(link, TYPE, told)
        self._name = main.name
        # What C distcc looks for: only who listens without TLS can serve it.  One responder knows each
        # name once, so the subtype has a responder of its own.
        if link.port and told.subtype is not None:
            await self._responder(link, told.subtype, told)

    async def _responder(self, link: Link, kind: str, told: Announcement) -> ServiceInfo:
        info = ServiceInfo(
            kind,
            self._name,
            port=link.port or link.tls,
            properties=dict[str | bytes, Any](told.properties()),
            server=self._server,
            parsed_addresses=list(link.addresses),
        )
        responder = AsyncZeroconf(interfaces=list(link.addresses), ip_version=_version(link))
        self._responders.append(responder)
        # The first makes the name its own, and changes it if somebody else has it; the others are its.
        is_first, self._is_named = not self._is_named, True
        sent = await responder.async_register_service(
            info, allow_name_change=is_first, cooperating_responders=not is_first
        )
        await sent
        return info

    async def _close(self) -> None:
        """Say good-bye everywhere."""
        responders, self._responders = self._responders, []
        for responder in responders:
            await responder.async_unregister_all_services()
            await responder.async_close()
        self._is_named = False


def _watch(ended: asyncio.Event) -> None:
    if not os.read(0, _LARGEST):
        ended.set()


def _version(link: Link) -> IPVersion:
    families = {":" in address for address in link.addresses}
    if families == {False}:
        return IPVersion.V4Only
    return IPVersion.V6Only if families == {True} else IPVersion.All


if __name__ == "__main__":
    main()
