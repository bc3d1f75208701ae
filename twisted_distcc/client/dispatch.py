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
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from twisted_distcc.client.backends.distcc_calls import Calls
from twisted_distcc.client.backends.host_faults import HostError, NoAnswerError, Scope
from twisted_distcc.client.backends.refusals import Kind, Refusals
from twisted_distcc.client.backends.remote_compile import RemoteCompile
from twisted_distcc.client.backends.server_capabilities import ServerCapabilities
from twisted_distcc.client.backends.transports import SecureWay
from twisted_distcc.client.hosts import Host, HostList, Localhost, RemoteHost, find_hosts
from twisted_distcc.client.inputs.candidate import Candidate, StaysHere, compiler_of, read_text
from twisted_distcc.client.inputs.compile_inputs import CompileInputs
from twisted_distcc.client.inputs.local_toolchains import LocalToolchains, finder
from twisted_distcc.client.inputs.message_style import Styles
from twisted_distcc.client.inputs.sources import Sources
from twisted_distcc.client.invocation import Finished, Invocation, Outcome, Report, RunHere
from twisted_distcc.client.results.compile_folders import JobFolders
from twisted_distcc.client.results.delivery import Compiled, deliver
from twisted_distcc.client.results.mismatches import Mismatches
from twisted_distcc.client.results.planned_outputs import check_outputs
from twisted_distcc.client.scheduling.choice import NobodyLeft
from twisted_distcc.client.scheduling.farm import Farm, Farms
from twisted_distcc.client.scheduling.slots import LockDirectoryError, Slot
from twisted_distcc.client.settings import Settings
from twisted_distcc.errors import EXIT_BAD_HOSTS, EXIT_NO_HOSTS, DistccError
from twisted_distcc.runtime.bulk import Turns
from twisted_distcc.runtime.processes import CannotStartError, Spawner
from twisted_distcc.runtime.threads import ReactorThreads

_log = Logger()
_MOST_NAMED = 3
"""Hosts whose troubles are told of; a large farm has many."""


class _FailedThere(StaysHere):
    """A server's compiler failed at it; `ended` is to be told when this machine's has ended."""

    def __init__(self, reason: str, ended: Callable[[], None]) -> None:
        super().__init__(reason)
        self.ended = ended


