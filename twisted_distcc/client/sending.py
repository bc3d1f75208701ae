"""What a host is sent of one compile: its files, or its text.

In: the `Material` of a compile, and hosts, one after the other.  Out: what a compiler there made of it.
A host gets the files if it makes of them just what this machine would, or if its `,cpp` says that it
is to get them; whoever refuses them gets the text.  This module refuses to know which host is next.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from twisted_distcc.client.abilities import ANSWER_LIMITS, Abilities
from twisted_distcc.client.calls import Calls
from twisted_distcc.client.delivery import Compiled
from twisted_distcc.client.faults import RefusedByHostError
from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.client.invocation import Report
from twisted_distcc.client.material import Material
from twisted_distcc.client.message_style import UNKNOWN, Style, Styles
from twisted_distcc.client.own_compilers import OwnCompiler
from twisted_distcc.client.requests import text_request, tree_request
from twisted_distcc.client.sendable import StaysHere
from twisted_distcc.client.sources import DATE
from twisted_distcc.errors import LocalProtocolError
from twisted_distcc.pump.model import NotForServersError


@dataclass(frozen=True, slots=True)
class Sending:
    """One compile on its way.

    Attributes:
        material: what can be sent.
        calls: how hosts are called.
        abilities: what is known of them.
        styles: how messages look here.
        report: where words go.
    """

    material: Material
    calls: Calls
    abilities: Abilities
    styles: Styles
    report: Report

    async def prepare(self, hosts: Sequence[RemoteHost]) -> None:
        """Find the files, if one of `hosts` may take them; or preprocess, before a host has to wait.

        Raises:
            StaysHere: if there is nothing to send.
            CannotStartError: if the compiler cannot be started.
        """
        if await self._may_take_files(hosts):
            try:
                await self.material.find()
                return
            except NotForServersError as reason:
                self._say_why_text(reason)
        await self.material.text()

    async def to(self, host: RemoteHost) -> Compiled:
        """Have `host` compile it.

        Raises:
            HostError: if the host does not do its part.
            StaysHere, CannotStartError: as `prepare`.
            OSError: if what it answers cannot be stored.
        """
        sendable = self.material.sendable
        self.report.say(f"compiling {sendable.compilation.source} on {host}")
        if (compiled := await self._with_files(host)) is not None:
            return compiled
        text = await self.material.text()
        request = text_request(sendable, text, compress=host.compress)
        try:
            return Compiled(host, request, await self.calls.compiled(host, request), text)
        except LocalProtocolError as limit:  # the same for every host
            raise StaysHere(f"it cannot be sent: {limit}") from limit

    async def _with_files(self, host: RemoteHost) -> Compiled | None:
        """Have `host` preprocess, too; `None` says that it is to get the text."""
        environment = await self._environment(host)
        if environment is None:
            return None
        style = UNKNOWN if host.pump else await self.styles.of(self.material.sendable, environment)
        try:
            compiled = await self._in_style(host, environment, style)
            if style.for_messages is None or compiled.reply.status or not compiled.says_anything():
                return compiled
            again = await self._in_style(host, environment, style.for_messages)
            return compiled.with_messages_of(again)
        except (NotForServersError, LocalProtocolError) as reason:
            self._say_why_text(reason)
        except RefusedByHostError as error:
            if error.is_trouble:
                raise
            self._say_why_text(f"{host} {error.fault}")
        return None

    async def _in_style(self, host: RemoteHost, environment: dict[str, str], style: Style) -> Compiled:
        """Have `host` compile the files, and write messages in this `style`."""
        sendable = self.material.sendable
        tree = await self.material.tree()
        request = tree_request(sendable, tree, environment, style.options)
        with_rules = sendable.dependencies is not None
        reply = await self.calls.compiled(host, request, with_rules=with_rules)
        return Compiled(host, request, reply, None, style)

    async def _environment(self, host: RemoteHost) -> dict[str, str] | None:
        """Give the environment that `host` is to preprocess in; `None` if it is not to preprocess."""
        found = self.material.found
        if found is None:
            return None
        if host.pump:  # it may be C distccd, which takes no environment
            return None if DATE in found.environment else {}
        ask = partial(self.calls.reply, host, limits=ANSWER_LIMITS)
        exact = await self.abilities.exact(host, ask, self._compiler)
        return found.environment if exact else None

    async def _may_take_files(self, hosts: Sequence[RemoteHost]) -> bool:
        """Whether it is worth the while to find the files."""
        if not self.calls.settings.remote_cpp:
            return False
        if any(host.pump for host in hosts):
            return True
        return not await self.abilities.are_hopeless(hosts, self._compiler)

    @property
    def _compiler(self) -> OwnCompiler:
        sendable = self.material.sendable
        search = sendable.invocation.environ.get("PATH", os.defpath)
        return OwnCompiler(sendable.compiler, sendable.compilation.compiler, search)

    def _say_why_text(self, reason: object) -> None:
        self.report.say(f"preprocessing here: {reason}")
