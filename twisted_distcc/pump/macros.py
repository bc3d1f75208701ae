"""Macros, as far as they make the names of headers.

In: definitions, and the text behind an `#include`.  Out: all that it may become.  This module refuses to
know where definitions stand, and which of several holds: each is tried, at each place anew.

The rules are those of the C standard (6.10.3): arguments are expanded unless `#` or `##` stands beside
their parameter, the result is scanned again, and no macro is expanded within itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from twisted_distcc.pump.model import UndecidedError

_TOKEN = re.compile(
    rb'"(?:\\.|[^"\\])*"|\x01\d+\x01|[A-Za-z_$\x80-\xff][\w$\x80-\xff]*|\.?[0-9][\w.$]*|##|\s+|.',
    re.DOTALL,
)
_COMMENT = re.compile(rb'("(?:\\.|[^"\\\n])*")|/\*(?s:.*?)\*/|//[^\n]*')
_NAME = re.compile(rb"[A-Za-z_$\x80-\xff]")

_DYNAMIC = frozenset(
    {b"__FILE__", b"__BASE_FILE__", b"__FILE_NAME__", b"__LINE__", b"__COUNTER__"}
    | {b"__INCLUDE_LEVEL__", b"__DATE__", b"__TIME__", b"__TIMESTAMP__", b"__VA_OPT__", b"_Pragma"}
)
"""Macros that have no definition to be found."""

# A token that stands for any of several words has a number between these, which no source has.
MARK = b"\x01"
_PLAIN = re.compile(rb"""[^()<>"'#,\\]*""")
_ONE_OF = re.compile(rb"\x01(\d+)\x01")

# BOOST_PP_ARRAY_ELEM(i, (size, (a, b, c))) and BOOST_PP_TUPLE_ELEM([size,] i, (a, b, c))
_ELEMENT_OF = frozenset({b"BOOST_PP_ARRAY_ELEM", b"BOOST_PP_TUPLE_ELEM"})

_MOST_STEPS = 1_000
"""Steps that the expansion of one text may take, in all its ways together."""
_MOST_NAMES = 5_000
"""Names that one text may become."""


class Definition(NamedTuple):
    """What one `#define` says; `parameters` is None if it takes none, not even an empty list."""

    parameters: tuple[bytes, ...] | None
    body: bytes


Lookup = Callable[[bytes], frozenset[Definition | None]]


class _Token(NamedTuple):
    text: bytes
    hidden: frozenset[bytes] = frozenset()


_Tokens = tuple[_Token, ...]


def without_comments(text: bytes) -> bytes:
    """Put a blank in place of each comment."""
    return _COMMENT.sub(lambda found: found[1] or b" ", text) if b"/" in text else text


def parameters_of(listed: bytes) -> tuple[bytes, ...]:
    """Understand what stands between the parentheses of a definition."""
    names = [name.strip() for name in listed.split(b",")] if listed.strip() else []
    if names and names[-1].endswith(b"..."):
        names[-1] = (names[-1][:-3].strip() or b"__VA_ARGS__") + b"..."
    return tuple(names)


def expand(text: bytes, lookup: Lookup) -> frozenset[bytes]:
    """Give all that `text` may become; `lookup` gives the definitions of a name, None for no longer one.

    Raises:
        UndecidedError: if that is too much, or if a macro's value is the compiler's own to know.
    """
    tokens = tuple(_Token(piece) for piece in _TOKEN.findall(without_comments(text).replace(MARK, b"")))
    expansion = _Expansion(lookup)
    return frozenset(
        spelled for way in expansion.all(tokens) for spelled in expansion.spelled(_text(way).strip())
    )


