"""The story of one compile, from the command line to its files.

In: an `Invocation`.  Out: `Finished`, with outputs in place, or `RunHere`.  A server that fails, as a
server, never fails the compile: another is asked, and in the end this machine.  The compiler's verdict
on the code is never second-guessed on another server; a failed compile is only run again here, where
its messages are exact (unless `DISTCC_SKIP_LOCAL_RETRY`).

The files that a compile may read are found first.  A host that can preprocess gets these; every other
host gets the preprocessed text, as every host does if the files cannot be told, or must not leave.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from twisted_distcc.client.abilities import ANSWER_LIMITS, Abilities
from twisted_distcc.client.calls import Calls
from twisted_distcc.client.choice import NobodyLeft
from twisted_distcc.client.delivery import Compiled, deliver
from twisted_distcc.client.farm import Farm, Farms
from twisted_distcc.client.faults import (
    HostError,
    LostConnectionError,
    RefusedByHostError,
)
from twisted_distcc.client.folders import JobFolders
from twisted_distcc.client.hosts import Host, HostList, Localhost, RemoteHost, find_hosts
from twisted_distcc.client.invocation import Finished, Invocation, Outcome, Report, RunHere
from twisted_distcc.client.material import Material
from twisted_distcc.client.own_compilers import OwnCompiler, OwnCompilers, finder
from twisted_distcc.client.requests import text_request, tree_request
from twisted_distcc.client.sendable import Sendable, StaysHere, compiler_of, read_text
from twisted_distcc.client.settings import Settings
from twisted_distcc.client.slots import LockDirectoryError, Slot
from twisted_distcc.client.sources import DATE, Found, Sources
from twisted_distcc.client.suspects import Suspects
from twisted_distcc.client.transports import SecureWay
from twisted_distcc.errors import (
    EXIT_ACCESS_DENIED,
    EXIT_IO_ERROR,
    EXIT_NO_HOSTS,
    DistccError,
)
from twisted_distcc.messages.bulk import Turns
from twisted_distcc.processes import CannotStartError, Spawner
from twisted_distcc.pump.model import NotForServersError

_log = Logger()

# Exit codes of a server's own that the next job of this host would meet as well.
_TROUBLE: Final = frozenset({EXIT_IO_ERROR, EXIT_ACCESS_DENIED})


class _FailedThere(StaysHere):
    """A server's compiler failed at it; `ended` is to be told when this machine's has ended."""

    def __init__(self, reason: str, ended: Callable[[], None]) -> None:
        super().__init__(reason)
        self.ended = ended


class NoHostLeftError(DistccError):
    """No server did it, and `DISTCC_FALLBACK` forbids to do it here."""


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Sends compiles out.

    Attributes:
        reactor: provides `IReactorTime`, `IReactorTCP`, `IReactorSocket` and `IReactorThreads`.
        spawn: starts preprocessors and ssh.
        farms: the slots that all compiles share.
        sources: what is known of the files that compiles read.
        suspects: the units that servers could not compile.
        abilities: what is known of servers.
        resident: whether it lives on: what it learns of files and servers pays with later compiles.
        folders: makes folders for temporary files.
        turns: lets some of what takes much memory go on at a time.
        secured: leads to `,tls` hosts.
    """

    reactor: Any
    spawn: Spawner
    farms: Farms
    sources: Sources
    suspects: Suspects
    abilities: Abilities
    resident: bool = True
    folders: JobFolders = field(default_factory=JobFolders)
    turns: Turns = field(default_factory=Turns)
    secured: SecureWay = field(default_factory=SecureWay)

    @classmethod
    def on(cls, reactor: Any, spawn: Spawner, *, resident: bool = True) -> Dispatcher:
        """Make one that works on `reactor`, and whose memory is empty."""

        def aside(work: Callable[[], None]) -> Deferred[None]:
            return deferToThreadPool(reactor, reactor.getThreadPool(), work)

        sources = Sources(spawn, aside)
        own = OwnCompilers(reactor, finder(reactor))
        return cls(
            reactor,
            spawn,
            Farms(reactor),
            sources,
            Suspects(sources.files, aside),
            Abilities(reactor, own),
            resident,
        )

    async def run(self, invocation: Invocation, report: Report) -> Outcome:
        """Compile as `invocation` says; cancelling leaves nothing behind, here and on servers."""
        try:
            job = _Job.of(self, invocation, report)
            try:
                return await job.run()
            except (CancelledError, DistccError):
                raise
            except Exception:
                _log.failure("a compile failed here, and is left to the compiler")
                return await job.here("a fault of tdistcc's own, which the agent's log tells of")
        except DistccError as error:
            report.warn(str(error))
            return Finished(error.exit_code)

    @staticmethod
    def in_place(invocation: Invocation, reason: str) -> Outcome:
        """Have the compiler run here without further ado, when nothing else works: without a slot."""
        try:
            return RunHere(compiler_of(invocation), reason)
        except DistccError as error:
            return Finished(error.exit_code, stderr=os.fsencode(f"tdistcc: {error}\n"))


