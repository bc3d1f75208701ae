"""Job records: one line of the log for each job.

A `JobRecord` has what is known of a finished job; its `line` begins with `job`, followed by `key=value`
pairs, for people and for programs.  A value that is not plain is written as a JSON string, so that
nothing that a client sends can end a line or begin a pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from twisted_distcc.policy.peer import Peer

Inputs: TypeAlias = Literal["files", "text"]
Verdict: TypeAlias = Literal["done", "refused", "failed", "cancelled"]
Result: TypeAlias = Literal["ok", "error", "crash", "refused", "failed", "cancelled"]

# Exit codes from here on are 128 plus a signal.
_SIGNALLED: Final = 128
_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+,[]-")
_LONGEST: Final = 1000
# The pairs in a line; the rest is for the audit log.
_PAIRS: Final = (
    "peer", "verdict", "version", "inputs", "compiler", "source", "status", "received", "sent",
    "waited", "ran", "cpu", "reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file: the digest of its bytes, in hexadecimal, and its length in bytes."""

    sha256: str
    length: int


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A finished job.  A field that is `None` is unknown, and left out.

    Attributes:
        peer: who sent it.
        verdict: `done` (the compiler ran, whatever it found), `refused` by a rule, `failed` on this
            machine, or `cancelled` because the client disconnected.
        reason: the message that the client was sent instead of a result.
        version: the protocol version.
        compiler: the path that ran, or the name that was asked for.
        source: the source's name at the client.
        status: the compiler's exit code, or 128 plus the signal.
        received, sent: bytes of source and of object, expanded.
        waited, ran, cpu: seconds spent waiting and compiling, and of processor time.
        trace: the outcome of each rule that was tried.
        compiler_sha256: the compiler's digest.
        source_content: the digest and length of the source.
        object_content, dependencies_content: those of the outputs.
        limits: the limits that ended it.
        duration: seconds from its arrival to its end.
        prepared: seconds of `ran` that passed before the compiler was started, to lay out the job's
            files, and to make the sandbox ready.
        cause: a word for the reason, one of few; no client makes up any.
    """

    peer: Peer
    verdict: Verdict
    version: int
    compiler: str
    source: str | None = None
    status: int | None = None
    received: int | None = None
    sent: int | None = None
    waited: float | None = None
    ran: float | None = None
    cpu: float | None = None
    reason: str | None = None
    trace: tuple[str, ...] = ()
    compiler_sha256: str | None = None
    source_content: Content | None = None
    object_content: Content | None = None
    dependencies_content: Content | None = None
    limits: tuple[str, ...] = ()
    inputs: Inputs | None = None
    duration: float | None = None
    prepared: float | None = None
    cause: str = ""

    @property
    def result(self) -> Result:
        """The verdict; of a job that is done, what the compiler made of it: it may have crashed."""
        if self.verdict != "done":
            return self.verdict
        if not self.status:
            return "ok"
        return "crash" if self.status > _SIGNALLED else "error"

    def line(self) -> str:
        """Return the job's line, without a newline."""
        return " ".join(("job", *self._pairs()))

    def _pairs(self) -> Iterator[str]:
        for name in _PAIRS:
            value = getattr(self, name)
            if value is not None:
                yield f"{name}={_shown(value)}"


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    text = str(value)[:_LONGEST]
    return text if text and _PLAIN.issuperset(text) else _quoted(text)


def _quoted(text: str) -> str:
    import json  # rarely wanted, and twistd-stdio starts once per job

    return json.dumps(text)
