"""Answering one request, whatever goes wrong: the client always gets a reply.

In: a request as it came, and who sent it.  Out: a reply, as its version wants it.  What fails on the way
becomes a sentence for the person at the client.  This module refuses to know how a request came, how a
reply goes, and how anything is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_distcc.content.packing import Packing
from twisted_distcc.errors import EXIT_FAILURE, EXIT_IO_ERROR, DistccError
from twisted_distcc.jobs.compression import compress_reply, expand_request
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.observe.lines import Log
from twisted_distcc.policy.peer import Peer
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.wire.limits import Limits


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers the requests of one connection.

    Attributes:
        compile: serves them.
        packing: expands requests, and compresses replies.
        limits: the ceilings on what a client may send.
        log: is told what went wrong.
        cancelled: what is raised out of what is waited for when the client has gone.
    """

    compile: Compile
    packing: Packing
    limits: Limits
    log: Log
    cancelled: type[Exception]

    async def answer(self, request: Request, peer: Peer) -> Reply:
        """Have `request` served, and give it up; its reply is not yet compressed."""
        try:
            expanded = await self._expanded(request, peer)
            try:
                return await self.compile(expanded, peer)
            finally:
                expanded.discard()
        except (DistccError, OSError) as error:
            return sentence_on(error)
        except self.cancelled:
            raise
        except Exception:
            self.log.failure("a job of {peer} failed here", peer=peer)
            return Reply.sentence(EXIT_FAILURE, "the server failed at this job; its log says why")
        finally:
            request.discard()

    async def packed(self, reply: Reply, version: int, peer: Peer) -> Reply:
        """Compress `reply`; for one that cannot be, a sentence goes out, which needs no room."""
        try:
            return await compress_reply(self.packing, reply, version)
        except (DistccError, OSError) as error:
            self.log.error("the reply to {peer} is not compressed: {error}", peer=peer, error=error)
            return await compress_reply(self.packing, sentence_on(error), version)

    async def _expanded(self, request: Request, peer: Peer) -> Request:
        try:
            return await expand_request(self.packing, request, self.limits)
        except (DistccError, OSError) as error:
            self.log.warn("the request of {peer} is not expanded: {error}", peer=peer, error=error)
            raise


def sentence_on(error: DistccError | OSError) -> Reply:
    """Give the reply that tells of `error`."""
    if isinstance(error, DistccError):
        return Reply.sentence(error.exit_code, str(error))
    return Reply.sentence(EXIT_IO_ERROR, f"the server cannot do this job: {error.strerror or error}")
