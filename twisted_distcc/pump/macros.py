"""Macros, as far as they make the names of headers.

In: definitions, and the text behind an `#include`.  Out: what it becomes.  This module refuses to know
where definitions stand; which of several holds is for its caller to choose.

The rules are those of the C standard (6.10.3): arguments are expanded unless `#` or `##` stands beside
their parameter, the result is scanned again, and no macro is expanded within itself.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from twisted_distcc.pump.model import UndecidedError

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN = re.compile(
    rb'"(?:\\.|[^"\\])*"|[A-Za-z_$\x80-\xff][\w$\x80-\xff]*|\.?[0-9][\w.$]*|##|\s+|.', re.DOTALL
)
_COMMENT = re.compile(rb'("(?:\\.|[^"\\\n])*")|/\*(?s:.*?)\*/|//[^\n]*')
_NAME = re.compile(rb"[A-Za-z_$\x80-\xff]")

_DYNAMIC = frozenset(
    {b"__FILE__", b"__BASE_FILE__", b"__FILE_NAME__", b"__LINE__", b"__COUNTER__"}
    | {b"__INCLUDE_LEVEL__", b"__DATE__", b"__TIME__", b"__TIMESTAMP__", b"__VA_OPT__", b"_Pragma"}
)
"""Macros that have no definition to be found."""

_MOST_TOKENS = 5_000
"""Tokens that one name may take to make."""


class Definition(NamedTuple):
    """What one `#define` says; `parameters` is None if it takes none, not even an empty list."""

    parameters: tuple[bytes, ...] | None
    body: bytes


class _Token(NamedTuple):
    text: bytes
    hidden: frozenset[bytes] = frozenset()


def without_comments(text: bytes) -> bytes:
    """Put a blank in place of each comment."""
    return _COMMENT.sub(lambda found: found[1] or b" ", text) if b"/" in text else text


def parameters_of(listed: bytes) -> tuple[bytes, ...]:
    """Understand what stands between the parentheses of a definition."""
    names = [name.strip() for name in listed.split(b",")] if listed.strip() else []
    if names and names[-1].endswith(b"..."):
        names[-1] = (names[-1][:-3].strip() or b"__VA_ARGS__") + b"..."
    return tuple(names)


def expand(text: bytes, choose: Callable[[bytes], Definition | None]) -> bytes:
    """Expand all macros in `text`; `choose` gives the definition of a name, if it has one.

    Raises:
        UndecidedError: if a macro's value is the compiler's own to know.
    """
    tokens = [_Token(piece) for piece in _TOKEN.findall(without_comments(text))]
    return b"".join(token.text for token in _Expansion(choose).all(tokens)).strip()


class _Expansion:
    def __init__(self, choose: Callable[[bytes], Definition | None]) -> None:
        self._choose = choose
        self._tokens = 0

    def all(self, tokens: list[_Token]) -> list[_Token]:
        """Expand a whole list, as an argument is: nothing comes after it."""
        waiting = tokens[::-1]
        done: list[_Token] = []
        while waiting:
            token = waiting.pop()
            self._count()
            replaced = self._replace(token, waiting)
            if replaced is None:
                done.append(token)
            else:
                waiting.extend(reversed(replaced))
        return done

    def _count(self) -> None:
        self._tokens += 1
        if self._tokens > _MOST_TOKENS:
            raise UndecidedError("the macros of an #include are too many to follow")

    def _replace(self, token: _Token, waiting: list[_Token]) -> list[_Token] | None:
        """Give what one token becomes; its arguments are taken from what is `waiting`."""
        name = token.text
        if name in token.hidden or not _NAME.match(name):
            return None
        if name in _DYNAMIC:
            raise UndecidedError(f"an #include depends on {name.decode('ascii')}")
        definition = self._choose(name)
        if definition is None:
            return None
        if definition.parameters is None:
            return self._substitute(definition, {}, token.hidden | {name})
        arguments = _take_arguments(waiting)
        if arguments is None:
            return None
        bound = _bind(definition.parameters, arguments)
        return self._substitute(definition, bound, token.hidden | {name})

    def _substitute(
        self, definition: Definition, bound: dict[bytes, list[_Token]], hidden: frozenset[bytes]
    ) -> list[_Token]:
        result: list[_Token] = []
        pieces = _TOKEN.findall(without_comments(definition.body).strip())
        place = 0
        while place < len(pieces):
            piece = pieces[place]
            following = _solid(pieces, place + 1)
            if piece == b"##" and result:
                place = _solid(pieces, place + 1)
                right = bound.get(pieces[place], [_Token(pieces[place])]) if place < len(pieces) else []
                _paste(result, right, hidden)
            elif piece == b"#" and following < len(pieces) and pieces[following] in bound:
                result.append(_Token(_string(bound[pieces[following]])))
                place = following
            elif piece in bound:
                beside = following < len(pieces) and pieces[following] == b"##"
                argument = bound[piece] if beside else self.all(bound[piece])
                result += [_Token(t.text, t.hidden | hidden) for t in argument]
            else:
                result.append(_Token(piece, hidden))
            place += 1
        return result


def _solid(pieces: list[bytes], place: int) -> int:
    """The first place from `place` on that is not blank."""
    while place < len(pieces) and pieces[place].isspace():
        place += 1
    return place


def _paste(result: list[_Token], right: list[_Token], hidden: frozenset[bytes]) -> None:
    while result and result[-1].text.isspace():
        result.pop()
    if not result or not right:
        result += right
        return
    left = result.pop()
    glued = _TOKEN.findall(left.text + right[0].text)
    result += [_Token(piece, hidden) for piece in glued]
    result += right[1:]


def _string(argument: list[_Token]) -> bytes:
    text = b"".join(b" " if token.text.isspace() else token.text for token in argument)
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _bind(parameters: tuple[bytes, ...], arguments: list[list[_Token]]) -> dict[bytes, list[_Token]]:
    bound: dict[bytes, list[_Token]] = {}
    for number, name in enumerate(parameters):
        if name.endswith(b"..."):
            rest = arguments[number:]
            bound[name[:-3]] = _joined(rest)
        else:
            bound[name] = arguments[number] if number < len(arguments) else []
    return bound


def _joined(arguments: list[list[_Token]]) -> list[_Token]:
    joined: list[_Token] = []
    for argument in arguments:
        joined += [_Token(b",")] if joined else []
        joined += argument
    return joined


def _take_arguments(waiting: list[_Token]) -> list[list[_Token]] | None:
    """Take a list in parentheses from the end of `waiting`; None, and nothing, if there is none."""
    ahead = len(waiting) - 1
    while ahead >= 0 and waiting[ahead].text.isspace():
        ahead -= 1
    if ahead < 0 or waiting[ahead].text != b"(":
        return None
    arguments: list[list[_Token]] = [[]]
    depth = 0
    for place in range(ahead - 1, -1, -1):
        token = waiting[place]
        if token.text == b")" and not depth:
            del waiting[place:]
            return [_stripped(argument) for argument in arguments]
        depth += {b"(": 1, b")": -1}.get(token.text, 0)
        if token.text == b"," and not depth:
            arguments.append([])
        else:
            arguments[-1].append(token)
    return None


def _stripped(tokens: list[_Token]) -> list[_Token]:
    solid = [number for number, token in enumerate(tokens) if not token.text.isspace()]
    return tokens[solid[0] : solid[-1] + 1] if solid else []
