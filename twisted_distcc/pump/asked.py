"""A file that the text of another asks for: its name, and how it is looked up."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Kind(enum.Enum):
    """How a name is looked up.  The contents of a leaf are not scanned."""

    # Enum's own is a call of Python's, and each unit needs it a hundred times.
    __hash__ = object.__hash__

    QUOTED = '"'
    ANGLED = "<"
    NEXT = "next"
    """In every folder: which one is next depends on how the including file was found."""
    ASSEMBLER = "as"
    QUOTED_LEAF = '" leaf'
    ANGLED_LEAF = "< leaf"
    NEXT_LEAF = "next leaf"
    ASSEMBLER_LEAF = "as leaf"


class Asked(NamedTuple):
    """One file that is asked for."""

    kind: Kind
    name: str


LEAVES = frozenset({Kind.QUOTED_LEAF, Kind.ANGLED_LEAF, Kind.NEXT_LEAF, Kind.ASSEMBLER_LEAF})
