"""Tokens of a macro's expansion, and the operators `#` and `##`.

A token has a hide set: the macros whose expansion it comes from, and which must not expand it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from twisted_distcc.pump.lexing import BLANK, glued
from twisted_distcc.pump.unit import UndecidedError


class Token(NamedTuple):
    text: bytes
    hidden: frozenset[bytes] = frozenset()


Tokens = tuple[Token, ...]
BLANK_TOKEN = Token(BLANK)
PLACEMARKER = Token(b"")
"""An argument without tokens, next to `##`."""


def text_of(tokens: Tokens) -> bytes:
    return b"".join(token.text for token in tokens)


def hiding(tokens: Tokens, hidden: frozenset[bytes]) -> Iterator[Token]:
    return (Token(token.text, token.hidden | hidden) for token in tokens)


def first_solid(tokens: tuple[bytes, ...], place: int) -> int:
    """Return the first index from `place` on that is not blank."""
    while place < len(tokens) and tokens[place] == BLANK:
        place += 1
    return place


def without_end(tokens: Tokens) -> Tokens:
    """Return `tokens` without blanks at the end."""
    solid = stripped(tokens)
    return (BLANK_TOKEN, *solid) if solid and tokens[0].text == BLANK else solid


def stripped(tokens: Tokens) -> Tokens:
    solid = [number for number, token in enumerate(tokens) if token.text != BLANK]
    return tokens[solid[0] : solid[-1] + 1] if solid else ()


def glued_tokens(left: Token, right: Token, hidden: frozenset[bytes]) -> Tokens:
    if not left.text or not right.text:
        return (left if left.text else right,)
    one = glued(left.text, right.text)
    return (left, right) if one is None else (Token(one, hidden),)


_ESCAPED = re.compile(rb'[\\"]')


def string_of(argument: Tokens) -> bytes:
    """Apply `#`: in literals, and nowhere else, it escapes quotes and backslashes.

    In a string in the directive itself clang escapes nothing, as it may be a header's name.
    """
    if any(token.text.startswith(b'"') for token in argument):
        raise UndecidedError("an #include makes a string of a string")
    text = b"".join(
        _ESCAPED.sub(rb"\\\g<0>", token.text) if token.text.startswith(b"'") else token.text
        for token in argument
    )
    if (len(text) - len(text.rstrip(b"\\"))) % 2:
        raise UndecidedError("an #include makes a string that ends in a backslash")
    return b'"' + text + b'"'
