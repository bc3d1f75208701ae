"""The two answers that a rule can give.

In: nothing.  Out: `Allowed` and `Refused`; a refusal carries every reason, each a sentence that a person
at the client can act on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from twisted_distcc.errors import EXIT_FAILURE


@dataclass(frozen=True, slots=True)
class Allowed:
    """Nothing speaks against it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not be done, for `reasons`; `exit_code` is what the client is told as the status.

    `trace` is how that came about, for the administrator alone: a client is not told of others' rules.
    """

    reasons: tuple[str, ...]
    exit_code: int = EXIT_FAILURE
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return all reasons as one line."""
        return "; ".join(self.reasons)


Verdict: TypeAlias = Allowed | Refused
"""What is decided about a peer or a request."""

ALLOWED = Allowed()
"""The verdict that nothing speaks against it."""
