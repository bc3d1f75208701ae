"""The story of one compile, from the command line to its files.

`Dispatcher.run` takes an `Invocation`, and returns `Finished`, with outputs in place, or `RunHere`.  An
infrastructure failure never fails the compile: another server is tried, and finally this machine.  The
compiler's verdict on the code is never second-guessed on another server; a failed compile is only run
again here, where its messages are exact (unless `DISTCC_SKIP_LOCAL_RETRY`).

The files that a compile may read are found first.  A host that can preprocess gets these; other hosts
get the preprocessed text, as do all hosts if the files cannot be determined, or must not be sent.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, closing
from dataclasses import dataclass, field, replace
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from twisted_distcc.client.backends.distcc_calls import Calls
from twisted_distcc.client.backends.engine_way import EngineWay
from twisted_distcc.client.backends.refusals import Kind, Refusals
from twisted_distcc.client.backends.remote_compile import RemoteCompile
from twisted_distcc.client.backends.server_capabilities import ServerCapabilities
from twisted_distcc.client.backends.sessions import Sessions
from twisted_distcc.client.backends.transports import SecureWay
from twisted_distcc.client.discovering import Discovery, known_hosts
from twisted_distcc.client.host_round import (
    HostRound,
    NoHostLeftError,
    UndistributedError,
    undistributed,
)
from twisted_distcc.client.hosts import HostList, Localhost
from twisted_distcc.client.hosts_grammar import find_hosts
from twisted_distcc.client.inputs.candidate import Candidate, StaysHere, compiler_of, read_text
from twisted_distcc.client.inputs.compile_inputs import CompileInputs
from twisted_distcc.client.inputs.local_toolchains import LocalToolchains, finder
from twisted_distcc.client.inputs.message_style import Styles
from twisted_distcc.client.inputs.sources import Sources
from twisted_distcc.client.invocation import Finished, Invocation, Outcome, Report, RunHere
from twisted_distcc.client.journal.unit_record import LOCAL_SLOT
from twisted_distcc.client.results.compile_folders import JobFolder, JobFolders, NoFolderError
from twisted_distcc.client.results.delivery import Compiled, check_messages, deliver
from twisted_distcc.client.results.mismatches import Mismatches
from twisted_distcc.client.results.planned_outputs import check_outputs
from twisted_distcc.client.scheduling.farm import Farm, Farms
from twisted_distcc.client.scheduling.slots import LockDirectoryError, Slot
from twisted_distcc.client.settings import Settings
from twisted_distcc.errors import EXIT_BAD_HOSTS, EXIT_NO_HOSTS, DistccError
from twisted_distcc.runtime.bulk import Turns
from twisted_distcc.runtime.processes import CannotStartError, Spawner
from twisted_distcc.runtime.threads import ReactorThreads

_log = Logger()


class _FailedThere(StaysHere):
    """A server's compiler failed; call `ended` when this machine's has ended."""

    def __init__(self, reason: str, ended: Callable[[], None]) -> None:
        super().__init__(reason)
        self.ended = ended


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Distributes compiles.

    Attributes:
        reactor: provides `IReactorTime`, `IReactorTCP`, `IReactorSocket` and `IReactorThreads`.
        spawn: starts preprocessors and ssh.
        farms: the slots that all compiles share.
        sources: what is known of the files that compiles read.
        mismatches: the units that servers could not compile.
        capabilities: what servers can do.
        styles: how compilers write messages for terminals and languages.
        refusals: what servers refuse.
        folders: makes folders for temporary files.
        turns: lets some of what takes much memory go on at a time.
        secured, engines: lead to `,tls` hosts, and to Remote Execution engines.
        sessions: the sessions with servers, in a process that lives longer than a job.
        discovery: finds servers that announce themselves, in such a process.
    """

    reactor: Any
    spawn: Spawner
    farms: Farms
    sources: Sources
    mismatches: Mismatches
    capabilities: ServerCapabilities
    styles: Styles
    refusals: Refusals
    folders: JobFolders = field(default_factory=JobFolders)
    turns: Turns = field(default_factory=Turns)
    secured: SecureWay = field(default_factory=SecureWay)
    engines: EngineWay = field(default_factory=EngineWay)
    sessions: Sessions | None = None
    discovery: Discovery | None = None

    @classmethod
    def on(cls, reactor: Any, spawn: Spawner, spare: Callable[[], str]) -> Dispatcher:
        """Return a dispatcher on `reactor` with empty caches; for `spare` see `Farms`."""
        threads = ReactorThreads(reactor)
        sources = Sources(spawn, threads)
        own = LocalToolchains(reactor, finder(reactor))
        return cls(
            reactor,
            spawn,
            Farms(reactor, spare),
            sources,
            Mismatches(sources.files, threads),
            ServerCapabilities(reactor, own),
            Styles(sources.files, spawn),
            Refusals(reactor),
        )

    def snapshot(self) -> AbstractContextManager[None]:
        """Look at no file twice inside the `with` block, where invocations begin that are all there."""
        return self.sources.files.snapshot()

    async def run(self, invocation: Invocation, report: Report) -> Outcome:
        """Carry out `invocation`; cancelling leaves nothing behind, here or on servers."""
        try:
            job = await _Job.of(self, invocation, report)
            try:
                return await job.run()
            except (CancelledError, NoHostLeftError):
                raise
            except DistccError as error:  # ours, or some host's, and never a reason to fail a compile
                return await job.here(str(error))
            except Exception:
                _log.failure("a compile failed here, and is left to the compiler")
                return await job.here("a fault of tdistcc's own, which the agent's log tells of")
        except LockDirectoryError as error:
            report.warn(str(error))
            return self.in_place(invocation, str(error))
        except DistccError as error:
            return Finished(error.exit_code, stderr=report.fail(str(error)))

    @staticmethod
    def in_place(invocation: Invocation, reason: str) -> Outcome:
        """Return the last resort: run the compiler here, without a slot."""
        try:
            return RunHere(compiler_of(invocation), reason)
        except DistccError as error:
            return Finished(error.exit_code, stderr=os.fsencode(f"tdistcc: {error}\n"))


