"""Parse a `#define`: its parameters, and its body in pieces, each with the operators next to it.

`#define CAT(x, y) x ## y` has the parameters `x` and `y`, and two pieces, one on each side of `##`.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from twisted_distcc.pump.lexing import BLANK, tokens_of
from twisted_distcc.pump.macro_tokens import first_solid
from twisted_distcc.pump.unit import UndecidedError


class Definition(NamedTuple):
    """A macro definition; `parameters` is None for an object-like macro."""

    parameters: tuple[bytes, ...] | None
    body: bytes


class Piece(NamedTuple):
    """One token of a macro's body, and the operators next to it."""

    text: bytes
    as_string: bool
    after_paste: bool
    before_paste: bool = False


def parameters_of(listed: bytes) -> tuple[bytes, ...]:
    """Parse what is between the parentheses of a definition."""
    names = [name.strip() for name in listed.split(b",")] if listed.strip() else []
    if names and names[-1].endswith(b"..."):
        names[-1] = (names[-1][:-3].strip() or b"__VA_ARGS__") + b"..."
    return tuple(names)


@lru_cache(maxsize=4096)
def pieces_of(definition: Definition) -> tuple[Piece, ...]:
    """Parse the body of a macro."""
    tokens = tokens_of(definition.body)
    names = {name.removesuffix(b"...") for name in definition.parameters or ()}
    pieces: list[Piece] = []
    place, after_paste = 0, False
    while place < len(tokens):
        text = tokens[place]
        following = first_solid(tokens, place + 1)
        if text in {b"##", b"%:%:"} and pieces and following < len(tokens):
            _mark_paste(pieces, definition)
            place, after_paste = following, True
            continue
        as_string = text in {b"#", b"%:"} and following < len(tokens) and tokens[following] in names
        place = following if as_string else place
        pieces.append(Piece(tokens[place], as_string, after_paste))
        place, after_paste = place + 1, False
    _check_body(definition, pieces)
    return tuple(pieces)


def _mark_paste(pieces: list[Piece], definition: Definition) -> None:
    """Note that the last piece is followed by `##`."""
    while len(pieces) > 1 and pieces[-1].text == BLANK:
        pieces.pop()
    pieces[-1] = pieces[-1]._replace(before_paste=True)


def _check_body(definition: Definition, pieces: list[Piece]) -> None:
    """Check that the body has nothing that compilers treat differently."""
    if any(piece.text == b"__VA_OPT__" for piece in pieces):
        raise UndecidedError("an #include depends on __VA_OPT__")
    last = (definition.parameters or (b"",))[-1]
    if last.endswith(b"...") and any(
        one.text == b"," and one.before_paste and other.text == last[:-3]
        for one, other in pairwise(pieces)
    ):
        raise UndecidedError("an #include depends on a comma before ## and __VA_ARGS__")
