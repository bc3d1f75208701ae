r"""Macro expansion, as far as it produces the names of headers.

`headers` takes the text after an `#include` and a lookup of definitions, and returns all headers that it
may name.  Which of several definitions is in force is not known: each is tried, at each place anew.
For example,

    #define TEXT_OF(x) #x
    #define STRING(x) TEXT_OF(x)
    #include STRING(dir\NAME.h)

names `dir\a.h` given `#define NAME a`, and `dir\NAME.h` as long as nothing has defined `NAME`.

The rules are those of the C standard (6.10.3): arguments are expanded unless `#` or `##` is next to the
parameter, the result is scanned again, and no macro is expanded within itself.  Where compilers differ,
either both ways are followed or none: the result is certain to be right, or undecided.  It is assumed
that no file has a name like `dir/CALLED(x).h`, with the call of a macro that is not yet defined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import product

from twisted_distcc.pump.header_names import header_of, may_become_header
from twisted_distcc.pump.lexing import BLANK, MARK, first_of, is_name, operands_of, tokens_of
from twisted_distcc.pump.macro_bodies import Definition, Piece, pieces_of
from twisted_distcc.pump.macro_bounds import Bounds
from twisted_distcc.pump.macro_calls import Call, bound_to, call_in, elements_of
from twisted_distcc.pump.macro_tokens import (
    PLACEMARKER,
    Token,
    Tokens,
    glued_tokens,
    hiding,
    string_of,
    stripped,
    text_of,
)
from twisted_distcc.pump.unit import UndecidedError
from twisted_distcc.pump.word_choices import WordChoices

_DYNAMIC = frozenset(
    {b"__FILE__", b"__BASE_FILE__", b"__FILE_NAME__", b"__LINE__", b"__COUNTER__", b"__INCLUDE_LEVEL__"}
    | {b"__DATE__", b"__TIME__", b"__TIMESTAMP__", b"__VA_OPT__", b"_Pragma", b"__pragma"}
    | {b"__identifier", b"__building_module", b"__MODULE__"}
)
"""Macros without a definition that could be found."""
_PERHAPS_DYNAMIC = re.compile(rb"__(?:has|is)_\w+|__\w+__")
"""Names to which the compiler may give a meaning of its own."""

_PLAIN = re.compile(rb"""[^()<>"'#,\\]*""")

# BOOST_PP_ARRAY_ELEM(i, (size, (a, b, c))) and BOOST_PP_TUPLE_ELEM([size,] i, (a, b, c))
_ELEMENT_OF = frozenset({b"BOOST_PP_ARRAY_ELEM", b"BOOST_PP_TUPLE_ELEM"})


Lookup = Callable[[bytes], frozenset[Definition | None]]
"""Returns the definitions that a name may have; None means that it may be undefined."""


def headers(text: bytes, lookup: Lookup) -> frozenset[bytes]:
    """Return all headers, in their quotes or brackets, that `text` may name.

    Raises:
        UndecidedError: if there are too many, or if that depends on what only the compiler knows.
    """
    expansion = _Expansion(lookup)
    if expansion.is_plain(first_of(text)):  # an error, or words in a comment
        return frozenset()
    return frozenset(
        header
        for operand in operands_of(text)
        for header in expansion.headers(tuple(map(Token, operand)))
    )


