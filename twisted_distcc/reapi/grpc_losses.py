"""What it means for gRPC calls that their stream was reset, or their connection lost."""

from __future__ import annotations

from typing import Final

from h2.errors import ErrorCodes
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from twisted_distcc.reapi.grpc_status import Code, GrpcError

_OF_RESETS: Final[dict[int | None, Code]] = {
    ErrorCodes.REFUSED_STREAM: Code.UNAVAILABLE,
    ErrorCodes.NO_ERROR: Code.UNAVAILABLE,
    ErrorCodes.CANCEL: Code.CANCELLED,
    ErrorCodes.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
}


def reset_fault(number: int | None) -> GrpcError:
    """Return the fault of a call whose stream was reset with an error of HTTP/2."""
    return GrpcError(_OF_RESETS.get(number, Code.INTERNAL), "it has reset the stream")


def loss_fault(reason: Failure) -> GrpcError:
    """Return the fault of the calls on a connection; where TLS fails once, it fails at all times."""
    if reason.check(ConnectionDone, ConnectionLost, ConnectionAborted):
        return GrpcError(Code.UNAVAILABLE, "the connection is lost")
    # OpenSSL takes long to be imported.
    from service_identity import VerificationError

    from twisted_distcc.tls.faults import what_it_says
    from twisted_distcc.tls.handshake import openssl_errors

    if reason.check(VerificationError):
        return GrpcError(Code.UNAUTHENTICATED, "its certificate has another name")
    errors = openssl_errors(reason)
    if errors is None:
        return GrpcError(Code.UNAVAILABLE, f"the connection is lost: {reason.getErrorMessage()}")
    return GrpcError(Code.UNAUTHENTICATED, what_it_says(errors) or f"TLS fails: {_tls_fault(errors)}")


def _tls_fault(errors: object) -> str:
    from twisted_distcc.tls.faults import is_no_tls

    if is_no_tls(errors):
        return "it does not speak TLS"
    return str(errors[-1][-1]) if isinstance(errors, list) and errors else str(errors)
