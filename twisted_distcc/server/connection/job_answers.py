"""The answer to one job, whatever becomes of it.

Whoever serves a connection, of whichever protocol, answers each job with a reply.  What goes wrong is
told in it, by a sentence in place of the compiler's messages.
"""

from __future__ import annotations

from twisted_distcc.errors import EXIT_FAILURE, EXIT_IO_ERROR, DistccError
from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.observe.lines import Log
from twisted_distcc.policy.peer import Peer
from twisted_distcc.server.job.compile import Compile
from twisted_distcc.server.quotas.holdings import CeilingMetError, Hold


async def answered(
    serve: Compile, request: Request, peer: Peer, hold: Hold, log: Log, cancelled: type[Exception]
) -> Reply:
    """Have `request` served, and return the reply, for which there is room in `hold`.

    Args:
        serve: serves it.
        request: what is asked; it is given up.
        peer: who asks.
        hold: what is held for the job; the room of the request is given back.
        log: is told what goes wrong.
        cancelled: what is raised out of what is waited for when the client has gone.
    """
    return _kept(await _answered(serve, request, peer, log, cancelled), peer, hold, log)


async def _answered(
    serve: Compile, request: Request, peer: Peer, log: Log, cancelled: type[Exception]
) -> Reply:
    try:
        return await serve(request, peer)
    except (DistccError, OSError) as error:
        return sentence_on(error)
    except cancelled:
        raise
    except Exception:
        log.failure("a job of {peer} failed here", peer=peer)
        return Reply.sentence(EXIT_FAILURE, "the server failed at this job; its log says why")
    finally:
        request.discard()


def _kept(reply: Reply, peer: Peer, hold: Hold, log: Log) -> Reply:
    """Make room for `reply` where its request was, or return a sentence, which needs none."""
    hold.give_up_bodies()
    try:
        hold.store_bodies(*reply.bodies)
    except CeilingMetError as error:
        log.error("the reply to {peer} has no room: {error}", peer=peer, error=error)
        reply.discard()
        return sentence_on(error)
    return reply


def sentence_on(error: DistccError | OSError) -> Reply:
    """Return the reply that tells of `error`."""
    if isinstance(error, DistccError):
        return Reply.sentence(error.exit_code, str(error))
    return Reply.sentence(EXIT_IO_ERROR, f"the server cannot do this job: {error.strerror or error}")
