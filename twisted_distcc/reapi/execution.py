"""Have an engine run an action, and wait for its result; or ask for one that it has kept.

    response = await kept_result(connection, instance, name, outputs, timeout=20)
    response = await execute(connection, instance, name, outputs, skip_cache=False)

The engine answers with a stream of news about the job, the last of which has the result.  If nobody
wants that any more, the job is cancelled there.
"""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred

from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.grpc_connection import GrpcConnection
from twisted_distcc.reapi.grpc_status import Code, GrpcError
from twisted_distcc.reapi.schema import (
    SHA256,
    ActionResult,
    CancelOperationRequest,
    ExecuteRequest,
    ExecuteResponse,
    GetActionResultRequest,
    GetCapabilitiesRequest,
    Operation,
    ServerCapabilities,
)
from twisted_distcc.reapi.storage import parsed

_EXECUTE: Final = "/build.bazel.remote.execution.v2.Execution/Execute"
_KEPT: Final = "/build.bazel.remote.execution.v2.ActionCache/GetActionResult"
_CANCEL: Final = "/google.longrunning.Operations/CancelOperation"
_CAPABILITIES: Final = "/build.bazel.remote.execution.v2.Capabilities/GetCapabilities"
_CANCELLING: Final = 10.0
# Bytes of all news of one job, each of which costs something by itself.
_MOST_NEWS: Final = 64 * 1024 * 1024
_PER_NEWS: Final = 1024
_LONGEST_NAME: Final = 1000
# What an engine answers that has kept no result, or shows none to us.
_NONE: Final = frozenset({Code.NOT_FOUND, Code.PERMISSION_DENIED, Code.UNIMPLEMENTED})


async def capabilities(connection: GrpcConnection, instance: str, timeout: float) -> Any:
    """Return what an engine says that it can do, the message `ServerCapabilities`.

    Raises:
        GrpcError: if it does not say.
        RemoteProtocolError: if that cannot be read.
    """
    request = GetCapabilitiesRequest(instance_name=instance).SerializeToString()
    return parsed(ServerCapabilities, await connection.unary(_CAPABILITIES, [request], timeout))


async def kept_result(
    connection: GrpcConnection,
    instance: str,
    action: BlobName,
    outputs: tuple[str, ...],
    timeout: float,
) -> Any:
    """Return the `ExecuteResponse` with a result that was kept; `None` if there is none.

    Args:
        connection: leads to the engine.
        instance: the name of the part of the engine that we use.
        action: its digest; it need not be there.
        outputs: files that should come along with the result.
        timeout: seconds for the answer.

    Raises:
        GrpcError: if the engine does not say.
        RemoteProtocolError: if the answer is none.
    """
    request = GetActionResultRequest(
        instance_name=instance,
        action_digest=action.message(),
        inline_stdout=True,
        inline_stderr=True,
        inline_output_files=outputs,
        digest_function=SHA256,
    )
    try:
        answer = await connection.unary(_KEPT, [request.SerializeToString()], timeout)
    except GrpcError as error:
        if error.code in _NONE:
            return None
        raise
    return ExecuteResponse(result=parsed(ActionResult, answer), cached_result=True)


async def execute(
    connection: GrpcConnection,
    instance: str,
    action: BlobName,
    outputs: tuple[str, ...],
    *,
    skip_cache: bool,
) -> Any:
    """Have an action run, and return its `ExecuteResponse`, which has no fault.

    Args:
        connection: leads to the engine.
        instance: the name of the part of the engine that we use.
        action: its digest; it is there, and so are its inputs.
        outputs: files that should come along with the result.
        skip_cache: whether a result that was kept will not do.

    Raises:
        GrpcError: if it was not run.
        RemoteProtocolError: if the answer is none.
    """
    request = ExecuteRequest(
        instance_name=instance,
        skip_cache_lookup=skip_cache,
        action_digest=action.message(),
        digest_function=SHA256,
        inline_stdout=True,
        inline_stderr=True,
        inline_output_files=outputs,
    )
    call = connection.call(_EXECUTE, [request.SerializeToString()])
    name, is_done, left = "", False, _MOST_NEWS
    try:
        while (message := await call.message()) is not None:
            left -= _PER_NEWS + len(message)
            if left < 0:
                raise RemoteProtocolError("the news of a job have no end")
            news = parsed(Operation, message)
            name = name or news.name[:_LONGEST_NAME]
            if news.done:
                is_done = True
                return _result(news)
        is_done = True
        raise GrpcError(Code.UNAVAILABLE, "the news of a job ends without a result")
    finally:
        call.abandon()
        if name and not is_done and connection.is_open:
            cancel(connection, name)


def cancel(connection: GrpcConnection, name: str) -> None:
    """Cancel a job that nobody waits for: to stop reading of it leaves it running."""
    request = CancelOperationRequest(name=name).SerializeToString()
    asked = Deferred.fromCoroutine(connection.unary(_CANCEL, [request], _CANCELLING))
    asked.addErrback(lambda failure: failure.trap(GrpcError) and None)


def _result(news: Any) -> Any:
    if news.error.code:
        raise GrpcError(Code.of(news.error.code), news.error.message)
    if not news.response.type_url.endswith(".ExecuteResponse"):
        raise RemoteProtocolError("a job has ended without a result")
    response = parsed(ExecuteResponse, news.response.value)
    if response.status.code:
        raise GrpcError(Code.of(response.status.code), response.status.message)
    return response
