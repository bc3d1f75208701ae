"""Ask one host: is it there, what does it speak, what is it, and does it compile a line?

`probe` takes a host, and returns a `HostReport`; it never raises for what the host does, and each
question has a deadline, so a server that accepts a connection and falls silent holds nobody up.
"""

from __future__ import annotations

import os
import ssl
import time
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from cryptography.x509 import load_pem_x509_certificate
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.protocol import Protocol

from twisted_distcc.cli.probing.farm_view import Asking
from twisted_distcc.cli.probing.host_reports import (
    CompilerReport,
    HostReport,
    Status,
    is_ours,
    parsed,
    parts_told,
    signature,
    takes_ours,
    why_not_ours,
)
from twisted_distcc.cli.probing.own_compilers import SOURCE, OwnCompiler, source_name
from twisted_distcc.client.backends.connecting import connected
from twisted_distcc.client.backends.distcc_calls import Calls
from twisted_distcc.client.backends.host_faults import (
    AnotherCompilerError,
    BadReplyError,
    CannotConnectError,
    HostError,
    NoAnswerError,
    RefusedByHostError,
    SlowHostError,
)
from twisted_distcc.client.backends.likeness import takes_plugins
from twisted_distcc.client.backends.transports import endpoint_to, session_key
from twisted_distcc.client.hosts import DEFAULT_PORT, DEFAULT_TLS_PORT, EngineHost, RemoteHost, TcpHost
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.content.body import Body
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_IO_ERROR
from twisted_distcc.jobs.commands import CompilerQuestion
from twisted_distcc.jobs.model import Request
from twisted_distcc.jobs.server_questions import PartsQuestion, StatusQuestion
from twisted_distcc.runtime.threads import ReactorThreads
from twisted_distcc.toolchain.anatomy import differences
from twisted_distcc.wire.grammar import COMPRESSED, PLAIN
from twisted_distcc.wire.limits import KIB, Limits

# An object of one line is about 1 KiB.
_LIMITS: Final = Limits(messages=64 * KIB, object_file=64 * KIB)
_AT_ONCE: Final = 32
_SESSIONS: Final = 4
# A host has this many times the time for one answer, for all of them.
_ROUNDS: Final = 4
# Refusals that are about everybody, or everything.
_OF_HOST: Final = frozenset({EXIT_ACCESS_DENIED, EXIT_IO_ERROR})


async def probe_all(asking: Asking) -> list[HostReport]:
    """Ask all hosts of the list, some at a time; return the reports in the order of the list."""
    turns = DeferredSemaphore(_AT_ONCE)

    def ask(host: RemoteHost) -> Deferred[HostReport]:
        return turns.run(lambda: Deferred.fromCoroutine(probe(asking, host)))

    return list(await gatherResults([ask(host) for host in asking.view.remote_hosts]))


async def probe(asking: Asking, host: RemoteHost) -> HostReport:
    """Ask one host."""
    asked = Deferred.fromCoroutine(_Probe(asking, host).run())
    asked.addTimeout(_ROUNDS * asking.view.timeout, asking.reactor)
    try:
        return await asked
    except HostError as error:
        report = HostReport(host, error)
    except DeferredTimeoutError:
        seconds = _ROUNDS * asking.view.timeout
        report = HostReport(
            host, SlowHostError(f"did not answer all questions within {seconds} seconds")
        )
    except OSError as error:
        report = HostReport(host, CannotConnectError(f"cannot be asked: {error}"))
    return await _with_open_ports(asking, report)


