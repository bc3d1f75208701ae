"""Check many tokens at once, where a count says how many follow.

`fitting` takes the steps of one round of the count, the ceilings, and tokens with their bytes, and
returns how many of the tokens are valid.  It does not say what is wrong with the next one; `cursor`
does, when it takes that token by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle
from math import inf
from typing import Final, TypeAlias

from twisted_distcc.wire.grammar import Ceiling, Either, Field, Shape, Step
from twisted_distcc.wire.limits import Limits

Token: TypeAlias = tuple[bytes, bytes]
"""A token's name, and all the bytes that it carries."""

# The minimum and maximum length of a token, and the maximum total for all tokens of its name.
_Bounds: TypeAlias = tuple[int, float, float]
_NOT_DUE: Final[_Bounds] = (0, -1, -1)


def fitting(
    tokens: Iterable[Token], each: tuple[Step, ...], limits: Limits, totals: dict[bytes, int]
) -> int:
    """Count the tokens before the first invalid one, and add their lengths to `totals`.

    Args:
        tokens: starting at the beginning of a round.
        each: the steps of a round.
        limits: the ceilings.
        totals: the bytes of all tokens so far, by name.
    """
    count = 0
    bounds = cycle([_bounds(step, limits) for step in each])
    for (token, data), allowed in zip(tokens, bounds, strict=False):
        least, most, together = allowed.get(token, _NOT_DUE)
        length = len(data)
        total = totals.get(token, 0) + length
        if not least <= length <= most or total > together:
            break
        totals[token] = total
        count += 1
    return count


def _bounds(step: Step, limits: Limits) -> Mapping[bytes, _Bounds]:
    """Return the bounds of the tokens allowed at `step`, if they carry bytes."""
    return {
        field.token: (field.least, _most(limits, field.ceiling), _most(limits, field.together))
        for field in _fields(step)
        if field.shape is not Shape.NUMBER
    }


def _fields(step: Step) -> tuple[Field, ...]:
    match step:
        case Field():
            return (step,)
        case Either(fields):
            return fields
        case _:
            return ()


def _most(limits: Limits, ceiling: Ceiling | None) -> float:
    most: int | None = None if ceiling is None else getattr(limits, ceiling)
    return inf if most is None else most
