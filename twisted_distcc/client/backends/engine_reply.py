"""The reply that the outcome of an action is, with everything that did not come along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from twisted.internet.defer import Deferred, FirstError, gatherResults

from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.body import Body, Folder
from twisted_distcc.jobs.model import Reply, Timing
from twisted_distcc.reapi.action import Outcome, Produced
from twisted_distcc.reapi.storage import Storage

_SIGNALS: Final = 128
_LAST_SIGNAL: Final = 64


async def fetched(
    outcome: Outcome,
    names: Mapping[str, str],
    storage: Storage,
    folder: Folder,
    traffic: Traffic,
) -> Reply:
    """Return the reply, for which everything is fetched at once.

    Args:
        outcome: how the action has ended.
        names: those of outputs in a reply, by their paths.
        storage: has what did not come along.
        folder: where large bodies lie.
        traffic: counts what comes.

    Raises:
        GrpcError, RemoteProtocolError: if something is not there, or is not what it should be.
        OSError: if the disk takes no more.
    """
    produced = [outcome.stderr, outcome.stdout, *outcome.outputs.values()]
    traffic.received += sum(one.name.size for one in produced)
    coming = [Deferred.fromCoroutine(_body(one, storage, folder)) for one in produced]
    try:
        stderr, stdout, *made = await gatherResults(coming, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
    finally:
        for one in coming:
            one.cancel()
    outputs = {names[path]: body for path, body in zip(outcome.outputs, made, strict=True)}
    timing = Timing(outcome.waited, outcome.ran, 0.0)
    return Reply(wait_status(outcome.exit_code), stderr, stdout, outputs=outputs, timing=timing)


def wait_status(exit_code: int) -> int:
    """Return the wait status for an exit code, with which engines say a signal as shells do."""
    signal = exit_code - _SIGNALS
    return signal if 0 < signal <= _LAST_SIGNAL else exit_code << 8


async def _body(produced: Produced, storage: Storage, folder: Folder) -> Body:
    if produced.content is not None:
        return Body.of(produced.content)
    return await storage.fetch(produced.name, folder)
