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
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from twisted_distcc.client.abilities import Abilities
from twisted_distcc.client.calls import Calls
from twisted_distcc.client.choice import NobodyLeft
from twisted_distcc.client.delivery import Compiled, deliver
from twisted_distcc.client.farm import Farm, Farms
from twisted_distcc.client.faults import HostError, LostConnectionError, RefusedByHostError
from twisted_distcc.client.folders import JobFolders
from twisted_distcc.client.hosts import Host, HostList, Localhost, RemoteHost, find_hosts
from twisted_distcc.client.invocation import Finished, Invocation, Outcome, Report, RunHere
from twisted_distcc.client.material import Material
from twisted_distcc.client.own_compilers import OwnCompilers, finder
from twisted_distcc.client.packed import aside_on
from twisted_distcc.client.sendable import Sendable, StaysHere, compiler_of, read_text
from twisted_distcc.client.sending import Sending
from twisted_distcc.client.settings import Settings
from twisted_distcc.client.slots import LockDirectoryError, Slot
from twisted_distcc.client.sources import Sources
from twisted_distcc.client.suspects import Suspects
from twisted_distcc.client.transports import SecureWay
from twisted_distcc.errors import EXIT_NO_HOSTS, DistccError
from twisted_distcc.messages.bulk import Turns
from twisted_distcc.processes import CannotStartError, Spawner

_log = Logger()


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
    folders: JobFolders = field(default_factory=JobFolders)
    turns: Turns = field(default_factory=Turns)
    secured: SecureWay = field(default_factory=SecureWay)

    @classmethod
    def on(cls, reactor: Any, spawn: Spawner) -> Dispatcher:
        """Make one that works on `reactor`, and whose memory is empty."""
        aside = aside_on(reactor)
        sources = Sources(spawn, aside)
        own = OwnCompilers(reactor, finder(reactor))
        return cls(
            reactor,
            spawn,
            Farms(reactor),
            sources,
            Suspects(sources.files, aside),
            Abilities(reactor, own),
        )

    async def run(self, invocation: Invocation, report: Report) -> Outcome:
        """Compile as `invocation` says; cancelling leaves nothing behind, here and on servers."""
        try:
            job = _Job.of(self, invocation, report)
            try:
                return await job.run()
            except (CancelledError, NoHostLeftError):
                raise
            except DistccError as error:  # ours, or some host's, and never a reason to fail a compile
                return await job.here(str(error))
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
            sending = self._sending(sendable, folder)
            await sending.prepare([host for host in self.hosts.hosts if not isinstance(host, Localhost)])
            outcome = await self._ask_around(sending)
            return outcome if isinstance(outcome, RunHere) else self._deliver(sending.material, outcome)

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

    def _sending(self, sendable: Sendable, folder: str) -> Sending:
        def turn() -> AbstractAsyncContextManager[None]:
            return self.farm.local(self.hosts.preprocessing)

        tools, environ = self.tools, self.invocation.environ
        calls = Calls(
            tools.reactor, tools.spawn, tools.turns, tools.secured, self.settings, environ, folder
        )
        material = Material(sendable, tools.sources, tools.spawn, turn, folder)
        return Sending(material, calls, tools.abilities, self.report)

    # Servers.

    async def _ask_around(self, sending: Sending) -> Compiled | RunHere:
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
                return await self._ask(host, sending)
            except HostError as error:
                failure, exit_code = f"{host} {error.fault}", error.exit_code
                self._note(host, error, sending.material.sendable)
                tried |= {host}
            except OSError as error:
                raise StaysHere(f"the reply cannot be stored: {error}") from error
            finally:
                grant.slot.release()

    async def _ask(self, host: RemoteHost, sending: Sending) -> Compiled:
        compiled = await sending.to(host)
        self.farm.backoff.forgive(host)
        return compiled

    def _note(self, host: RemoteHost, error: HostError, sendable: Sendable) -> None:
        """Remember a host that failed as a host; a refusal of this one job says nothing of others."""
        assembler = sendable.compilation.language.is_assembler
        if isinstance(error, LostConnectionError) and assembler:
            self.report.say(
                f"{host} {error.fault}, as C distccd does when it is sent an assembler source"
            )
            return
        self.report.warn(f"{host} {error.fault}")
        if isinstance(error, RefusedByHostError) and not error.is_trouble:
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
        """Put the outputs in place, or have it compiled here: it failed, or its messages are odd."""
        if compiled.reply.status and self.settings.fallback and not self.settings.skip_local_retry:
            raise self._failed_there(material, compiled)
        if compiled.says_too_much():
            raise StaysHere("its messages are longer than a server keeps")
        if compiled.text is None and self.settings.fallback and compiled.says_more_than_is_shown():
            raise StaysHere("its messages have control characters, which no server may send")
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
