"""The two possible verdicts of a rule.

They are `Allowed` and `Refused`; a refusal has all its reasons, each a sentence that the user at the
client can act on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from twisted_distcc.errors import EXIT_FAILURE


@dataclass(frozen=True, slots=True)
class Allowed:
    """There is no objection."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It is refused, for `reasons`; the client gets `exit_code` as the status.

    `trace` is how that came about, only for the administrator: a client must not learn of others' rules.
    """

    reasons: tuple[str, ...]
    exit_code: int = EXIT_FAILURE
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return all reasons as one line."""
        return "; ".join(self.reasons)


Verdict: TypeAlias = Allowed | Refused
"""The verdict on a peer or a request."""

ALLOWED = Allowed()
"""The verdict without objections."""