@dataclass(frozen=True, slots=True)
class _Job:
    """One compile in progress."""

    tools: Dispatcher
    invocation: Invocation
    report: Report
    compiler: str
    settings: Settings
    hosts: HostList
    farm: Farm

    @classmethod
    async def of(cls, tools: Dispatcher, invocation: Invocation, report: Report) -> _Job:
        """Set up a job from the environment of `invocation`."""
        environ = invocation.wishes
        settings = Settings.from_environ(environ)
        report.watch.directory = settings.directory if settings.journal else None
        hosts = await known_hosts(find_hosts(environ, read_text), tools.discovery, settings.fallback)
        compiler = compiler_of(invocation)
        farm = tools.farms.of(settings)
        if farm.directory != os.path.realpath(settings.lock_directory or ""):
            report.say(f"lock files are in {farm.directory}, for DISTCC_DIR or HOME leads nowhere")
        return cls(tools, invocation, report, compiler, settings, hosts, farm)

    async def run(self) -> Outcome:
        """Compile it, elsewhere if possible."""
        for notice in self.tools.mismatches.notices():
            self.report.warn(notice)
        try:
            return await self._elsewhere()
        except _FailedThere as failure:
            return replace(await self.here(str(failure)), ended=failure.ended)
        except UndistributedError as failure:
            self._warn_of(failure)
            return await self.here(str(failure))
        except LockDirectoryError as unusable:
            self._warn_of(UndistributedError(str(unusable)))
            return await self.here(str(unusable))
        except (StaysHere, CannotStartError) as reason:
            return await self.here(str(reason))

    async def _elsewhere(self) -> Outcome:
        candidate = self._understand()
        if (slot := self._free_place_here()) is not None:
            return RunHere(self.compiler, "this machine is the first of the hosts that are free", slot)
        hosts = self._round(candidate)
        remote_hosts = hosts.begin()
        with closing(self._folder()) as folder:
            remote = self._remote_compile(candidate, folder)
            try:
                await remote.prepare(remote_hosts)
            except NoFolderError as error:
                reason = f"cannot create temporary files: {error.strerror}: {error.filename}"
                raise UndistributedError(reason) from error
            outcome = await hosts.compile(remote)
            return outcome if isinstance(outcome, RunHere) else self._deliver(remote.inputs, outcome)

    def _warn_of(self, failure: UndistributedError) -> None:
        """Warn in distcc's words, which people search for."""
        if failure.asked:
            self.report.warn(f"failed to distribute {failure.asked}, running locally instead")
        else:
            self.report.remind("failed to distribute, running locally instead", str(failure))

    async def here(self, reason: str) -> RunHere:
        """Wait for a slot of this machine, and have the compiler run here."""
        self.report.say(f"compiling here: {reason}")
        self.report.watch.enter(LOCAL_SLOT)
        try:
            slot = await self.farm.local_slot(self.hosts.local_jobs)
        except LockDirectoryError as error:
            self.report.remind("this compile is not counted", str(error))
            return RunHere(self.compiler, reason)
        return RunHere(self.compiler, reason, slot)

    # Before a server is asked.

    def _understand(self) -> Candidate:
        candidate = Candidate.of(self.invocation, self.compiler)
        self._tell_of_wishes()
        if why_empty := self.hosts.why_empty:
            exit_code = EXIT_BAD_HOSTS if self.hosts.bad else EXIT_NO_HOSTS
            raise undistributed(self.settings, why_empty, exit_code)
        if self.tools.mismatches.stays_here(candidate):
            raise StaysHere("a server failed to compile it, which this machine could")
        check_outputs(candidate, self.tools.sources.files)
        self.report.watch.file = candidate.compilation.source
        return candidate

    def _tell_of_wishes(self) -> None:
        """Warn about settings that are not understood or supported, once a compile is distributed."""
        for notice in (*self.settings.notices, *self.hosts.warnings):
            self.report.remind(notice.text, notice.reason)
        for word in self.hosts.down:
            self.report.say(f"{word} is not asked: its ,down sets it aside")

    def _free_place_here(self) -> Slot | None:
        """Take a slot of `localhost` if it is listed and next: that saves preprocessing."""
        if not any(isinstance(host, Localhost) for host in self.hosts.hosts):
            return None
        grant = self.farm.free_host(self.hosts)
        if grant is None:
            return None
        if isinstance(grant.host, Localhost):
            return grant.slot
        grant.slot.release()
        return None

    def _folder(self) -> JobFolder:
        return self.tools.folders.new(self.settings.tmpdir, keep=self.settings.save_temps)

    def _round(self, candidate: Candidate) -> HostRound:
        kind = Kind.of(candidate, by_name=self.settings.trust_names)
        shared = self.settings, self.report, self.tools.reactor
        return HostRound(self.hosts, self.farm, self.tools.refusals, kind, *shared)

    def _remote_compile(self, candidate: Candidate, folder: JobFolder) -> RemoteCompile:
        def turn() -> AbstractAsyncContextManager[None]:
            return self.farm.local(self.hosts.preprocessing, watch)

        tools, environ, watch = self.tools, self.invocation.environ, self.report.watch
        shared = tools.reactor, tools.spawn, tools.turns, tools.secured, self.settings, environ
        calls = Calls(*shared, folder, watch, tools.sessions, tools.engines, candidate.local_compiler)
        inputs = CompileInputs(candidate, tools.sources, tools.spawn, turn, folder)
        return RemoteCompile(inputs, calls, tools.capabilities, tools.styles, self.report)

    # Results.

    def _deliver(self, inputs: CompileInputs, compiled: Compiled) -> Finished:
        """Put the outputs in place; raise to compile here if it failed or its messages are inexact."""
        self.report.watch.compiled(
            "files" if compiled.text is None else "text", compiled.reply.exit_code
        )
        if compiled.reply.status and self.settings.fallback and not self.settings.skip_local_retry:
            raise self._failed_there(inputs, compiled)
        check_messages(compiled, utf_8=self.invocation.utf_8, fallback=self.settings.fallback)
        return deliver(inputs.candidate, compiled)

    def _failed_there(self, inputs: CompileInputs, compiled: Compiled) -> StaysHere:
        reason = f"the compile failed on the server (exit status {compiled.reply.exit_code})"
        tree, found = compiled.request.tree, inputs.found
        if tree is None or found is None or not compiled.failed_as_compiler():
            return StaysHere(reason)
        folder = f"{self.settings.directory or self.farm.directory}/reproducers"
        mismatches = self.tools.mismatches
        ended = mismatches.watch(inputs.candidate, found, tree, compiled, folder)
        return _FailedThere(reason, ended)
