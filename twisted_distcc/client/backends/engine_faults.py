"""What an engine's faults mean for a compile: whether to ask again, and which `HostError` they are."""

from __future__ import annotations

from typing import Final

from twisted_distcc.client.backends.host_faults import (
    BadReplyError,
    CannotConnectError,
    HostError,
    LackingHostError,
    RefusedByHostError,
    Scope,
    SlowHostError,
    UntrustedError,
)
from twisted_distcc.errors import DistccError, RemoteProtocolError
from twisted_distcc.reapi.folder_changes import PartialFolderError
from twisted_distcc.reapi.grpc_status import Code, GrpcError

# After these, an engine that is asked again will say the same.
_FINAL: Final = frozenset(
    {
        Code.CANCELLED,
        Code.DEADLINE_EXCEEDED,
        Code.PERMISSION_DENIED,
        Code.UNAUTHENTICATED,
        Code.UNIMPLEMENTED,
    }
)
_BUSY: Final = frozenset({Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED})
# These are about what one job is.
_OF_JOB: Final = frozenset(
    {Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION, Code.OUT_OF_RANGE, Code.ABORTED}
)


class NotStoredError(GrpcError):
    """An engine does not take what a job needs, which says nothing of what it runs."""


def is_worth_another_try(error: DistccError) -> bool:
    """Whether the same job may be served if everything is sent again."""
    return isinstance(error, GrpcError) and error.code not in _FINAL


def is_busy(error: DistccError) -> bool:
    """Whether the engine may serve the same job a little later."""
    return isinstance(error, GrpcError) and error.code in _BUSY


def is_of_job(error: GrpcError) -> bool:
    """Whether an engine may say so of a job whose program it does not have."""
    if isinstance(error, NotStoredError):
        return False
    return error.code in _OF_JOB or error.code in (Code.INTERNAL, Code.UNKNOWN, Code.NOT_FOUND)


def host_error(error: GrpcError | RemoteProtocolError) -> HostError:
    """Return what `error` of an engine is as that of a host."""
    if isinstance(error, PartialFolderError):
        return LackingHostError("does not return all that a command makes")
    if isinstance(error, RemoteProtocolError):
        return BadReplyError(f"sent a bad reply: {error}")
    match error.code:
        case Code.UNAVAILABLE:
            return CannotConnectError(f"is not available: {error.said}")
        case Code.DEADLINE_EXCEEDED:
            return SlowHostError(f"is too slow: {error.said}")
        case Code.UNAUTHENTICATED | Code.PERMISSION_DENIED:
            return UntrustedError(f"does not let us in ({error})")
        case code:
            refusal = RefusedByHostError(f"answered: {error}")
            refusal.scope = Scope.JOB if code in _OF_JOB else Scope.HOST
            return refusal
