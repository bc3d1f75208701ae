"""What one file asks for: a name, and the way in which it is looked for.

In: nothing.  Out: values.  This module refuses to know what is found.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Kind(enum.Enum):
    """How a name is looked for.  The contents of a leaf are not looked into."""

    QUOTED = '"'
    ANGLED = "<"
    NEXT = "next"
    """In every folder: which comes next depends on how the asking file was found."""
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
