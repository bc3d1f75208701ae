"""The story of one compile, from the command line to its files.

In: an `Invocation`.  Out: `Finished`, with outputs in place, or `RunHere`.  A server that fails, as a
server, never fails the compile: another is asked, and in the end this machine.  The compiler's verdict
on the code is never second-guessed on another server; a failed compile is only run again here, where
its messages are exact (unless `DISTCC_SKIP_LOCAL_RETRY`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from twisted_distcc.client.choice import NobodyLeft
from twisted_distcc.client.farm import Farm, Farms
from twisted_distcc.client.faults import (
    BadReplyError,
    HostError,
    LostConnectionError,
    RefusedByHostError,
)
from twisted_distcc.client.folders import JobFolders
from twisted_distcc.client.hosts import Host, HostList, Localhost, RemoteHost, find_hosts
from twisted_distcc.client.invocation import Finished, Invocation, Outcome, Report, RunHere
from twisted_distcc.client.outputs import Outputs, unfit
from twisted_distcc.client.preprocessing import NotForServersError, Preprocessed, preprocess
from twisted_distcc.client.protocol import DistccClient
from twisted_distcc.client.settings import Settings
from twisted_distcc.client.slots import LockDirectoryError, Slot
from twisted_distcc.client.terminal import shown
from twisted_distcc.client.transports import SecureWay, endpoint_to
from twisted_distcc.cmdline.environment import environment_forbids
from twisted_distcc.cmdline.model import Compilation, StayLocal
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import remote_argv
from twisted_distcc.errors import (
    EXIT_ACCESS_DENIED,
    EXIT_COMPILER_MISSING,
    EXIT_IO_ERROR,
    EXIT_NO_HOSTS,
    DistccError,
)
from twisted_distcc.execution.compilers import find_compiler, name_behind, not_found
from twisted_distcc.messages.body import Body
from twisted_distcc.messages.bulk import Bulk, ReactorThreads, Turns
from twisted_distcc.messages.model import Reply, Request
from twisted_distcc.processes import CannotStartError, Spawner
from twisted_distcc.wire.grammar import COMPRESSED, PLAIN

_log = Logger()

# Exit codes that no compiler has: a server that answers with one has refused, or is itself in trouble.
_SERVERS_OWN: Final = range(100, 128)
# Of these, the ones that the next job of this host would meet as well.
_TROUBLE: Final = frozenset({EXIT_IO_ERROR, EXIT_ACCESS_DENIED})


class _StaysHere(Exception):  # noqa: N818  (a turn that the story takes, not an error)
    """It has to be compiled on this machine, for the reason that is its text."""


class NoHostLeftError(DistccError):
    """No server did it, and `DISTCC_FALLBACK` forbids to do it here."""


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Sends compiles out.

    Attributes:
        reactor: provides `IReactorTime`, `IReactorTCP`, `IReactorSocket` and `IReactorThreads`.
        spawn: starts preprocessors and ssh.
        farms: the slots that all compiles share.
        folders: makes folders for temporary files.
        turns: lets some of what takes much memory go on at a time.
        secured: leads to `,tls` hosts.
    """

    reactor: Any
    spawn: Spawner
    farms: Farms
    folders: JobFolders = field(default_factory=JobFolders)
    turns: Turns = field(default_factory=Turns)
    secured: SecureWay = field(default_factory=SecureWay)

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
            return RunHere(_find_compiler(invocation), reason)
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
        hosts = find_hosts(environ, _read_text)
        for warning in hosts.warnings:
            report.say(warning)
        compiler = _find_compiler(invocation)
        return cls(tools, invocation, report, compiler, settings, hosts, tools.farms.of(settings))

    async def run(self) -> Outcome:
        """Compile it, elsewhere if that can be."""
        try:
            return await self._elsewhere()
        except (_StaysHere, LockDirectoryError, CannotStartError) as reason:
            return await self.here(str(reason))

    async def _elsewhere(self) -> Outcome:
        compilation = self._understand()
        if (slot := self._free_place_here()) is not None:
            return RunHere(self.compiler, "this machine is the first of the hosts that are free", slot)
        with self._folder() as folder:
            preprocessed = await self._preprocess(compilation, folder)
            outcome = await self._ask_around(compilation, preprocessed, folder)
            if isinstance(outcome, RunHere):
                return outcome
            return self._deliver(compilation, preprocessed, outcome)

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

    def _understand(self) -> Compilation:
        compilation = parse(self._argv(), self._read_response_file)
        if isinstance(compilation, StayLocal):
            raise _StaysHere(compilation.reason)
        if reason := environment_forbids(self.invocation.environ):
            raise _StaysHere(reason)
        if not self.hosts.hosts:
            raise self._nobody("no hosts are listed: set DISTCC_HOSTS", EXIT_NO_HOSTS)
        self._check_outputs(compilation)
        return compilation

    def _argv(self) -> tuple[str, ...]:
        """Give the command as servers are to know it.

        A masquerade link of ours gets the bare name of the compiler.  `cc` may be another compiler on
        another machine, so it gets the name that it stands for here.
        """
        name, *arguments = self.invocation.argv
        if "/" in name and self._absolute(name) != self.compiler:
            name = os.path.basename(name)
        return (name_behind(name, self.compiler), *arguments)

    def _outputs(self, compilation: Compilation) -> list[str]:
        rules = compilation.dependencies
        return [self._absolute(compilation.output)] + ([self._absolute(rules.path)] if rules else [])

    def _check_outputs(self, compilation: Compilation) -> None:
        """Leave what cannot be replaced to the compiler; it may have been put there while we waited."""
        for path in self._outputs(compilation):
            if reason := unfit(path):
                raise _StaysHere(reason)

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
            raise _StaysHere(f"no temporary files can be made: {error}") from error
        try:
            yield folder.path
        finally:
            folder.close()

    async def _preprocess(self, compilation: Compilation, folder: str) -> Preprocessed:
        async with self.farm.local(self.hosts.preprocessing):
            try:
                return await preprocess(
                    self.tools.spawn, self.compiler, compilation, self.invocation, folder
                )
            except (NotForServersError, OSError) as error:
                raise _StaysHere(str(error)) from error

    # Servers.

    async def _ask_around(
        self, compilation: Compilation, preprocessed: Preprocessed, folder: str
    ) -> Reply | RunHere:
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
                return await self._ask(host, compilation, preprocessed, folder)
            except HostError as error:
                failure, exit_code = f"{host} {error}", error.exit_code
                self._note(host, error, compilation)
                tried |= {host}
            except OSError as error:
                raise _StaysHere(f"the reply cannot be stored: {error}") from error
            finally:
                grant.slot.release()

    async def _ask(
        self, host: RemoteHost, compilation: Compilation, preprocessed: Preprocessed, folder: str
    ) -> Reply:
        """Have `host` compile; a server that answers something of its own has failed."""
        self.report.say(f"compiling {compilation.source} on {host}")
        tools = self.tools
        bulk = Bulk(tools.spawn, ReactorThreads(tools.reactor), folder, tools.turns)
        environ, secured = self.invocation.environ, tools.secured
        endpoint = endpoint_to(host, self.settings, environ, tools.reactor, tools.spawn, secured)
        timeout = self.settings.io_timeout
        client = DistccClient(endpoint, tools.reactor, bulk, io_timeout=timeout)
        argv = remote_argv(compilation, self.invocation.directory)
        request = Request(
            tuple(map(os.fsencode, argv)),
            preprocessed.source,
            COMPRESSED if host.compress else PLAIN,
        )
        reply = await client.compile(request)
        if reply.exit_code in _SERVERS_OWN:
            raise RefusedByHostError.of(reply)
        if not reply.status and not reply.object_file.length:
            raise BadReplyError("says that all is well, and sent no object file")
        self.farm.backoff.forgive(host)
        return reply

    def _note(self, host: RemoteHost, error: HostError, compilation: Compilation) -> None:
        """Remember a host that failed as a host; a refusal of this one job says nothing of others."""
        if isinstance(error, LostConnectionError) and compilation.language.is_assembler:
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
            return _StaysHere(reason)
        error = NoHostLeftError(f"{reason}; DISTCC_FALLBACK=0 forbids to compile it here")
        error.exit_code = exit_code
        return error

    # Results.

    def _deliver(self, compilation: Compilation, preprocessed: Preprocessed, reply: Reply) -> Finished:
        """Put the outputs in place, or have a failed compile done again here."""
        if reply.status:
            if self.settings.fallback and not self.settings.skip_local_retry:
                raise _StaysHere(f"the compile failed on the server, with {reply.exit_code}")
        else:
            self._check_outputs(compilation)
            self._write(compilation, preprocessed, reply.object_file)
        stdout, stderr = shown(reply.stdout.read()), shown(reply.stderr.read())
        return Finished(reply.exit_code, stdout, preprocessed.stderr + stderr)

    def _write(self, compilation: Compilation, preprocessed: Preprocessed, made: Body) -> None:
        outputs = Outputs(self.invocation.umask)
        try:
            if preprocessed.dependencies is not None and compilation.dependencies is not None:
                outputs.add_file(
                    self._absolute(compilation.dependencies.path), preprocessed.dependencies
                )
            outputs.add_body(self._absolute(compilation.output), made)
            outputs.show()
        finally:
            outputs.discard()

    def _absolute(self, path: str) -> str:
        return os.path.join(self.invocation.directory, path)

    def _read_response_file(self, path: str) -> str | None:
        return _read_text(self._absolute(path))


def _find_compiler(invocation: Invocation) -> str:
    name = invocation.argv[0]
    compiler = find_compiler(name, invocation.directory, invocation.environ.get("PATH", os.defpath))
    if compiler is None:
        error = DistccError(not_found(name))
        error.exit_code = EXIT_COMPILER_MISSING
        raise error
    return compiler


def _read_text(path: str) -> str | None:
    try:
        return os.fsdecode(Path(path).read_bytes())
    except (OSError, ValueError):
        return None
