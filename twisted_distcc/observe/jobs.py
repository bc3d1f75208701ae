"""One line for each job.

In: what is known of a job when it is over.  Out: a line of `key=value` pairs that begins with `job`, for
people and for programs.  A value that is not plain is a JSON string, so that nothing that a client sends
can end a line or begin a pair.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Final, Literal, TypeAlias

Verdict: TypeAlias = Literal["done", "refused", "failed", "cancelled"]

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,\[\]-]+")
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job that is over.  A field that is `None` is not known, and left out.

    Attributes:
        peer: who asked.
        verdict: `done` (the compiler ran, whatever it found), `refused` by a rule, `failed` on this
            machine, or `cancelled` because the client went.
        reason: the sentence that the client was sent instead of a result.
        version: of the protocol.
        compiler: the path that ran, or the name that was asked for.
        source: the source's name at the client.
        status: the compiler's exit code, or 128 and the signal.
        received, sent: bytes of source and of object, expanded.
        waited, ran, cpu: seconds in line, compiling, and of processor time.
    """

    peer: str
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

    def line(self) -> str:
        """Give the job's line, without its end."""
        return " ".join(("job", *self._pairs()))

    def _pairs(self) -> Iterator[str]:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                yield f"{field.name}={_shown(value)}"


def _shown(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    text = str(value)[:_LONGEST]
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
