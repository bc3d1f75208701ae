"""The reply that the outcome of an action is, with everything that did not come along.

A job that makes more than an object leaves folders, which are compared with what was sent.  A file that
was not foreseen is told by its name, without its contents, as our servers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from twisted.internet.defer import DeferredSemaphore, FirstError, gatherResults

from twisted_distcc.client.backends.engine_job import EngineJob
from twisted_distcc.client.journal.unit_traffic import Traffic
from twisted_distcc.content.body import Body, Folder
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.jobs.expected_outputs import MOST, ExpectedOutputs
from twisted_distcc.jobs.model import Reply, Timing
from twisted_distcc.reapi.action import Outcome, Produced
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.folder_changes import Change, PartialFolderError, changes, folder_at
from twisted_distcc.reapi.storage import Storage
from twisted_distcc.wire.limits import Limits

_SIGNALS: Final = 128
_LAST_SIGNAL: Final = 64
_LIMITS: Final = Limits()
_AT_ONCE: Final = 16
_NOTHING: Final = Produced(BlobName.of(b""), b"")


async def fetched(
    outcome: Outcome,
    job: EngineJob,
    storage: Storage,
    folder: Folder,
    traffic: Traffic,
) -> Reply:
    """Return the reply, for which everything is fetched at once.

    Args:
        outcome: how the action has ended.
        job: what was asked.
        storage: has what did not come along.
        folder: where large bodies lie.
        traffic: counts what comes.

    Raises:
        GrpcError, RemoteProtocolError: if something is not there, or is not what it should be.
        OSError: if the disk takes no more.
    """
    made = {job.outputs[path]: one for path, one in outcome.outputs.items()}
    if job.expected is not None and not outcome.exit_code:
        made = await _changed(outcome, job, job.expected, storage, folder)
    produced = [outcome.stderr, outcome.stdout, *made.values()]
    traffic.received += sum(one.name.size for one in produced)
    stderr, stdout, *bodies = await _bodies(produced, storage, folder)
    outputs = dict(zip(made, bodies, strict=True))
    timing = Timing(outcome.waited, outcome.ran, 0.0)
    return Reply(wait_status(outcome.exit_code), stderr, stdout, outputs=outputs, timing=timing)


async def _changed(
    outcome: Outcome, job: EngineJob, expected: ExpectedOutputs, storage: Storage, folder: Folder
) -> dict[str, Produced]:
    """Return the outputs, by name, among what has changed in the folders of `job`."""
    if outcome.folders.keys() != job.folders.keys():
        raise PartialFolderError
    names = {path: outcome.folders[called] for called, path in job.folders.items()}
    trees = await _bodies([Produced(name, None) for name in names.values()], storage, folder)
    found: list[Change] = []
    for path, tree in zip(names, trees, strict=True):
        before = folder_at(path, job.action.root, job.inputs)
        found += changes(path, before, tree.read(), job.inputs, _LIMITS.object_file)
        tree.discard()
    return named(found, expected)


def named(found: Sequence[Change], expected: ExpectedOutputs) -> dict[str, Produced]:
    """Return the outputs among the changes that were `found`, in the order in which they are completed.

    If anything has changed that was not expected, that is named, alone, and has no contents.

    Raises:
        RemoteProtocolError: if they are too large.
    """
    outputs: list[tuple[int, str, BlobName]] = []
    for path, name in found:
        place = expected.find(path)
        if name is None or place is None or len(outputs) == MOST:
            return {path: _NOTHING}
        outputs.append((place[1], place[0], name))
    if sum(name.size for _, _, name in outputs) > _LIMITS.object_file:
        raise RemoteProtocolError(f"its outputs have more than {_LIMITS.object_file} bytes")
    return {name: Produced(blob, None) for _, name, blob in sorted(outputs)}


async def _bodies(produced: Sequence[Produced], storage: Storage, folder: Folder) -> list[Body]:
    """Return the contents of what was produced, some of which are fetched at a time."""
    turns = DeferredSemaphore(_AT_ONCE)
    coming = [turns.run(partial(_body, one, storage, folder)) for one in produced]
    try:
        return await gatherResults(coming, consumeErrors=True)
    except FirstError as first:
        first.subFailure.raiseException()
    finally:
        for one in coming:
            one.cancel()


def wait_status(exit_code: int) -> int:
    """Return the wait status for an exit code, with which engines say a signal as shells do."""
    signal = exit_code - _SIGNALS
    return signal if 0 < signal <= _LAST_SIGNAL else exit_code << 8


async def _body(produced: Produced, storage: Storage, folder: Folder) -> Body:
    if produced.content is not None:
        return Body.of(produced.content)
    return await storage.fetch(produced.name, folder)
