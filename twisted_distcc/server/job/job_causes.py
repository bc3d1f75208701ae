"""Words for the reasons why a job is not done: few of them, and none that a peer chose."""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_BAD_ARGUMENTS, EXIT_COMPILER_MISSING
from twisted_distcc.policy.verdict import Refused

_REFUSALS: Final[Mapping[int, str]] = MappingProxyType(
    {
        EXIT_ACCESS_DENIED: "policy",
        EXIT_BAD_ARGUMENTS: "command",
        EXIT_COMPILER_MISSING: "compiler",
    }
)
_CAPITAL: Final = re.compile("(?<=[a-z])(?=[A-Z])")


def cause_of_refusal(refusal: Refused) -> str:
    """Return whether the policy, the command or the compiler is the reason."""
    return _REFUSALS.get(refusal.exit_code, "other")


def cause_of_failure(error: Exception) -> str:
    """Return a word for `error`: the system's own, such as `enospc`, or one made of its class."""
    if isinstance(error, OSError) and error.errno is not None:
        return errno.errorcode.get(error.errno, "other").lower()
    return _CAPITAL.sub("-", type(error).__name__.removesuffix("Error")).lower()
