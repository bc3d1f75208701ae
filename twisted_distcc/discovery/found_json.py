"""The servers that were found, as the program that looks around tells them to whoever started it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final

from twisted_distcc.discovery.service_record import Found

MOST: Final = 200
"""The most servers that are believed to be on one network."""
_LARGEST: Final = 512 * 1024


def to_json(found: Iterable[Found]) -> str:
    """Return servers as a JSON array."""
    return json.dumps([asdict(one) for one in found])


def parsed(text: bytes) -> tuple[Found, ...]:
    """Parse what `to_json` returns; nothing if it is something else."""
    if len(text) > _LARGEST:
        return ()
    try:
        return tuple(_parsed(json.loads(text)[:MOST]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return ()


def _parsed(rows: Iterable[Mapping[str, Any]]) -> Iterator[Found]:
    for row in rows:
        yield Found(**row)
