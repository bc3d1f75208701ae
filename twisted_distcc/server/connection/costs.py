"""The reactor time that a connection costs (see `time_shares`), in units of one byte of small tokens.

Each token has a fixed cost; many bytes that are only copied, or that a body expands to, cost one unit.
"""

from __future__ import annotations

from typing import Final

from twisted_distcc.jobs.compression import largest_in_memory
from twisted_distcc.jobs.model import Request

_TOKEN: Final = 16
_BULK: Final = 64
_WORD: Final = 64

ENTRY: Final = 1024
"""Accepting a connection."""
REQUEST: Final = 2 * 1024
"""A whole request, or its refusal, in addition to its words."""


def of_bytes(count: int) -> int:
    """Return the cost of reading or writing `count` bytes."""
    return 1 + count // _BULK


def of_tokens(count: int) -> int:
    """Return the cost of `count` tokens, in addition to that of their bytes."""
    return _TOKEN * count


def of_request(request: Request) -> int:
    """Return the cost of what is done at once: judging a request, and expanding it if it is small."""
    return REQUEST + _WORD * len(request.arguments) + largest_in_memory(request) // _BULK
