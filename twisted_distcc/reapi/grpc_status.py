"""How gRPC calls end: a number, and a sentence for people, which a peer chose.

`GrpcError` is what a call that did not succeed raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final
from urllib.parse import unquote_to_bytes

from twisted_distcc.errors import DistccError

_LONGEST: Final = 300


class Code(IntEnum):
    """The statuses of gRPC."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16

    @classmethod
    def of(cls, number: int) -> Code:
        """Return the status of this number; `UNKNOWN` if there is none."""
        return cls(number) if number in _NUMBERS else cls.UNKNOWN


_NUMBERS: Final = frozenset(Code)

# What the status of HTTP means if a proxy answers in place of a gRPC server.
_OF_HTTP: Final = {
    b"400": Code.INTERNAL,
    b"401": Code.UNAUTHENTICATED,
    b"403": Code.PERMISSION_DENIED,
    b"404": Code.UNIMPLEMENTED,
    b"429": Code.UNAVAILABLE,
    b"502": Code.UNAVAILABLE,
    b"503": Code.UNAVAILABLE,
    b"504": Code.UNAVAILABLE,
}


class GrpcError(DistccError):
    """A call did not succeed.

    Attributes:
        code: its status.
        said: what the peer said about it, short and printable.
    """

    def __init__(self, code: Code, said: str) -> None:
        self.code = code
        self.said = printable(said)
        super().__init__(f"{code.name}: {self.said}" if self.said else code.name)


def printable(said: str) -> str:
    """Return a peer's words, short, and without what would confuse a terminal."""
    return "".join(one if one.isprintable() else "?" for one in said[:_LONGEST].strip())


def status_of(headers: Mapping[bytes, bytes]) -> GrpcError | None:
    """Return how a call has failed, by its trailers; `None` if it has succeeded."""
    number = headers.get(b"grpc-status")
    if number is None:
        return GrpcError(Code.UNKNOWN, "the answer has no status")
    code = Code.of(int(number)) if number.isdigit() and len(number) <= 3 else Code.UNKNOWN
    said = unquote_to_bytes(headers.get(b"grpc-message", b"")[: 3 * _LONGEST])
    return None if code is Code.OK else GrpcError(code, said.decode(errors="replace"))


def http_fault(headers: Mapping[bytes, bytes]) -> GrpcError | None:
    """Return what is wrong with the head of an answer; `None` if it is a gRPC server's."""
    status = headers.get(b":status", b"")
    if status != b"200":
        shown = status[:3].decode("ascii", "replace")
        return GrpcError(_OF_HTTP.get(status, Code.UNKNOWN), f"HTTP status {shown}")
    kind = headers.get(b"content-type", b"")
    if not kind.startswith(b"application/grpc"):
        return GrpcError(Code.UNKNOWN, "it is no gRPC server")
    return None
