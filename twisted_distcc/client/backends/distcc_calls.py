"""Call a host, and tell a compiler's answer from a refusal.

`Calls` takes a host and a request, and returns the reply of a compiler there, or raises a `HostError`.
"""

from __future__ import annotations

from collections.abc import Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure

from twisted_distcc.addresses import is_loopback
from twisted_distcc.client.backends.client_protocol import DistccClient
from twisted_distcc.client.backends.engine_access import Engine, EngineAccess, engine_access
from twisted_distcc.client.backends.engine_way import EngineWay
from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    HostError,
    LackingHostError,
    RefusedByHostError,
    SlowHostError,
)
from twisted_distcc.client.backends.likeness import Likeness
from twisted_distcc.client.backends.sessions import Sessions
from twisted_distcc.client.backends.transports import SecureWay, endpoint_to, session_key
from twisted_distcc.client.hosts import EngineHost, RemoteHost
from twisted_distcc.client.inputs.candidate import StaysHere
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.client.journal.unit_record import DELIVERY, TRANSFER
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.settings import Settings
from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.content.body import Folder
from twisted_distcc.jobs.model import OBJECT, Reply, Request, Timing
from twisted_distcc.runtime.bulk import Bulk, Turns
from twisted_distcc.runtime.processes import Spawner
from twisted_distcc.runtime.threads import ReactorThreads
from twisted_distcc.wire.limits import Limits

