"""What an engine has of the blobs of jobs: asked for many jobs at once, and sent once.

    await presence.ensure(blobs, storage, traffic)
    presence.forget()                    # when the engine turns out to lack something

Jobs that begin together are one question.  A job waits for the blobs that others are sending, and for
nothing else of theirs but what was asked for in the same moment.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.body import Body
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.storage import Blobs, Storage

# As many as large projects have; beyond that all are asked for again.
_MOST: Final = 100_000


class Presence:
    """The blobs that one engine is known to have, and those that are on their way.

    Args:
        clock: lets jobs that begin together be asked for together.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._known: set[BlobName] = set()
        self._arriving: dict[BlobName, _Batch] = {}
        self._next: _Batch | None = None

    async def ensure(self, blobs: Blobs, storage: Storage, traffic: Traffic) -> None:
        """Return when the engine has all `blobs`.

        Raises:
            GrpcError, RemoteProtocolError: if it does not tell, or does not take them.
            OSError: if one cannot be read.
        """
        known = self._known
        lacking = [name for name in blobs if name not in known]
        batches = {self._batch_of(name, blobs[name], storage, traffic) for name in lacking}
        for batch in batches:
            await batch.join()

    def forget(self) -> None:
        """Believe nothing to be there."""
        self._known.clear()

    def _batch_of(
        self, name: BlobName, content: bytes | Body, storage: Storage, traffic: Traffic
    ) -> _Batch:
        batch = self._arriving.get(name)
        if batch is None:
            batch = self._arriving[name] = self._next = self._next or self._begun(storage)
            batch.add(name, content, traffic)
        return batch

    def _begun(self, storage: Storage) -> _Batch:
        batch = _Batch()
        Deferred.fromCoroutine(self._deliver(batch, storage))
        return batch

    async def _deliver(self, batch: _Batch, storage: Storage) -> None:
        await deferLater(self._clock, 0)
        self._next = None
        try:
            await batch.deliver(storage)
        except BaseException:  # whoever waits is told, and nobody else
            batch.end(Failure())
        else:
            if len(self._known) > _MOST:
                self.forget()
            self._known.update(batch.blobs)
            batch.end(None)
        finally:
            for name in batch.blobs:
                del self._arriving[name]


class _Batch:
    """Blobs that are asked for together, and sent if they are missing.

    Attributes:
        blobs: with their contents.
    """

    def __init__(self) -> None:
        self.blobs: dict[BlobName, bytes | Body] = {}
        self._traffic: dict[BlobName, Traffic] = {}
        self._waiting: list[Deferred[None]] = []
        self._ended: tuple[Failure | None] | None = None

    def add(self, name: BlobName, content: bytes | Body, traffic: Traffic) -> None:
        """Add a blob, which is sent for the unit whose `traffic` this is."""
        self.blobs[name], self._traffic[name] = content, traffic

    async def deliver(self, storage: Storage) -> None:
        """Have the engine have them."""
        missing = await storage.missing(self.blobs)
        for name in missing:
            self._traffic[name].sent += name.size
        await storage.send({name: self.blobs[name] for name in missing})

    def join(self) -> Deferred[None]:
        """Return a Deferred that fires when they are there."""
        waiting: Deferred[None] = Deferred(self._leave)
        if self._ended is None:
            self._waiting.append(waiting)
        else:
            waiting.callback(self._ended[0])  # which fails, if it is a Failure
        return waiting

    def _leave(self, waiting: Deferred[None]) -> None:
        self._waiting.remove(waiting)

    def end(self, failure: Failure | None) -> None:
        """Tell everybody who waits."""
        self._ended = (failure,)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(failure)
