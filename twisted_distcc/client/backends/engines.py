"""The engines of one process: one connection to each, opened when it is wanted, and what each has of us.

    likeness = await engines.likeness(engine, compiler, digest, folder)
    reply = await engines.compile(engine, request, compiler, folder, traffic)

A job is an action, whose inputs are sent once (`engine_job`, `engine_presence`).  Whatever an engine
believes, or we believe of it, may be wrong: on any fault of its own it is sent everything again, once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.backends.connecting import connected
from twisted_distcc.client.backends.engine_access import Engine, EngineKey
from twisted_distcc.client.backends.engine_faults import (
    host_error,
    is_busy,
    is_of_job,
    is_worth_another_try,
)
from twisted_distcc.client.backends.engine_job import EngineJob, ToolInputs, hermetic_job, understood
from twisted_distcc.client.backends.engine_presence import Presence
from twisted_distcc.client.backends.engine_probe import is_hermetic, probe_request
from twisted_distcc.client.backends.engine_results import AskedEngine
from twisted_distcc.client.backends.engine_text import parts_job, text_job
from twisted_distcc.client.backends.host_faults import AnotherCompilerError, LackingHostError
from twisted_distcc.client.backends.likeness import Likeness
from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.client.inputs.travelling_toolchains import TravellingToolchains
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.client.single_flight import Shared
from twisted_distcc.content.body import Folder
from twisted_distcc.content.merkle import EncodedFolders
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.reapi.execution import capabilities
from twisted_distcc.reapi.folder_changes import PartialFolderError
from twisted_distcc.reapi.grpc_connection import GrpcConnection
from twisted_distcc.reapi.grpc_status import Code, GrpcError
from twisted_distcc.reapi.schema import SHA256
from twisted_distcc.reapi.storage import BATCH, Storage
from twisted_distcc.toolchain.travelling_tree import TravellingTree

_MOST: Final = 100
# Seconds for one question, or for sending some megabytes.
_QUESTION: Final = 20.0
_TRANSFER: Final = 120.0
# Seconds to wait before an engine that is busy is asked again: half of this, and up to as much more.
_PAUSE: Final = 0.5
_NOT_HERMETIC: Final = "neither runs our compiler in a root of our own files nor has the same compiler"
_ANOTHER: Final = "has workers without this compiler, or with another one"


@dataclass(slots=True)
class _State:
    """What is known of one engine.

    Attributes:
        presence: the blobs that it has.
        connection: the latest connection to it.
        folders: remembers the folders of jobs.
        texts: the digests of compilers that its workers have.
        batch: how many bytes of blobs it takes together.
    """

    presence: Presence
    connection: GrpcConnection | None = None
    folders: EncodedFolders = field(default_factory=EncodedFolders)
    texts: set[str] = field(default_factory=set)
    batch: int = BATCH


@dataclass(frozen=True, slots=True)
class _Call:
    """One job for an engine; for the attributes see `Engines.compile`.

    Attributes:
        is_kept: whether the result may be one that was kept, and may be kept.
    """

    engine: Engine
    request: Request
    compiler: LocalCompiler
    folder: Folder
    traffic: Traffic
    is_kept: bool = True


class Engines:
    """Any number of engines.

    Args:
        clock: tells how long they take.
        toolchains: the compilers here, which are sent along.
        chance: returns a random number from 0 to 1, for pauses.
    """

    def __init__(
        self,
        clock: IReactorTime,
        toolchains: TravellingToolchains,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._chance = chance
        self._toolchains = toolchains
        self._tools: Bounded[TravellingTree, ToolInputs] = Bounded(_MOST)
        self._states: Bounded[EngineKey, _State] = Bounded(_MOST)
        self._opening: Shared[EngineKey, GrpcConnection] = Shared()

    async def likeness(
        self, engine: Engine, compiler: LocalCompiler, digest: str, folder: Folder
    ) -> Likeness:
        """Find out how `compiler`, which has this `digest`, would work on `engine`.

        It is `EXACT` if the engine runs our own compiler in a root that has our files and nothing else,
        `HERMETIC` if it also returns all that a job leaves, and `SAME` if its workers have the same
        compiler at the same path.

        Raises:
            AnotherCompilerError: if neither is so.
            HostError: if the engine does not tell.
        """
        probes = [] if engine.host.text else [Likeness.HERMETIC, Likeness.EXACT]
        request = probe_request(compiler, digest)
        call = _Call(engine, request, compiler, folder, Traffic(), is_kept=False)
        try:
            await self._check_capabilities(engine)
            for likeness in probes:
                request = probe_request(compiler, digest, makes_more=likeness is Likeness.HERMETIC)
                if await self._is_hermetic(replace(call, request=request)):
                    return likeness
            if not await self._has_same(call):
                raise AnotherCompilerError(_ANOTHER if engine.host.text else _NOT_HERMETIC)
        except (GrpcError, RemoteProtocolError) as error:
            raise host_error(error) from error
        return Likeness.SAME

    async def _is_hermetic(self, call: _Call) -> bool:
        reply = await self._asked(call)
        if reply is None:
            return False
        try:
            return is_hermetic(reply)
        finally:
            reply.discard()

    async def _has_same(self, call: _Call) -> bool:
        """Whether a worker has our compiler; only then is it sent text."""
        texts, digest = self._state(call.engine).texts, call.request.compiler
        texts.discard(digest)
        parts = await self._toolchains.parts(call.compiler)
        if not parts:
            return False
        job = parts_job(parts, call.compiler, call.engine.access.platform)
        reply = await self._asked(call, job)
        if reply is None or reply.status:
            return False
        texts.add(digest)
        return True

    async def _asked(self, call: _Call, job: EngineJob | None = None) -> Reply | None:
        """Return the reply to a question; `None` if the engine cannot run it, or leaves out a part."""
        try:
            return await self._tried_twice(call, job)
        except PartialFolderError:
            return None
        except GrpcError as error:
            if is_of_job(error):
                return None
            raise

    async def _check_capabilities(self, engine: Engine) -> None:
        connection = await self._connection(engine)
        told = await capabilities(connection, engine.access.instance, _QUESTION)
        most = told.cache_capabilities.max_batch_total_size_bytes
        self._state(engine).batch = min(most, BATCH) if most > 0 else BATCH
        does = told.execution_capabilities
        functions = {*does.digest_functions, does.digest_function}
        if not does.exec_enabled or SHA256 not in functions:
            raise GrpcError(Code.UNIMPLEMENTED, "it runs no actions by SHA-256")

    async def compile(
        self,
        engine: Engine,
        request: Request,
        compiler: LocalCompiler,
        folder: Folder,
        traffic: Traffic,
    ) -> Reply:
        """Have `request` served by `engine`; it stays the caller's.

        Args:
            engine: runs it.
            request: has files, or text, and the digest of the compiler here.
            compiler: the compiler here, which is sent along with files.
            folder: where large bodies of the reply lie.
            traffic: counts what is sent, and the result.

        Raises:
            HostError: if the engine does not do its part.
            LocalProtocolError: if it cannot be sent.
            OSError: if the disk here does not.
        """
        if request.tree is None and request.compiler not in self._state(engine).texts:
            raise LackingHostError("takes no preprocessed text")
        try:
            return await self._tried_twice(_Call(engine, request, compiler, folder, traffic))
        except (GrpcError, RemoteProtocolError) as error:
            self._toolchains.doubt()
            raise host_error(error) from error

    async def _tried_twice(self, call: _Call, job: EngineJob | None = None) -> Reply:
        try:
            return await self._run(call, job)
        except GrpcError as error:
            if not is_worth_another_try(error):
                raise
            if is_busy(error):
                await deferLater(self._clock, _PAUSE * (0.5 + self._chance()))
        self._state(call.engine).presence.forget()
        return await self._run(call, job)

    async def _run(self, call: _Call, job: EngineJob | None) -> Reply:
        job, instance = job or await self._job(call), call.engine.access.instance
        connection = await self._connection(call.engine)
        storage = Storage(connection, instance, _TRANSFER, self._state(call.engine).batch)
        asked = AskedEngine(storage, self._state(call.engine).presence, call.folder, call.traffic)
        return await asked.result(job, takes_kept=call.is_kept)

    async def _job(self, call: _Call) -> EngineJob:
        compiler, request, platform = call.compiler, call.request, call.engine.access.platform
        if request.tree is None:
            return text_job(request, compiler, platform)
        _, compilation = understood(request)
        tree = await self._toolchains.tree(compiler, request.compiler, compilation.language)
        if tree is None:
            raise AnotherCompilerError(f"cannot have {compiler.name}, which is no compiler by itself")
        tools = self._tools.get(tree)
        if tools is None:
            tools = self._tools[tree] = ToolInputs.of(tree, dict(compiler.environ))
        folders = self._state(call.engine).folders
        return hermetic_job(request, compiler, tools, folders, platform, is_kept=call.is_kept)

    # Connections.

    def doubt(self, host: RemoteHost) -> None:
        """Make no more calls on connections to `host`: it has not answered in time."""
        for (called, _), state in self._states.items():
            if called == host and state.connection is not None:
                state.connection.retire()

    def _state(self, engine: Engine) -> _State:
        state = self._states.get(engine.key)
        if state is None:
            state = self._states[engine.key] = _State(Presence(self._clock))
        return state

    async def _connection(self, engine: Engine) -> GrpcConnection:
        connection = self._state(engine).connection
        if connection is not None and connection.is_open:
            return connection
        return await self._opening.get(engine.key, lambda: self._open(engine))

    async def _open(self, engine: Engine) -> GrpcConnection:
        host, scheme = engine.host, "https" if engine.host.tls else "http"
        connection = GrpcConnection(self._clock, host.authority, scheme, engine.access.headers)
        await connected(engine.endpoint(), connection)
        self._state(engine).connection = connection
        return connection