@dataclass(frozen=True, slots=True)
class _Job:
    """One compile on its way."""

    tools: Dispatcher
    invocation: Invocation
    report: Report
    compiler: str
    settings: Settings
    hosts: HostList
    farm: Farm

    @classmethod
    def of(cls, tools: Dispatcher, invocation: Invocation, report: Report) -> _Job:
        """Find what the surroundings of `invocation` say."""
        environ = invocation.wishes
        settings = Settings.from_environ(environ)
        hosts = find_hosts(environ, read_text)
        for warning in hosts.warnings:
            report.say(warning)
        compiler = compiler_of(invocation)
        return cls(tools, invocation, report, compiler, settings, hosts, tools.farms.of(settings))

    async def run(self) -> Outcome:
        """Compile it, elsewhere if that can be."""
        for notice in self.tools.suspects.notices():
            self.report.warn(notice)
        try:
            return await self._elsewhere()
        except _FailedThere as failure:
            return replace(await self.here(str(failure)), ended=failure.ended)
        except (StaysHere, LockDirectoryError, CannotStartError) as reason:
            return await self.here(str(reason))

    async def _elsewhere(self) -> Outcome:
        sendable = self._understand()
        if (slot := self._free_place_here()) is not None:
            return RunHere(self.compiler, "this machine is the first of the hosts that are free", slot)
        with self._folder() as folder:
            material = self._material(sendable, folder)
            await self._prepare(material)
            outcome = await self._ask_around(material)
            return outcome if isinstance(outcome, RunHere) else self._deliver(material, outcome)

    async def here(self, reason: str) -> RunHere:
        """Wait for a slot of this machine, and have the compiler run here."""
        self.report.say(f"compiling here: {reason}")
        try:
            slot = await self.farm.local_slot(self.hosts.local_jobs)
        except LockDirectoryError as error:
            self.report.warn(str(error))
            return RunHere(self.compiler, reason)
        return RunHere(self.compiler, reason, slot)

    # Before a server is asked.

    def _understand(self) -> Sendable:
        sendable = Sendable.of(self.invocation, self.compiler)
        if not self.hosts.hosts:
            raise self._nobody("no hosts are listed: set DISTCC_HOSTS", EXIT_NO_HOSTS)
        if self.tools.suspects.stays_here(sendable):
            raise StaysHere("a server failed to compile it, which this machine could")
        sendable.check_outputs()
        return sendable

    def _free_place_here(self) -> Slot | None:
        """Take a slot of `localhost`, if it is listed and its turn: that saves preprocessing."""
        if not any(isinstance(host, Localhost) for host in self.hosts.hosts):
            return None
        grant = self.farm.free_host(self.hosts)
        if grant is None:
            return None
        if isinstance(grant.host, Localhost):
            return grant.slot
        grant.slot.release()
        return None

    @contextmanager
    def _folder(self) -> Iterator[str]:
        try:
            folder = self.tools.folders.new(self.settings.tmpdir, keep=self.settings.save_temps)
        except OSError as error:
            raise StaysHere(f"no temporary files can be made: {error}") from error
        try:
            yield folder.path
        finally:
            folder.close()

    def _material(self, sendable: Sendable, folder: str) -> Material:
        def turn() -> AbstractAsyncContextManager[None]:
            return self.farm.local(self.hosts.preprocessing)

        return Material(sendable, self.tools.sources, self.tools.spawn, turn, folder)

    async def _prepare(self, material: Material) -> None:
        """Find the files, if a host may take them; or preprocess, before a host is kept waiting."""
        if await self._may_take_trees(material.sendable):
            try:
                await material.find()
                return
            except NotForServersError as reason:
                self.report.say(f"preprocessing here: {reason}")
        await material.text()

    # Servers.

    async def _ask_around(self, material: Material) -> Compiled | RunHere:
        """Ask one host after the other, each once, until one has compiled it."""
        tried: frozenset[Host] = frozenset()
        failure = "none can be asked"
        exit_code = EXIT_NO_HOSTS
        while True:
            grant = await self.farm.next_host(self.hosts, tried)
            if isinstance(grant, NobodyLeft):
                raise self._nobody(f"{grant}: {failure}", exit_code)
            host = grant.host
            if isinstance(host, Localhost):
                return RunHere(self.compiler, "this machine is one of the hosts", grant.slot)
            try:
                return await self._ask(host, material)
            except HostError as error:
                failure, exit_code = f"{host} {error}", error.exit_code
                self._note(host, error, material.sendable)
                tried |= {host}
            except OSError as error:
                raise StaysHere(f"the reply cannot be stored: {error}") from error
            finally:
                grant.slot.release()

    async def _ask(self, host: RemoteHost, material: Material) -> Compiled:
        """Have `host` compile: the files, if it takes them, and otherwise the text."""
        sendable = material.sendable
        self.report.say(f"compiling {sendable.compilation.source} on {host}")
        calls = self._calls(material.folder)
        if (compiled := await self._ask_with_tree(host, material, calls)) is None:
            text = await material.text()
            request = text_request(sendable, text, compress=host.compress)
            reply = await calls.compiled(host, request)
            compiled = Compiled(host, request, reply, text)
        self.farm.backoff.forgive(host)
        return compiled

    async def _ask_with_tree(
        self, host: RemoteHost, material: Material, calls: Calls
    ) -> Compiled | None:
        """Have `host` preprocess, too; `None` says that it is to get the text."""
        sendable, found = material.sendable, material.found
        if found is None or (environment := await self._takes(host, found, sendable, calls)) is None:
            return None
        try:
            request = tree_request(sendable, await material.tree(), environment)
            with_rules = sendable.dependencies is not None
            reply = await calls.compiled(host, request, with_rules=with_rules)
        except NotForServersError as reason:
            self.report.say(f"preprocessing here: {reason}")
            return None
        except RefusedByHostError as error:
            if error.exit_code in _TROUBLE:
                raise
            self.report.say(f"preprocessing here: {host} {error}")
            return None
        return Compiled(host, request, reply, None)

    async def _takes(
        self, host: RemoteHost, found: Found, sendable: Sendable, calls: Calls
    ) -> dict[str, str] | None:
        """Give the environment that `host` is to preprocess in; `None` if it is not to preprocess."""
        if host.pump:  # it may be C distccd, which takes no environment
            return None if DATE in found.environment else {}
        ask = partial(calls.reply, host, limits=ANSWER_LIMITS)
        exact = await self.tools.abilities.exact(host, ask, _own_compiler(sendable))
        return found.environment if exact else None

    def _calls(self, folder: str) -> Calls:
        tools, environ = self.tools, self.invocation.environ
        return Calls(
            tools.reactor, tools.spawn, tools.turns, tools.secured, self.settings, environ, folder
        )

    async def _may_take_trees(self, sendable: Sendable) -> bool:
        """Whether it is worth the while to find the files."""
        if not self.settings.remote_cpp:
            return False
        remote = [host for host in self.hosts.hosts if not isinstance(host, Localhost)]
        if any(host.pump for host in remote):
            return True
        if not self.tools.resident:
            return False
        return not await self.tools.abilities.are_hopeless(remote, _own_compiler(sendable))

    def _note(self, host: RemoteHost, error: HostError, sendable: Sendable) -> None:
        """Remember a host that failed as a host; a refusal of this one job says nothing of others."""
        assembler = sendable.compilation.language.is_assembler
        if isinstance(error, LostConnectionError) and assembler:
            self.report.say(f"{host} {error}, as C distccd does when it is sent an assembler source")
            return
        self.report.warn(f"{host} {error}")
        if isinstance(error, RefusedByHostError) and error.exit_code not in _TROUBLE:
            return
        try:
            self.farm.backoff.avoid(host)
        except LockDirectoryError as unusable:
            self.report.warn(str(unusable))

    def _nobody(self, reason: str, exit_code: int) -> Exception:
        if self.settings.fallback:
            return StaysHere(reason)
        error = NoHostLeftError(f"{reason}; DISTCC_FALLBACK=0 forbids to compile it here")
        error.exit_code = exit_code
        return error

    # Results.

    def _deliver(self, material: Material, compiled: Compiled) -> Finished:
        """Put the outputs in place, or have a failed compile done again here."""
        if compiled.reply.status and self.settings.fallback and not self.settings.skip_local_retry:
            raise self._failed_there(material, compiled)
        return deliver(material.sendable, compiled)

    def _failed_there(self, material: Material, compiled: Compiled) -> StaysHere:
        reason = f"the compile failed on the server, with {compiled.reply.exit_code}"
        tree, found = compiled.request.tree, material.found
        if tree is None or found is None or not compiled.failed_as_compiler():
            return StaysHere(reason)
        folder = f"{self.settings.directory}/reproducers"
        suspects = self.tools.suspects
        ended = suspects.suspect(material.sendable, found, tree, compiled, folder)
        return _FailedThere(reason, ended)


def _own_compiler(sendable: Sendable) -> OwnCompiler:
    search = sendable.invocation.environ.get("PATH", os.defpath)
    return OwnCompiler(sendable.compiler, sendable.compilation.compiler, search)
