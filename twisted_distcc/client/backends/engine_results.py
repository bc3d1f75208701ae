"""Get the result of a job from an engine: one that it has kept, or one that it makes now.

    reply = await AskedEngine(storage, presence, folder, traffic).result(job, takes_kept=True)

A kept result takes one question, and nothing is sent.  The engine needs the inputs if there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from twisted_distcc.client.backends.engine_faults import NotStoredError
from twisted_distcc.client.backends.engine_job import EngineJob
from twisted_distcc.client.backends.engine_presence import Presence
from twisted_distcc.client.backends.engine_reply import fetched
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.body import Folder
from twisted_distcc.jobs.model import Reply
from twisted_distcc.reapi.action import Outcome, checked_outcome
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.execution import execute, kept_result
from twisted_distcc.reapi.grpc_status import Code, GrpcError
from twisted_distcc.reapi.storage import Storage
from twisted_distcc.wire.limits import Limits

_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class AskedEngine:
    """An engine, as one job asks it.

    Attributes:
        storage: its storage, on a connection to it.
        presence: what it has.
        folder: where large bodies of the reply lie.
        traffic: counts what is sent, and the result.
    """

    storage: Storage
    presence: Presence
    folder: Folder
    traffic: Traffic

    async def result(self, job: EngineJob, *, takes_kept: bool) -> Reply:
        """Return the reply to `job`.

        Args:
            job: what is asked.
            takes_kept: whether a result from an earlier time will do.

        Raises:
            GrpcError, RemoteProtocolError: if the engine does not do its part.
            OSError: if the disk here does not.
        """
        own = job.action.blobs()
        if takes_kept:
            for ask in (self._kept, self._made):
                reply = await self._good(job, await ask(job, own))
                if reply is not None:
                    return reply
        response = await self._made(job, own, skip_cache=True)
        return await self._fetched(job, checked_outcome(response, job.action, _LIMITS))

    async def _kept(self, job: EngineJob, own: dict[BlobName, bytes]) -> Any:
        storage, name = self.storage, next(iter(own))
        return await kept_result(
            storage.connection, storage.instance, name, job.action.outputs, storage.timeout
        )

    async def _made(
        self, job: EngineJob, own: dict[BlobName, bytes], *, skip_cache: bool = False
    ) -> Any:
        storage, name = self.storage, next(iter(own))
        try:
            await self.presence.ensure({**own, **job.inputs}, storage, self.traffic)
        except GrpcError as error:
            raise NotStoredError(error.code, error.said) from error
        return await execute(
            storage.connection, storage.instance, name, job.action.outputs, skip_cache=skip_cache
        )

    async def _good(self, job: EngineJob, response: Any) -> Reply | None:
        """Return the reply; `None` if there is none, or only one from an earlier time that is no good.

        That a compile failed once, as without memory, says nothing of the next time; and an engine may
        have lost what a compile made.
        """
        if response is None:
            return None
        outcome = checked_outcome(response, job.action, _LIMITS)
        if outcome.exit_code and outcome.is_old:
            return None
        try:
            return await self._fetched(job, outcome)
        except GrpcError as error:
            if error.code is not Code.NOT_FOUND or not outcome.is_old:
                raise
            return None

    async def _fetched(self, job: EngineJob, outcome: Outcome) -> Reply:
        return await fetched(outcome, job, self.storage, self.folder, self.traffic)