class _UndistributedError(StaysHere):
    """It was to be compiled elsewhere, and could not be.

    `asked` has the source and the host that failed last, if one was asked.
    """

    def __init__(self, reason: str, asked: str = "") -> None:
        super().__init__(reason)
        self.asked = asked


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
        mismatches: the units that servers could not compile.
        capabilities: what is known of servers.
        styles: how compilers write messages for terminals and languages.
        refusals: what servers refuse.
        folders: makes folders for temporary files.
        turns: lets some of what takes much memory go on at a time.
        secured: leads to `,tls` hosts.
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

    @classmethod
    def on(cls, reactor: Any, spawn: Spawner, spare: Callable[[], str]) -> Dispatcher:
        """Make one that works on `reactor`, and whose memory is empty; `spare` is as in `Farms`."""
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
        except LockDirectoryError as error:
            report.warn(str(error))
            return self.in_place(invocation, str(error))
        except DistccError as error:
            return Finished(error.exit_code, stderr=report.fail(str(error)))

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
        compiler = compiler_of(invocation)
        farm = tools.farms.of(settings)
        if farm.directory != os.path.realpath(settings.lock_directory or ""):
            report.say(f"lock files are in {farm.directory}, for DISTCC_DIR or HOME leads nowhere")
        return cls(tools, invocation, report, compiler, settings, hosts, farm)

    async def run(self) -> Outcome:
        """Compile it, elsewhere if that can be."""
        for notice in self.tools.mismatches.notices():
            self.report.warn(notice)
        try:
            return await self._elsewhere()
        except _FailedThere as failure:
            return replace(await self.here(str(failure)), ended=failure.ended)
        except _UndistributedError as failure:
            self._warn_of(failure)
            return await self.here(str(failure))
        except LockDirectoryError as unusable:
            self._warn_of(_UndistributedError(str(unusable)))
            return await self.here(str(unusable))
        except (StaysHere, CannotStartError) as reason:
            return await self.here(str(reason))

    async def _elsewhere(self) -> Outcome:
        candidate = self._understand()
        if (slot := self._free_place_here()) is not None:
            return RunHere(self.compiler, "this machine is the first of the hosts that are free", slot)
        refused = self._refusals(candidate)
        with self._folder() as folder:
            remote = self._sending(candidate, folder)
            await remote.prepare(self._remote_hosts(refused))
            outcome = await self._ask_around(remote, refused)
            return outcome if isinstance(outcome, RunHere) else self._deliver(remote.inputs, outcome)

    def _warn_of(self, failure: _UndistributedError) -> None:
        """Say so in distcc's words, which people look for."""
        if failure.asked:
            self.report.warn(f"failed to distribute {failure.asked}, running locally instead")
        else:
            self.report.remind("failed to distribute, running locally instead", str(failure))

    async def here(self, reason: str) -> RunHere:
        """Wait for a slot of this machine, and have the compiler run here."""
        self.report.say(f"compiling here: {reason}")
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
            raise self._nobody(why_empty, EXIT_BAD_HOSTS if self.hosts.bad else EXIT_NO_HOSTS)
        if self.tools.mismatches.stays_here(candidate):
            raise StaysHere("a server failed to compile it, which this machine could")
        check_outputs(candidate)
        return candidate

    def _tell_of_wishes(self) -> None:
        """Say which of the user's words mean nothing here, to whoever has a compile sent."""
        for notice in (*self.settings.notices, *self.hosts.warnings):
            self.report.remind(notice.text, notice.reason)
        for word in self.hosts.down:
            self.report.say(f"{word} is not asked: its ,down sets it aside")

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

    def _kind(self, candidate: Candidate) -> Kind:
        is_assembler = candidate.compilation.language.is_assembler
        return Kind(candidate.local_compiler, is_assembler, self.settings.trust_names)

    def _refusals(self, candidate: Candidate) -> dict[Host, HostError]:
        """Tell which hosts have lately refused what is of the kind of `candidate`, and how.

        Raises:
            StaysHere, NoHostLeftError: if all have.
        """
        kind, period = self._kind(candidate), self.settings.backoff_period
        refused = self.tools.refusals.known(self.hosts.hosts, kind, period)
        for host, error in refused.items():
            self.report.say(f"{host} {error.fault}; it is not asked again yet")
        if len(refused) == len(set(self.hosts.hosts)):
            raise self._nobody(_told(refused), list(refused.values())[-1].exit_code)
        return refused

    def _remote_hosts(self, refused: Collection[Host]) -> list[RemoteHost]:
        hosts = (host for host in self.hosts.hosts if host not in refused)
        return [host for host in hosts if not isinstance(host, Localhost)]

    @contextmanager
    def _folder(self) -> Iterator[str]:
        try:
            folder = self.tools.folders.new(self.settings.tmpdir, keep=self.settings.save_temps)
        except OSError as error:
            reason = f"cannot create temporary files: {error.strerror}: {error.filename}"
            raise _UndistributedError(reason) from error
        try:
            yield folder.path
        finally:
            folder.close()

    def _sending(self, candidate: Candidate, folder: str) -> RemoteCompile:
        def turn() -> AbstractAsyncContextManager[None]:
            return self.farm.local(self.hosts.preprocessing)

        tools, environ = self.tools, self.invocation.environ
        calls = Calls(
            tools.reactor, tools.spawn, tools.turns, tools.secured, self.settings, environ, folder
        )
        inputs = CompileInputs(candidate, tools.sources, tools.spawn, turn, folder)
        return RemoteCompile(inputs, calls, tools.capabilities, tools.styles, self.report)

    # Servers.

    async def _ask_around(
        self, remote: RemoteCompile, refused: Mapping[Host, HostError]
    ) -> Compiled | RunHere:
        """Ask one host after the other, each once, until one has compiled it."""
        source = remote.inputs.candidate.compilation.source
        tried: frozenset[Host] = frozenset(refused)
        asked, failure = "", _told(refused)
        exit_code = EXIT_NO_HOSTS
        while True:
            grant = await self.farm.next_host(self.hosts, tried)
            if isinstance(grant, NobodyLeft):
                raise self._nobody(self._why_left(grant, failure), exit_code, asked)
            host = grant.host
            if isinstance(host, Localhost):
                return RunHere(self.compiler, "this machine is one of the hosts", grant.slot)
            try:
                return await self._ask(host, remote)
            except HostError as error:
                failure, exit_code = f"{host} {error.fault}", error.exit_code
                if self._note(host, error, remote.inputs.candidate):
                    asked = f"{source} to {host}"
                tried |= {host}
            except OSError as error:
                raise _UndistributedError(
                    f"cannot store the reply: {error.strerror or error}"
                ) from error
            finally:
                grant.slot.release()

    def _why_left(self, nobody: NobodyLeft, failure: str) -> str:
        """Say why nobody can be asked: of many hosts, what a few have in common."""
        avoided = [self.farm.backoff.why(host) for host in nobody.avoided[:_MOST_NAMED]]
        more = len(nobody.avoided) - len(avoided)
        reasons = (failure, *avoided, f"and {more} more" if more > 0 else "")
        return "; ".join(reason for reason in reasons if reason)

    async def _ask(self, host: RemoteHost, remote: RemoteCompile) -> Compiled:
        began = self.tools.reactor.seconds()
        compiled = await remote.to(host)
        self.farm.backoff.forgive(host)
        source, code = remote.inputs.candidate.compilation.source, compiled.reply.exit_code
        how = f"with exit code {code} " if code else ""
        took = self.tools.reactor.seconds() - began
        self.report.say(f"{source} compiled on {host} {how}in {took:.3f}s")
        return compiled

    def _note(self, host: RemoteHost, error: HostError, candidate: Candidate) -> bool:
        """Remember a host that failed as a host, or that refuses all jobs of this kind.

        Returns whether it is to be warned of.
        """
        assembler = candidate.compilation.language.is_assembler
        as_distccd = isinstance(error, NoAnswerError) and assembler
        if as_distccd:
            self.report.say(
                f"{host} {error.fault}, as C distccd does when it is sent an assembler source"
            )
        else:
            self.report.warn(f"{host} {error.fault}")
        match error.scope:
            case Scope.COMPILER:
                self.tools.refusals.note(host, self._kind(candidate), error)
            case Scope.HOST:
                self._avoid(host, error)
        return not as_distccd

    def _avoid(self, host: RemoteHost, error: HostError) -> None:
        try:
            self.farm.backoff.avoid(host, error.fault)
        except LockDirectoryError as unusable:
            self.report.warn(str(unusable))

    def _nobody(self, reason: str, exit_code: int, asked: str = "") -> Exception:
        if self.settings.fallback:
            return _UndistributedError(reason, asked)
        what = f" {asked}" if asked else ""
        error = NoHostLeftError(
            f"failed to distribute{what} and fallbacks are disabled (DISTCC_FALLBACK=0): {reason}"
        )
        error.exit_code = exit_code
        return error

    # Results.

    def _deliver(self, inputs: CompileInputs, compiled: Compiled) -> Finished:
        """Put the outputs in place, or have it compiled here: it failed, or its messages are odd."""
        if compiled.reply.status and self.settings.fallback and not self.settings.skip_local_retry:
            raise self._failed_there(inputs, compiled)
        if compiled.says_too_much():
            raise StaysHere("its messages are longer than a server keeps")
        utf_8 = self.invocation.utf_8
        says_more = compiled.text is None and compiled.says_more_than_is_shown(utf_8=utf_8)
        if self.settings.fallback and says_more:
            raise StaysHere("its messages have control characters, which no server may send")
        if not compiled.reply.status and not compiled.says_the_same():
            raise StaysHere("its messages might not be those of a compile on this machine")
        return deliver(inputs.candidate, compiled)

    def _failed_there(self, inputs: CompileInputs, compiled: Compiled) -> StaysHere:
        reason = f"the compile failed on the server, with {compiled.reply.exit_code}"
        tree, found = compiled.request.tree, inputs.found
        if tree is None or found is None or not compiled.failed_as_compiler():
            return StaysHere(reason)
        folder = f"{self.settings.directory or self.farm.directory}/reproducers"
        mismatches = self.tools.mismatches
        ended = mismatches.watch(inputs.candidate, found, tree, compiled, folder)
        return _FailedThere(reason, ended)


def _told(refused: Mapping[Host, HostError]) -> str:
    """Say how hosts have refused: of many, what a few have said."""
    told = [f"{host} {error.fault}" for host, error in islice(refused.items(), _MOST_NAMED)]
    more = len(refused) - len(told)
    return "; ".join([*told, f"and {more} more"] if more else told)