class _Expansion:
    """All ways to expand; of ways that come to the same on their way, one is followed.

    Where the definitions of a macro are several plain words, one token stands for any of them, so that
    a name of two such macros does not take as many steps as there are names.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._steps = 0
        self._known: dict[_Tokens, set[_Tokens]] = {}
        self._words: list[frozenset[bytes]] = []

    def all(self, tokens: _Tokens) -> set[_Tokens]:
        """Expand a whole list, as an argument is: nothing comes after it."""
        if tokens not in self._known:
            self._known[tokens] = self._all(tokens)
        return self._known[tokens]

    def _all(self, tokens: _Tokens) -> set[_Tokens]:
        results: set[_Tokens] = set()
        seen: set[tuple[_Tokens, _Tokens]] = set()
        waiting: list[tuple[_Tokens, _Tokens]] = [((), tokens)]
        while waiting:
            state = waiting.pop()
            if state in seen:
                continue
            seen.add(state)
            self._count()
            done, rest = self._skip(*state)
            if rest:
                waiting += [(done, after) for after in self._replacements(rest)]
            else:
                results.add(done)
        return results

    def _count(self) -> None:
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise UndecidedError("the macros of an #include are too many to follow")

    def _skip(self, done: _Tokens, rest: _Tokens) -> tuple[_Tokens, _Tokens]:
        """Move what stays as it is to what is done."""
        place = 0
        while place < len(rest) and not self._expands(rest, place):
            place += 1
        return done + tuple(map(self._settled, rest[:place])), rest[place:]

    def _settled(self, token: _Token) -> _Token:
        """Forget where a token comes from if nothing depends on it, so that more ways are the same."""
        return token if token.hidden and self._definitions(token.text) else _Token(token.text)

    def _definitions(self, name: bytes) -> frozenset[Definition | None]:
        if not _NAME.match(name):
            return frozenset()
        if name in _DYNAMIC:
            raise UndecidedError(f"an #include depends on {name.decode('ascii')}")
        return self._lookup(name)

    def _expands(self, tokens: _Tokens, place: int) -> bool:
        name, hidden = tokens[place]
        if name.startswith(MARK):
            # One of the words may be a macro that takes arguments: there they are.
            return _take_arguments(tokens[place + 1 :]) is not None
        return name not in hidden and bool(self._definitions(name))

    def _replacements(self, tokens: _Tokens) -> Iterator[_Tokens]:
        """Replace the first token by each of its definitions."""
        first, rest = tokens[0], tokens[1:]
        if first.text.startswith(MARK):
            for word in self.spelled(first.text):
                yield (*map(_Token, _TOKEN.findall(word)), *rest)
            return
        hidden = first.hidden | {first.text}
        if (one := self._one_of(first.text, hidden)) is not None:
            yield (one, *rest)
            return
        for definition in self._definitions(first.text):
            yield from self._replaced(first.text, definition, hidden, rest)

    def _replaced(
        self, name: bytes, definition: Definition | None, hidden: frozenset[bytes], rest: _Tokens
    ) -> Iterator[_Tokens]:
        """Put one definition in the place of `name`."""
        if definition is not None and definition.parameters is None:
            for way in self._substitute(definition, {}, hidden):
                yield (*way, *rest)
            return
        found = _take_arguments(rest) if definition is not None else None
        if definition is None or definition.parameters is None or found is None:
            yield (_Token(name, hidden), *rest)
            return
        arguments, after = found
        if name in _ELEMENT_OF:
            ways = set(self._elements(name, arguments))
        else:
            ways = self._substitute(definition, _bind(definition.parameters, arguments), hidden)
        for way in ways:
            yield (*way, *after)

    def _elements(self, name: bytes, arguments: list[_Tokens]) -> Iterator[_Tokens]:
        """Give what Boost.Preprocessor documents of its macros, which themselves take many steps."""
        for index in self.all(arguments[-2]) if len(arguments) > 1 else ():
            for data in self._tuples(arguments[-1]):
                elements = _elements_of(data)
                if name == b"BOOST_PP_ARRAY_ELEM" and len(elements) > 1:
                    elements = _elements_of(elements[1])
                number = _text(index)
                if number.isdigit() and int(number) < len(elements):
                    yield elements[int(number)]

    def _tuples(self, tokens: _Tokens) -> Iterator[_Tokens]:
        """Expand until there are parentheses, and nothing within: of that, most is not wanted."""
        self._count()
        if len(tokens) != 1 or not self._expands(tokens, 0):
            yield from [tokens] if tokens[:1] and tokens[0].text == b"(" else self.all(tokens)
            return
        name, hidden = tokens[0]
        for definition in self._definitions(name):
            if definition is not None and definition.parameters is None:
                for way in self._substitute(definition, {}, hidden | {name}):
                    yield from self._tuples(_stripped(way))

    def _one_of(self, name: bytes, hidden: frozenset[bytes]) -> _Token | None:
        """Give the token for all that `name` may be, if that is plain words."""
        definitions = self._definitions(name)
        if len(definitions) == 1 or any(d is not None and d.parameters is not None for d in definitions):
            return None
        words = {name} if None in definitions else set()
        for definition in definitions:
            if definition is not None:
                for way in self._substitute(definition, {}, hidden):
                    words.update(map(_text, self.all(way)))
        if not all(map(_PLAIN.fullmatch, words)):
            return None
        self._words.append(frozenset(words))
        return _Token(MARK + b"%d" % (len(self._words) - 1) + MARK)

    def spelled(self, text: bytes) -> set[bytes]:
        """Give `text` with each word that may stand in each place."""
        found: set[bytes] = set()
        waiting = [text]
        while waiting:
            one = waiting.pop()
            place = _ONE_OF.search(one)
            if place is None:
                found.add(one)
                continue
            before, after = one[: place.start()], one[place.end() :]
            waiting += [before + word + after for word in self._words[int(place[1])]]
            if len(found) + len(waiting) > _MOST_NAMES:
                raise UndecidedError("the names that the macros of an #include make are too many")
        return found

    def _substitute(
        self, definition: Definition, bound: dict[bytes, _Tokens], hidden: frozenset[bytes]
    ) -> set[_Tokens]:
        """Put the arguments in their places, in all ways in which they expand."""
        ways: set[_Tokens] = {()}
        pieces = _TOKEN.findall(definition.body)
        place = 0
        while place < len(pieces):
            piece = pieces[place]
            following = _solid(pieces, place + 1)
            if piece == b"##" and following < len(pieces):
                right = bound.get(pieces[following], (_Token(pieces[following], hidden),))
                ways = {way for left in ways for way in self._pasted(left, right, hidden)}
                place = following
            elif piece == b"#" and following < len(pieces) and pieces[following] in bound:
                string = _Token(_string(bound[pieces[following]]))
                ways = {(*way, string) for way in ways}
                place = following
            elif piece in bound:
                beside = following < len(pieces) and pieces[following] == b"##"
                arguments = {bound[piece]} if beside else self.all(bound[piece])
                ways = {(*way, *_hiding(a, hidden)) for way in ways for a in arguments}
            else:
                ways = {(*way, _Token(piece, hidden)) for way in ways}
            place += 1
        return ways

    def _pasted(self, left: _Tokens, right: _Tokens, hidden: frozenset[bytes]) -> Iterator[_Tokens]:
        """Make one token of the last on the left and the first on the right."""
        left = _stripped(left)
        if not left or not right:
            yield left + right
            return
        for glued in self.spelled(left[-1].text + right[0].text):
            pieces = (_Token(piece, hidden) for piece in _TOKEN.findall(glued))
            yield (*left[:-1], *pieces, *right[1:])


def _text(tokens: _Tokens) -> bytes:
    return b"".join(token.text for token in tokens)


def _hiding(tokens: _Tokens, hidden: frozenset[bytes]) -> Iterator[_Token]:
    return (_Token(token.text, token.hidden | hidden) for token in tokens)


def _solid(pieces: list[bytes], place: int) -> int:
    """The first place from `place` on that is not blank."""
    while place < len(pieces) and pieces[place].isspace():
        place += 1
    return place


def _string(argument: _Tokens) -> bytes:
    text = b"".join(b" " if token.text.isspace() else token.text for token in argument)
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _bind(parameters: tuple[bytes, ...], arguments: list[_Tokens]) -> dict[bytes, _Tokens]:
    bound: dict[bytes, _Tokens] = {}
    for number, name in enumerate(parameters):
        if name.endswith(b"..."):
            bound[name[:-3]] = _joined(arguments[number:])
        else:
            bound[name] = arguments[number] if number < len(arguments) else ()
    return bound


def _joined(arguments: list[_Tokens]) -> _Tokens:
    joined: list[_Token] = []
    for argument in arguments:
        joined += [_Token(b",")] if joined else []
        joined += argument
    return tuple(joined)


def _elements_of(data: _Tokens) -> list[_Tokens]:
    found = _take_arguments(data)
    return found[0] if found is not None else []


def _take_arguments(tokens: _Tokens) -> tuple[list[_Tokens], _Tokens] | None:
    """Part the list in parentheses that `tokens` begin with from what follows, if there is one."""
    place = 0
    while place < len(tokens) and tokens[place].text.isspace():
        place += 1
    if place == len(tokens) or tokens[place].text != b"(":
        return None
    arguments: list[list[_Token]] = [[]]
    depth = 0
    for number in range(place + 1, len(tokens)):
        token = tokens[number]
        if token.text == b")" and not depth:
            return [_stripped(tuple(argument)) for argument in arguments], tokens[number + 1 :]
        depth += {b"(": 1, b")": -1}.get(token.text, 0)
        if token.text == b"," and not depth:
            arguments.append([])
        else:
            arguments[-1].append(token)
    return None


def _stripped(tokens: _Tokens) -> _Tokens:
    solid = [number for number, token in enumerate(tokens) if not token.text.isspace()]
    return tokens[solid[0] : solid[-1] + 1] if solid else ()