class _Probe:
    """The questions to one host, in their order."""

    def __init__(self, asking: Asking, host: RemoteHost) -> None:
        self._asking = asking
        self._host = host
        self._calls: Calls = asking.calls()

    async def run(self) -> HostReport:
        if isinstance(self._host, EngineHost):
            compilers = [await self._on_engine(self._host, own) for own in self._asking.compilers]
            return HostReport(self._host, compilers=tuple(compilers))
        report = await self._status()
        compilers = [await self._compiler(own, report) for own in self._asking.compilers]
        faults = [one.fault for one in compilers if one.fault is not None]
        if compilers and len(faults) == len(compilers) and (fault := _common(faults)) is not None:
            report = replace(report, fault=fault)
        return replace(
            report,
            protocol=self._protocol(report),
            compilers=tuple(compilers),
            certificate_end=await self._certificate_end(),
        )

    async def _on_engine(self, host: EngineHost, own: OwnCompiler) -> CompilerReport:
        """Find out whether an engine runs a compiler of this machine, which is sent to it."""
        if own.digest is None:
            return CompilerReport(own.name)
        local = LocalCompiler.of(own.path, own.name, self._asking.view.environ)
        calls, began = replace(self._calls, compiler=local), time.monotonic()
        try:
            likeness = await calls.engine_likeness(host, own.digest)
        except AnotherCompilerError as error:
            return CompilerReport(own.name, fault=error)
        took = time.monotonic() - began
        return CompilerReport(own.name, own.digest, likeness.is_exact, own.version, seconds=took)

    async def _status(self) -> HostReport:
        """Ask twice: the first time includes connecting."""
        if await self._told(StatusQuestion().request()) is None:
            return HostReport(self._host)
        began = time.time()
        told = await self._told(StatusQuestion().request())
        took = time.time() - began
        return HostReport(self._host, status=Status.of(told), round_trip=took, asked_at=began + took / 2)

    async def _told(self, question: Request) -> Any:
        """Return the answer of a server of ours; `None` if the host does not know the question.

        Raises:
            HostError: if it cannot be asked, or refuses everything.
        """
        try:
            reply = await self._calls.reply(self._host, question, _LIMITS)
        except (BadReplyError, NoAnswerError):  # C distccd hangs up on what it does not know
            return None
        try:
            told = parsed(reply)
            if reply.exit_code in _OF_HOST:
                raise RefusedByHostError.of(reply)
            return told if is_ours(told) else None
        finally:
            reply.discard()

    async def _compiler(self, own: OwnCompiler, report: HostReport) -> CompilerReport:
        name = os.fsencode(own.name)
        about = await self._told(CompilerQuestion(name).request()) if report.status else None
        loads = takes_plugins(about)
        if takes_ours(about, own.digest):
            told = CompilerReport(own.name, own.digest, True, own.version)
            return replace(told, is_brought=True, loads_plugins=loads)
        match about:
            case {"compiler": str(digest), "preprocesses": how}:
                found = CompilerReport(own.name, digest[:64], how == "exact", loads_plugins=loads)
            case _:
                found = CompilerReport(own.name)
        if found.digest and own.digest and found.digest != own.digest:
            parts = parts_told(await self._told(PartsQuestion(name).request()))
            found = replace(found, differs=differences(own.parts, parts) if parts else ())
        found = await self._compiled(found)
        why = why_not_ours(about)
        if why is not None and isinstance(found.fault, RefusedByHostError):
            return replace(found, fault=found.fault.because(why))
        return found

    async def _compiled(self, found: CompilerReport) -> CompilerReport:
        """Have one line compiled."""
        words = (found.name, "-c", source_name(found.name), "-o", "probe.o")
        version = COMPRESSED if self._host.compress else PLAIN
        request = Request(tuple(map(os.fsencode, words)), Body.of(SOURCE), version)
        began = time.monotonic()
        try:
            reply = await self._calls.compiled(self._host, request)
        except HostError as error:
            return replace(found, fault=error)
        finally:
            request.discard()
        try:
            if reply.status:
                return replace(found, fault=BadReplyError("cannot compile a single line"))
            version_there = signature(reply.object_file.read())
            return replace(found, version=version_there, seconds=time.monotonic() - began)
        finally:
            reply.discard()

    def _protocol(self, report: HostReport) -> int:
        key = session_key(self._host, self._calls.settings, self._calls.environ)
        if self._asking.sessions.may_speak(key) and report.fault is None:
            return _SESSIONS
        return COMPRESSED if self._host.compress else PLAIN

    async def _certificate_end(self) -> datetime | None:
        match self._host:
            case TcpHost(name, port, tls=True):
                reactor, timeout = self._asking.reactor, self._asking.view.timeout
                return await ReactorThreads(reactor)(lambda: _certificate_end(name, port, timeout))
            case _:
                return None


def _common(faults: list[HostError]) -> HostError | None:
    """Return the fault that all compilers met, if it is the host's own."""
    kinds = {(type(fault), fault.exit_code) for fault in faults}
    is_of_host = not isinstance(faults[0], RefusedByHostError) or faults[0].exit_code in _OF_HOST
    return faults[0] if len(kinds) == 1 and is_of_host else None


def _certificate_end(name: str, port: int, timeout: float) -> datetime | None:
    """Return when the certificate expires that a server shows; this blocks, and trusts nothing."""
    try:
        pem = ssl.get_server_certificate((name, port), timeout=timeout)
        return load_pem_x509_certificate(pem.encode()).not_valid_after_utc
    except (OSError, ValueError):
        return None


async def _with_open_ports(asking: Asking, report: HostReport) -> HostReport:
    """Find out on which of the usual ports a host listens that could not be reached on its own."""
    match report:
        case HostReport(host=TcpHost(), fault=CannotConnectError()):
            ports = [port for port in (DEFAULT_PORT, DEFAULT_TLS_PORT) if port != report.host.port]  # type: ignore[union-attr]
            found = [port for port in ports if await _is_open(asking, report.host, port)]
            return replace(report, open_ports=tuple(found))
        case _:
            return report


async def _is_open(asking: Asking, host: RemoteHost, port: int) -> bool:
    assert isinstance(host, TcpHost)
    calls = asking.calls()
    plain = TcpHost(host.name, port)
    try:
        endpoint = endpoint_to(
            plain, calls.settings, calls.environ, asking.reactor, calls.spawn, calls.secured
        )
        caller = await connected(endpoint, Protocol())
    except HostError:
        return False
    assert caller.transport is not None
    caller.transport.abortConnection()  # type: ignore[attr-defined]
    return True
