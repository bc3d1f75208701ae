"""What a connection costs of the reactor's time (see `time_shares`), in bytes of small tokens.

Each token costs so much; so many bytes that are only copied, or that a body expands to, are as one.
"""

from __future__ import annotations

from typing import Final

from twisted_distcc.jobs.compression import largest_in_memory
from twisted_distcc.jobs.model import Request

_TOKEN: Final = 16
_BULK: Final = 64
_WORD: Final = 64

ENTRY: Final = 1024
"""A connection that is let in."""
REQUEST: Final = 2 * 1024
"""A whole request, or its refusal, beside its words."""


def of_bytes(count: int) -> int:
    """Return the cost of so many bytes that are read or written."""
    return 1 + count // _BULK


def of_tokens(count: int) -> int:
    """Return the cost of so many tokens, beside that of their bytes."""
    return _TOKEN * count


def of_request(request: Request) -> int:
    """Return the cost of what is done on the spot: it is judged, and expanded if it is small."""
    return REQUEST + _WORD * len(request.arguments) + largest_in_memory(request) // _BULK
