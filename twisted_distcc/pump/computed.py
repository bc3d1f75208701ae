"""Computed includes: every name that the definitions of a unit can produce.

`Computed.headers` takes the text after an `#include` and a lookup of definitions, and returns what the
text may ask for.  The order in which a unit defines its macros is ignored: each definition of each macro
is tried in combination with each of the others.

A name that nothing in the unit defines stays as it is, which is rarely a header's name: a compiler that
got there would stop with an error, so it does not get there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted_distcc.pump.asked import Asked, Kind
from twisted_distcc.pump.macros import headers

if TYPE_CHECKING:
    from twisted_distcc.pump.macro_bodies import Definition
    from twisted_distcc.pump.macros import Lookup

_MOST_REMEMBERED = 2_000

_MOST_STATES = 8
"""Sets of macros that are cached for one text."""

_ANGLED = {Kind.QUOTED: Kind.ANGLED, Kind.QUOTED_LEAF: Kind.ANGLED_LEAF}


class Computed:
    """A cache of computed names, keyed by the definitions that produced them."""

    def __init__(self) -> None:
        self._met: dict[bytes, tuple[tuple[bytes, ...], ...]] = {}
        self._known: dict[tuple[object, ...], frozenset[Asked]] = {}

    def headers(self, kind: Kind, text: bytes, lookup: Lookup) -> frozenset[Asked]:
        """Return the headers that `text` may name.

        Raises:
            UndecidedError: if that cannot be determined.
        """
        for names in self._met.get(text, ()):
            known = self._known.get((kind, text, *((name, lookup(name)) for name in names)))
            if known is not None:
                return known
        return self._remember(kind, text, lookup)

    def _remember(self, kind: Kind, text: bytes, lookup: Lookup) -> frozenset[Asked]:
        met: dict[bytes, frozenset[Definition | None]] = {}

        def noting(name: bytes) -> frozenset[Definition | None]:
            found = met[name] = lookup(name)
            return found

        found = frozenset(_asked(kind, header) for header in headers(text, noting))
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
            self._met.clear()
        # Newest first: each walk goes through the same few states of its definitions.
        older = [names for names in self._met.get(text, ()) if names != tuple(met)]
        self._met[text] = (tuple(met), *older[:_MOST_STATES])
        self._known[kind, text, *met.items()] = found
        return found


def _asked(kind: Kind, header: bytes) -> Asked:
    by = kind if header.startswith(b'"') else _ANGLED.get(kind, kind)
    return Asked(by, os.fsdecode(header[1:-1]))
