"""The jobs of one session: the places that a server has for them, and what each still waits for.

    await places.acquire()
    job = open_job(inputs, folder, packing, traffic, limits, cancel=...)
    if job.read(data):                # the next bytes of its result, until that is whole
        job.finish()                  # `job.done` fires with the reply
    job.check_question(digests)       # what the server asks for
    job.fail(failure)

Which stream a job is on is for `session_streams` to know.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.python.failure import Failure

from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    GoingAwayError,
    LostConnectionError,
    NoAnswerError,
)
from twisted_distcc.client.backends.session_inputs import Inputs
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.body import Folder
from twisted_distcc.content.packing import Packing
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.compression import expanded_outputs
from twisted_distcc.jobs.model import Reply, is_wait_status
from twisted_distcc.jobs.session_messages import ResultAssembly
from twisted_distcc.wire.connection import Reader
from twisted_distcc.wire.events import MessageEnd
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.session_grammar import JOBR, RESULTS

# How often a server may ask for all of a job's inputs: one that forgets may do so now and then.
_MOST_TIMES: Final = 8


@dataclass(slots=True)
class OpenJob:
    """A job that was sent, and has no result yet.

    Attributes:
        inputs: what the server may ask for.
        packing: compresses blobs; `None` if they are sent as they are.
        traffic: counts what is sent for it, and its result.
        done: fires with the reply as it came.
    """

    inputs: Inputs
    packing: Packing | None
    traffic: Traffic
    done: Deferred[Reply]
    _reader: Reader
    _assembly: ResultAssembly
    _limits: Limits
    _is_answered: bool = False
    _asked: int = 0  # how many blobs the server has asked for

    async def reply(self) -> Reply:
        """Return the reply, expanded.

        Raises:
            HostError: if the server does not do its part.
            OSError: if the disk here does not.
        """
        reply = await self.done
        packed, packing = self._assembly.packed, self.packing
        if not packed:
            return reply
        if packing is None:
            reply.discard()
            raise BadReplyError("sent a bad reply: it is compressed, though nobody asked for that")
        try:
            return await expanded_outputs(reply, packed, packing, self._limits.expanded)
        except RemoteProtocolError as error:
            raise BadReplyError(f"sent a bad reply: {error}") from error

    def read(self, data: bytes) -> bool:
        """Take the next bytes of the result; return whether it is whole.

        Raises:
            RemoteProtocolError: if they are none of a result.
            OSError: if the disk takes no more.
        """
        self._is_answered = True
        self.traffic.received += len(data)
        self._reader.feed(data)
        for part in self._reader.events():
            if isinstance(part, MessageEnd):
                return True
            self._assembly.take(part)
        return False

    def finish(self) -> None:
        """Pass the result on, which is whole."""
        reply = self._assembly.reply()
        if is_wait_status(reply.status):
            self.done.callback(reply)
        else:
            reply.discard()
            fault = f"sent a bad reply: no program ends with {reply.status:#x}"
            self.done.errback(BadReplyError(fault))

    def check_question(self, digests: Collection[bytes]) -> None:
        """Note that the server asks for blobs.

        Raises:
            RemoteProtocolError: if the job has no such inputs.
            BadReplyError: if the server has asked for all of them too often.
        """
        if not self.inputs.keys() >= set(digests):
            raise RemoteProtocolError("it asks for what the job does not have")
        self._asked += len(digests)
        if self._asked > _MOST_TIMES * len(self.inputs):
            raise BadReplyError("asks again and again for what it was sent")

    def fail(self, failure: Failure) -> None:
        """Give up what has come of the result, and tell whoever waits for it why."""
        self.discard()
        if not self.done.called:
            self.done.errback(self._cut_short(failure))

    def discard(self) -> None:
        """Give up what has come of the result."""
        self._assembly.discard()

    def _cut_short(self, failure: Failure) -> Failure:
        """Return `failure`, which counts as another one in the middle of a result."""
        if self._is_answered and failure.check(NoAnswerError):
            return Failure(LostConnectionError("hung up in the middle of its reply"))
        return failure


def open_job(
    inputs: Inputs,
    folder: Folder,
    packing: Packing | None,
    traffic: Traffic,
    limits: Limits,
    cancel: Callable[[], None],
) -> OpenJob:
    """Return a job whose result is about to come.

    Args:
        inputs: what the server may ask for.
        folder: where large bodies of the reply lie.
        packing: compresses blobs; `None` sends them as they are.
        traffic: counts what is sent for it, and its result.
        limits: the ceilings on what the server may send.
        cancel: is called if nobody waits for the result any more.
    """
    done: Deferred[Reply] = Deferred(lambda _: cancel())
    reader, assembly = Reader(JOBR, RESULTS, limits), ResultAssembly(folder)
    return OpenJob(inputs, packing, traffic, done, reader, assembly, limits)


class Places(DeferredSemaphore):
    """The jobs that a server takes at a time; the others wait."""

    def turn_away(self) -> None:
        """Fail the jobs that wait, all at once: one by one they would nest too deep."""
        waiting, self.waiting = self.waiting, []
        for place in waiting:
            place.errback(GoingAwayError("is going away"))