class _Expansion:
    """All ways to expand a text; of ways that reach the same state, only one is followed.

    Where the definitions of a macro are several plain words, one token stands for any of them, so that
    a name of two such macros does not take as many steps as there are names.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._bounds = Bounds()
        self._known: dict[Tokens, set[Tokens]] = {}
        self._words = WordChoices()

    def is_plain(self, token: bytes) -> bool:
        """Whether `token` is not the name of a macro."""
        return is_name(token) and not self._definitions(token)

    def headers(self, tokens: Tokens) -> Iterator[bytes]:
        """Yield the headers that a whole directive may name."""
        for done in self._finished(tokens, may_become_header):
            if header := header_of(done):
                yield from self._words.spelled(header)

    def _all(self, tokens: Tokens) -> set[Tokens]:
        """Expand a complete list, as for an argument: nothing follows it."""
        if tokens not in self._known:
            with self._bounds.nesting():
                self._known[tokens] = set(self._finished(tokens))
        return self._known[tokens]

    def _finished(
        self, tokens: Tokens, goes_on: Callable[[Tokens], bool] = lambda done: True
    ) -> Iterator[Tokens]:
        seen: set[tuple[Tokens, Tokens]] = set()
        waiting: list[tuple[Tokens, Tokens]] = [((), tokens)]
        while waiting:
            state = waiting.pop()
            if state in seen:
                continue
            seen.add(state)
            self._bounds.count()
            self._bounds.handle(*state)
            done, rest = self._skip(*state)
            if rest and goes_on(done):
                waiting += self._next(done, rest)
            else:
                yield done

    def _skip(self, done: Tokens, rest: Tokens) -> tuple[Tokens, Tokens]:
        """Move tokens that cannot be expanded from `rest` to `done`."""
        place = 0
        while place < len(rest) and not self._may_expand(rest[place]):
            place += 1
        return done + tuple(map(self._settled, rest[:place])), rest[place:]

    def _settled(self, token: Token) -> Token:
        """Drop a token's hide set if nothing depends on it, so that more ways become the same."""
        return token if token.hidden and self._definitions(token.text) else Token(token.text)

    def _definitions(self, name: bytes) -> frozenset[Definition | None]:
        if not is_name(name):
            return frozenset()
        if name in _DYNAMIC:
            raise UndecidedError(f"an #include depends on {name.decode('ascii')}")
        found = self._lookup(name)
        if not found and _PERHAPS_DYNAMIC.fullmatch(name):
            raise UndecidedError(f"an #include may depend on {name.decode('ascii')}")
        return found

    def _may_expand(self, token: Token) -> bool:
        return token.text not in token.hidden and bool(self._definitions(token.text))

    def _next(self, done: Tokens, rest: Tokens) -> Iterator[tuple[Tokens, Tokens]]:
        """Yield the states after replacing the first token of `rest` by each of its definitions."""
        (name, hidden), rest = rest[0], rest[1:]
        inner = hidden | {name}
        if (one := self._one_of(name, inner)) is not None:
            yield (*done, one), rest
            return
        definitions = self._definitions(name)
        call = (
            call_in(rest)
            if any(d is not None and d.parameters is not None for d in definitions)
            else None
        )
        for definition in definitions:
            if definition is not None and definition.parameters is None:
                for way in self._substitute(definition, {}, inner):
                    yield done, way + rest
            elif call is None:
                yield (*done, Token(name, inner if definition is None else hidden)), rest
            elif definition is not None:  # a call of what is no macro is no part of a name
                for way in self._called(name, definition, hidden, call):
                    yield done, way + call.after

    def _called(
        self, name: bytes, definition: Definition, hidden: frozenset[bytes], call: Call
    ) -> set[Tokens]:
        bound = bound_to(definition, call.arguments)
        if bound is None:  # an error, which ends the compile
            return set()
        if name in _ELEMENT_OF:
            return set(self._elements(name, [stripped(argument) for argument in call.arguments]))
        # Where a call is closed outside of what its name comes from, may that be expanded again?
        ways = {hidden | {name}, (hidden & call.hidden) | {name}}
        return {way for inner in ways for way in self._substitute(definition, bound, inner)}

    def _elements(self, name: bytes, arguments: list[Tokens]) -> Iterator[Tokens]:
        """Expand Boost.Preprocessor's macros as documented: their definitions take many steps."""
        for index in self._all(arguments[-2]) if len(arguments) > 1 else ():
            for data in self._tuples(arguments[-1]):
                elements = elements_of(data)
                if name == b"BOOST_PP_ARRAY_ELEM" and len(elements) > 1:
                    elements = elements_of(elements[1])
                number = text_of(index)
                if number.isdigit() and int(number) < len(elements):
                    yield elements[int(number)]

    def _tuples(self, tokens: Tokens) -> Iterator[Tokens]:
        """Expand until there are parentheses, but nothing inside them, most of which is not needed."""
        self._bounds.count()
        if len(tokens) != 1 or not self._may_expand(tokens[0]):
            yield from [tokens] if tokens[:1] and tokens[0].text == b"(" else self._all(tokens)
            return
        name, hidden = tokens[0]
        for definition in self._definitions(name):
            if definition is not None and definition.parameters is None:
                for way in self._substitute(definition, {}, hidden | {name}):
                    with self._bounds.nesting():
                        yield from self._tuples(stripped(way))

    def _one_of(self, name: bytes, hidden: frozenset[bytes]) -> Token | None:
        """Return one token for everything that `name` may be, if that is plain words."""
        definitions = self._definitions(name)
        if len(definitions) == 1 or any(d is not None and d.parameters is not None for d in definitions):
            return None
        words = {name} if None in definitions else set()
        for definition in definitions:
            if definition is not None:
                for way in self._substitute(definition, {}, hidden):
                    for done in self._all(way):
                        if any(self._may_expand_later(done, place) for place in range(len(done))):
                            return None
                        words.add(text_of(done))
        if not all(word.strip(BLANK) and _PLAIN.fullmatch(word) for word in words):
            return None
        return Token(self._words.add(words))

    def _may_expand_later(self, tokens: Tokens, place: int) -> bool:
        definitions = self._definitions(tokens[place].text) - {None}
        is_last = not stripped(tokens[place + 1 :])
        return bool(definitions) and (is_last or any(d and d.parameters is None for d in definitions))

    # The bodies of macros

    def _substitute(
        self, definition: Definition, bound: dict[bytes, Tokens], hidden: frozenset[bytes]
    ) -> set[Tokens]:
        """Substitute the arguments, in all the ways in which they expand."""
        ways: set[Tokens] = {()}
        for piece in pieces_of(definition):
            choices = self._choices(piece, bound, hidden)
            self._bounds.count(len(ways) * len(choices) - 1)
            if piece.after_paste:
                ways = {
                    way
                    for left in ways
                    for right in choices
                    for way in self._pasted(left, right, hidden)
                }
            else:
                ways = {way + choice for way in ways for choice in choices}
            self._bounds.handle(*ways)
        return {tuple(token for token in way if token.text) for way in ways}

    def _choices(
        self, piece: Piece, bound: dict[bytes, Tokens], hidden: frozenset[bytes]
    ) -> Sequence[Tokens]:
        """Return what one piece of a body may become."""
        argument = bound.get(piece.text)
        if argument is None:
            return [(Token(piece.text, hidden),)]
        if piece.as_string:
            return [(Token(string_of(stripped(argument))),)]
        if piece.after_paste or piece.before_paste:
            return [tuple(hiding(stripped(argument), hidden)) or (PLACEMARKER,)]
        # gcc keeps the blank in front of an argument when it makes a name in brackets; clang does not.
        return [tuple(hiding(way, hidden)) for way in self._all(argument)]

    def _pasted(self, left: Tokens, right: Tokens, hidden: frozenset[bytes]) -> Iterator[Tokens]:
        """Paste the last token on the left and the first on the right."""
        for one, other in product(self._spellings(left[-1]), self._spellings(right[0])):
            middle = glued_tokens(one[-1], other[0], hidden)
            yield (*left[:-1], *one[:-1], *middle, *other[1:], *right[1:])

    def _spellings(self, token: Token) -> Iterator[Tokens]:
        if not token.text.startswith(MARK):
            yield (token,)
            return
        for word in self._words.each_in(token.text):
            yield tuple(map(Token, tokens_of(word.replace(BLANK, b" ")))) or (PLACEMARKER,)
