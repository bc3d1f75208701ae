r"""Preprocessing tokens, as far as gcc and clang agree on them in every language.

`tokens_of` splits the text of a macro; where the two compilers, or two standards, would split it in
different ways, it raises `UndecidedError` instead of guessing: `1'000`, `u8"x"`, `\u00e4`, an unclosed
quote.  Runs of white space become one `BLANK`.  Whether a blank survives in a header's name
depends on the compiler, so a `BLANK` in a name stands for a space or for nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from twisted_distcc.pump.unit import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK = b"\x01"
"""A token that stands for any of several words is a number between two of these."""
BLANK = b"\x02"

_IDENTIFIER = rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*"
_OTHER = (
    rb'(?:u8|[uUL])?"(?:\\.|[^"\\\n])*"|' + rb"(?:u8|[uUL])?'(?:\\.|[^'\\\n])*'"
    rb"|[\"'][^\n]*|\x01\d+\x01|" + _IDENTIFIER + rb"|\.?[0-9](?:[eEpP][+-]|[\w.$\x80-\xff])*"
    rb"|%:%:|%:|##|[\s\x02]+|."
)  # fmt: skip
_TOKEN = re.compile(_OTHER, re.DOTALL)
_TOKEN_OR_HEADER = re.compile(rb"<[^>\n]*>|" + _OTHER, re.DOTALL)
_LITERAL = rb'"(?:\\.|[^"\\\n])*"?|' + rb"'(?:\\.|[^'\\\n])*'?"
_ANY_COMMENT = rb"/\*(?s:.*?)\*/|//[^\n]*"
_COMMENT = re.compile(rb"(" + _LITERAL + rb")|" + _ANY_COMMENT)
_COMMENT_OUTSIDE_HEADERS = re.compile(rb"(<[^>\n]*>|" + _LITERAL + rb")|" + _ANY_COMMENT)
_PUNCTUATION = re.compile(rb"""[^\w\s"'$\x00-\x1f\x80-\xff]+""")

# What may be read in two ways: an unclosed quote, a literal's prefix, a sign in a number, and what `\u`
# may spell as well; by itself, or because of what follows.
_DOUBTFUL = re.compile(
    rb""""(?!(?:\\.|[^"\\\n])*"\Z).*|""" + rb"'(?!(?:\\.|[^'\\\n])*'\Z).*|"
    rb"""(?:u8|[uUL])["'].*|\.?[0-9].*[+-].*|[\w.$\x80-\xff]*[$\x80-\xff][\w.$\x80-\xff]*""",
    re.DOTALL,
)
_DOUBTFUL_BEFORE = re.compile(rb"""\\[uU].*|(?:u8|[uUL])?R".*|\.?[0-9][\w.]*'.*""", re.DOTALL)


def without_comments(text: bytes, comment: re.Pattern[bytes] = _COMMENT) -> bytes:
    """Return `text` with a blank in place of each comment."""
    return comment.sub(lambda found: found[1] or b" ", text) if b"/" in text else text


@lru_cache(maxsize=4096)
def tokens_of(text: bytes) -> tuple[bytes, ...]:
    """Split the body of a macro.

    Raises:
        UndecidedError: if there are two ways to do so.
    """
    _check_marks(text)
    return _checked(_TOKEN.findall(text))


def operands_of(text: bytes) -> tuple[tuple[bytes, ...], ...]:
    """Split what follows `#include` or `__has_include(`, in all possible ways.

    After the first token, clang takes `<name>` as one token, in which no comment begins, and gcc as
    several.

    Raises:
        UndecidedError: if it cannot be determined how.
    """
    _check_marks(text)
    ways = [_TOKEN.findall(without_comments(text))]
    if b"<" in text:
        ways.append(_TOKEN_OR_HEADER.findall(without_comments(text, _COMMENT_OUTSIDE_HEADERS)))
    return tuple(_checked(_closed(way)) for way in ways)


def first_of(text: bytes) -> bytes:
    """Return the first token after an `#include`."""
    found = _TOKEN.match(without_comments(text).lstrip())
    return found[0] if found is not None else b""


def glued(left: bytes, right: bytes) -> bytes | None:
    """Return the token that `##` makes of two; None if the result is not a token."""
    text = left + right
    if _PUNCTUATION.fullmatch(text) or (_TOKEN.fullmatch(text) and len(_TOKEN.findall(text)) == 1):
        return _checked([text])[0]
    return None


def is_name(token: bytes) -> bool:
    """Whether `token` can be the name of a macro."""
    return token[:1].isalpha() or token[:1] == b"_"


def _check_marks(text: bytes) -> None:
    if MARK in text or BLANK in text:
        raise UndecidedError("the macros of an #include have control characters")
    if b"\\N{" in text:
        raise UndecidedError("the macros of an #include have names of characters")


def _checked(tokens: Sequence[bytes]) -> tuple[bytes, ...]:
    for token, following in pairwise((*tokens, b"")):
        if _DOUBTFUL.fullmatch(token) or _DOUBTFUL_BEFORE.fullmatch(token + following):
            raise UndecidedError("the macros of an #include may be read in two ways")
    return tuple(BLANK if token[:1].isspace() or token[:1] == BLANK else token for token in tokens)


def _closed(tokens: list[bytes]) -> list[bytes]:
    """Return the tokens up to the closing parenthesis."""
    depth = 0
    for number, token in enumerate(tokens):
        depth += {b"(": 1, b")": -1}.get(token, 0)
        if depth < 0:
            return tokens[:number]
    return tokens
