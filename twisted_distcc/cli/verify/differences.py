"""Compare two runs of one compile: their files, messages and exit statuses.

`differences` returns a sentence for each thing that differs.  This module is pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest

from twisted_distcc.cli.verify.sections import differing_sections

_LONGEST_LINE = 200


@dataclass(frozen=True, slots=True)
class Ran:
    """A finished compile.

    Attributes:
        status: its exit status; a negative number is the signal that killed it.
        left: what it wrote, by kind: `object`, `dependency file`, `standard error` ...; a file that it
        did
            not write is missing here.
    """

    status: int
    left: Mapping[str, bytes]


def differences(here: Ran, there: Ran) -> dict[str, str]:
    """Describe how each thing differs, by kind; empty if nothing differs."""
    found = {}
    if here.status != there.status:
        found["exit status"] = f"{here.status} here, {there.status} there"
    for what in {**here.left, **there.left}:
        one, other = here.left.get(what), there.left.get(what)
        if one != other:
            found[what] = _difference(what, one, other)
    return found


def _difference(what: str, here: bytes | None, there: bytes | None) -> str:
    if here is None or there is None:
        return f"only {'there' if here is None else 'here'}"
    if what == "object" and (sections := differing_sections(here, there)):
        return " ".join(sections)
    if b"\0" in here + there:
        return f"byte {_first_byte(here, there)} on"
    return _first_line(here, there)


def _first_byte(here: bytes, there: bytes) -> int:
    pairs = zip_longest(here, there)
    return next(number for number, (one, other) in enumerate(pairs) if one != other)


def _first_line(here: bytes, there: bytes) -> str:
    pairs = zip_longest(here.splitlines(keepends=True), there.splitlines(keepends=True))
    number, (one, other) = next(item for item in enumerate(pairs, 1) if item[1][0] != item[1][1])
    return f"line {number} is {_shown(one)} here, {_shown(other)} there"


def _shown(line: bytes | None) -> str:
    return "missing" if line is None else repr(line.decode(errors="replace")[:_LONGEST_LINE])