# Exit codes that no compiler uses: a server that answers with one has refused, or has a problem itself.
_SERVERS_OWN: Final = range(100, 128)
T = TypeVar("T")
_UNTOLD: Final = Timing(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of one compile.

    Attributes:
        reactor, spawn, turns, secured: as in `Dispatcher`.
        settings: the user's settings.
        environ: the environment, for ssh.
        folder: where large bodies lie.
        watch: measures where the compile's time goes.
        sessions: the sessions that a process keeps, if it lives longer than a job.
        engines: leads to Remote Execution engines.
        compiler: the local compiler, which engines get.
    """

    reactor: Any
    spawn: Spawner
    turns: Turns
    secured: SecureWay
    settings: Settings
    environ: Mapping[str, str]
    folder: Folder
    watch: UnitWatch
    sessions: Sessions | None = None
    engines: EngineWay = field(default_factory=EngineWay)
    compiler: LocalCompiler | None = None

    async def reply(self, host: RemoteHost, request: Request, limits: Limits | None = None) -> Reply:
        """Return the answer of `host` to `request`, whatever it is, within `limits`.

        Raises:
            HostError: if it does not answer.
        """
        return await self._in_time(host, self._reply(host, request, limits))

    async def engine_likeness(self, host: EngineHost, digest: str) -> Likeness:
        """Find out how the local compiler, which has this `digest`, would work on an engine.

        Raises:
            HostError: if it does not tell.
        """
        assert self.compiler is not None
        engines = self.engines.engines(self.reactor)
        asked = engines.likeness(self._engine(host), self.compiler, digest, self.folder)
        return await self._in_time(host, asked)

    async def bringing(
        self, request: Request, digest: str, language: Language, plugins: tuple[str, ...] = ()
    ) -> Request:
        """Return `request` with the local compiler, which has this `digest`, for units of `language`.

        It loads `plugins`.

        Raises:
            HostError: if it cannot be brought.
        """
        assert self.compiler is not None
        tools = self.engines.tools
        return await tools.request(request, self.compiler, digest, language, plugins, self.reactor)

    async def _in_time(self, host: RemoteHost, call: Coroutine[Deferred[Any], Any, T]) -> T:
        job = Deferred.fromCoroutine(call)
        job.addTimeout(self.settings.io_timeout, self.reactor, self._too_slow)
        try:
            return await job
        except SlowHostError:
            self.engines.doubt(host)
            if self.sessions is not None:
                self.sessions.doubt(self._key(host))
            raise

    async def _reply(self, host: RemoteHost, request: Request, limits: Limits | None) -> Reply:
        if isinstance(host, EngineHost):
            return await self._on_engine(host, request)
        bulk = Bulk(self.spawn, ReactorThreads(self.reactor), self.folder, self.turns)
        reply = await self._on_session(host, request, bulk)
        if reply is None and needs_session(request):
            raise LackingHostError("speaks no protocol in which this can be asked")
        return await self._on_connection(host, request, limits, bulk) if reply is None else reply

    async def _on_session(self, host: RemoteHost, request: Request, bulk: Bulk) -> Reply | None:
        """Return the reply of a host that speaks protocol 4, if there are sessions here."""
        sessions = self.sessions
        if sessions is None and needs_session(request):
            sessions = Sessions(self.reactor)
        if sessions is None:
            return None
        # It costs a tenth of a millisecond for a usual object, and leaves a third of the bytes.
        packing = bulk if host.compress or not is_loopback(host.name) else None
        return await sessions.compile(
            self._key(host),
            lambda: self._endpoint(host),
            request,
            self.folder,
            packing=packing,
            traffic=self.watch.traffic,
        )

    async def _on_connection(
        self, host: RemoteHost, request: Request, limits: Limits | None, bulk: Bulk
    ) -> Reply:
        """Return the reply of a host to a request that has a connection of its own."""
        endpoint, timeout = self._endpoint(host), self.settings.io_timeout
        client = DistccClient(
            endpoint, self.reactor, bulk, limits=limits, io_timeout=timeout, progress=self.watch
        )
        try:
            return await client.compile(request)
        except HostError:
            if self.sessions is not None:
                self.sessions.forget(self._key(host))
            raise

    async def _on_engine(self, host: EngineHost, request: Request) -> Reply:
        engines, compiler = self.engines.engines(self.reactor), self.compiler
        if compiler is None:
            raise LackingHostError("answers no questions of servers")
        traffic = self.watch.traffic
        return await engines.compile(self._engine(host), request, compiler, self.folder, traffic)

    def _engine(self, host: EngineHost) -> Engine:
        return Engine(host, self.engine_access(host), lambda: self._endpoint(host))

    def engine_access(self, host: EngineHost) -> EngineAccess:
        """Return what an engine wants to know of us.

        Raises:
            BadAccessError: if that cannot be read.
        """
        return engine_access(host, self.settings.engines)

    def _key(self, host: RemoteHost) -> Hashable:
        return session_key(host, self.settings, self.environ)

    def _endpoint(self, host: RemoteHost) -> IStreamClientEndpoint:
        return endpoint_to(host, self.settings, self.environ, self.reactor, self.spawn, self.secured)

    def sends_packed(self, host: RemoteHost) -> bool:
        """Whether the files of a job for `host` are packed, as they are in version 3 of the protocol."""
        if isinstance(host, EngineHost):
            return False
        if self.sessions is None:
            return True
        return not self.sessions.may_speak(self._key(host))

    def _too_slow(self, result: object, seconds: float) -> Failure:
        if isinstance(result, Failure) and isinstance(result.value, CancelledError):
            raise SlowHostError(f"gave no reply within {seconds:g} seconds")
        return result  # type: ignore[return-value]  # as it came

    async def compiled(self, host: RemoteHost, request: Request, *, with_rules: bool = False) -> Reply:
        """Return a compiler's reply to `request`; `with_rules` requires a dependency file, too.

        Raises:
            HostError: if the server answers with a message of its own, or omits an output.
            StaysHere: if the command has made what was not foreseen.
        """
        self.watch.enter(TRANSFER)
        reply = await self.reply(host, request)
        timing = reply.timing or _UNTOLD
        self.watch.served(DELIVERY, timing.waited, timing.ran, timing.cpu)
        if reply.exit_code in _SERVERS_OWN:
            raise RefusedByHostError.of(reply)
        if not reply.status:
            if request.makes_more:
                _check_foreseen(reply)
            if not reply.object_file.length:
                raise BadReplyError("reported success, but sent no object file")
            if with_rules and not reply.dependencies.length:
                raise BadReplyError("reported success, but sent no dependency file")
        return reply


def needs_session(request: Request) -> bool:
    """Whether only protocol 4 can carry `request`, or what comes back."""
    return request.makes_more or request.tools is not None


def _check_foreseen(reply: Reply) -> None:
    """Check that a host has kept no output back, as it does with what was not foreseen.

    Raises:
        StaysHere: if it has, and told the name.
    """
    if OBJECT in reply.outputs:
        return
    for name in reply.outputs:
        raise StaysHere(f"it makes {shown(name)}, which was not foreseen")
