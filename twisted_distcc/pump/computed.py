"""Includes whose names are computed: every name that the definitions of a unit can make.

In: the text behind an `#include`, and a way to find definitions.  Out: the headers' names, each in the
way in which it is looked for.  This module refuses to know in which order a unit defines its macros: so
each definition of each macro is tried with each of the others.

A name that nothing in the unit defines stays as it is, which mostly is no header's name: where that
happens a compiler would stop, so it does not get there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted_distcc.pump.asked import Asked, Kind
from twisted_distcc.pump.macros import expand
from twisted_distcc.pump.model import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from twisted_distcc.pump.macros import Definition

    Lookup = Callable[[bytes], frozenset[Definition | None]]

_MOST_WORLDS = 5_000
"""Ways to choose among definitions that are tried for one include."""

_MOST_REMEMBERED = 2_000

_ANGLED = {Kind.QUOTED: Kind.ANGLED, Kind.QUOTED_LEAF: Kind.ANGLED_LEAF}


class _OpenError(Exception):
    """A macro was met for which no definition was chosen yet."""

    def __init__(self, name: bytes) -> None:
        super().__init__(name)
        self.name = name


class Computed:
    """The names that were computed before, each by the definitions that made it."""

    def __init__(self) -> None:
        self._consulted: dict[bytes, tuple[bytes, ...]] = {}
        self._known: dict[tuple[object, ...], frozenset[bytes]] = {}

    def headers(self, kind: Kind, text: bytes, lookup: Lookup) -> frozenset[Asked]:
        """Give the headers that `text` may name.

        Raises:
            UndecidedError: if that cannot be told.
        """
        names = self._consulted.get(text, ())
        found = self._known.get((text, *((name, lookup(name)) for name in names)))
        if found is None:
            found = self._remember(text, lookup)
        return frozenset(asked for one in found if (asked := _header(kind, one)) is not None)

    def _remember(self, text: bytes, lookup: Lookup) -> frozenset[bytes]:
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
            self._consulted.clear()
        found, names = _all_worlds(text, lookup)
        self._consulted[text] = names
        self._known[text, *((name, lookup(name)) for name in names)] = found
        return found


def _all_worlds(text: bytes, lookup: Lookup) -> tuple[frozenset[bytes], tuple[bytes, ...]]:
    """Expand `text` in every way; give what it became, and all macros that were looked for."""
    found: set[bytes] = set()
    names: set[bytes] = set()
    waiting: list[dict[bytes, Definition | None]] = [{}]
    tried = 0
    while waiting:
        world = waiting.pop()
        tried += 1
        if tried > _MOST_WORLDS:
            raise UndecidedError("the macros of an #include have too many definitions to try")
        try:
            found.add(expand(text, lambda name, world=world: _chosen(name, world)))  # type: ignore[misc]
        except _OpenError as met:
            names.add(met.name)
            choices = lookup(met.name) or {None}
            waiting.extend({**world, met.name: choice} for choice in choices)
    return frozenset(found), tuple(sorted(names))


def _chosen(name: bytes, world: dict[bytes, Definition | None]) -> Definition | None:
    if name not in world:
        raise _OpenError(name)
    return world[name]


def _header(kind: Kind, text: bytes) -> Asked | None:
    if text.startswith(b'"') and (end := text.find(b'"', 1)) > 0:
        return Asked(kind, os.fsdecode(text[1:end]))
    if text.startswith(b"<") and (end := text.find(b">")) > 0:
        return Asked(_ANGLED.get(kind, kind), os.fsdecode(text[1:end]))
    return None
