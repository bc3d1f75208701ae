"""Compare the objects of two builds, byte for byte.

Both builds must have been made at the same path, as objects may contain it.
"""

from __future__ import annotations

import filecmp
from dataclasses import dataclass

from twisted_distcc.cli.demo.project import Build


@dataclass(frozen=True, slots=True)
class Comparison:
    """The names of objects, relative to their trees; `missing` are those that only one build has."""

    same: frozenset[str]
    different: frozenset[str]
    missing: frozenset[str]


def compare(one: Build, other: Build) -> Comparison:
    """Compare every object that either build has."""
    both = one.objects & other.objects
    same = {name for name in both if filecmp.cmp(one.tree / name, other.tree / name, shallow=False)}
    return Comparison(frozenset(same), both - same, one.objects ^ other.objects)
