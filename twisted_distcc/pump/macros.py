r"""Macros, as far as they make the names of headers.

In: definitions, and the text behind an `#include`.  Out: all headers that it may name.  Where
definitions stand, and which of several holds, is not known here: each is tried, at each place anew.
For example,

    #define TEXT_OF(x) #x
    #define STRING(x) TEXT_OF(x)
    #include STRING(dir\NAME.h)

names `dir\a.h` for `#define NAME a`, and `dir\NAME.h` as long as nothing has defined `NAME`.

The rules are those of the C standard (6.10.3): arguments are expanded unless `#` or `##` stands beside
their parameter, the result is scanned again, and no macro is expanded within itself.  Where compilers
differ, either both ways are followed or none: the result is surely right, or undecided.  It is taken for
granted that no file has a name like `dir/CALLED(x).h`, with the call of a macro that is not yet defined.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import pairwise, product
from typing import NamedTuple

from twisted_distcc.pump.lexing import BLANK, MARK, first_of, glued, is_name, operands_of, tokens_of
from twisted_distcc.pump.unit import UndecidedError

_DYNAMIC = frozenset(
    {b"__FILE__", b"__BASE_FILE__", b"__FILE_NAME__", b"__LINE__", b"__COUNTER__", b"__INCLUDE_LEVEL__"}
    | {b"__DATE__", b"__TIME__", b"__TIMESTAMP__", b"__VA_OPT__", b"_Pragma", b"__pragma"}
    | {b"__identifier", b"__building_module", b"__MODULE__"}
)
"""Macros that have no definition to be found."""
_PERHAPS_DYNAMIC = re.compile(rb"__(?:has|is)_\w+|__\w+__")
"""Names that the compiler may give a meaning of its own."""

_PLAIN = re.compile(rb"""[^()<>"'#,\\]*""")
_ONE_OF = re.compile(rb"\x01(\d+)\x01")

# In `<a->` and the like, one compiler may see another token than `>`.
_AMBIGUOUS_BRACKETS = re.compile(rb"(?s)<[<:%=].*|<.*[->]>?|<.*>[>=]")

# BOOST_PP_ARRAY_ELEM(i, (size, (a, b, c))) and BOOST_PP_TUPLE_ELEM([size,] i, (a, b, c))
_ELEMENT_OF = frozenset({b"BOOST_PP_ARRAY_ELEM", b"BOOST_PP_TUPLE_ELEM"})

_MOST_STEPS = 2_000
"""Steps that the expansion of one text may take, in all its ways together."""
_MOST_HANDLED = 500_000
"""Bytes that these steps may handle: `#define D(x) x x` doubles a text with each `D` around it."""
_MOST_NAMES = 5_000
"""Names that one text may become."""
_MOST_NESTED = 40
"""Arguments within arguments."""
_MOST_BLANKS = 6
"""Blanks in one name; each may be there, or not."""


class Definition(NamedTuple):
    """What one `#define` says; `parameters` is None if it takes none, not even an empty list."""

    parameters: tuple[bytes, ...] | None
    body: bytes


Lookup = Callable[[bytes], frozenset[Definition | None]]
"""Returns the definitions that a name may have; None stands for having none."""


class _Token(NamedTuple):
    text: bytes
    hidden: frozenset[bytes] = frozenset()


_Tokens = tuple[_Token, ...]
_BLANK = _Token(BLANK)
_PLACEMARKER = _Token(b"")
"""An argument without tokens, beside `##`."""


class _Piece(NamedTuple):
    """One token of a macro's body, and which operators stand beside it."""

    text: bytes
    as_string: bool
    after_paste: bool
    before_paste: bool = False


def parameters_of(listed: bytes) -> tuple[bytes, ...]:
    """Understand what stands between the parentheses of a definition."""
    names = [name.strip() for name in listed.split(b",")] if listed.strip() else []
    if names and names[-1].endswith(b"..."):
        names[-1] = (names[-1][:-3].strip() or b"__VA_ARGS__") + b"..."
    return tuple(names)


def headers(text: bytes, lookup: Lookup) -> frozenset[bytes]:
    """Return all headers, in their quotes or brackets, that `text` may name.

    Raises:
        UndecidedError: if they are too many, or if that depends on what only the compiler knows.
    """
    expansion = _Expansion(lookup)
    if expansion.is_plain(first_of(text)):  # an error, or words in a comment
        return frozenset()
    return frozenset(
        header
        for operand in operands_of(text)
        for header in expansion.headers(tuple(map(_Token, operand)))
    )


class _Expansion:
    """All ways to expand; of ways that come to the same on their way, one is followed.

    Where the definitions of a macro are several plain words, one token stands for any of them, so that
    a name of two such macros does not take as many steps as there are names.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._steps = 0
        self._handled = 0
        self._nested = 0
        self._known: dict[_Tokens, set[_Tokens]] = {}
        self._words: list[frozenset[bytes]] = []

    def is_plain(self, token: bytes) -> bool:
        """Tell whether this is the name of no macro."""
        return is_name(token) and not self._definitions(token)

    def headers(self, tokens: _Tokens) -> Iterator[bytes]:
        """Give the headers that a whole directive may name."""
        for done in self._finished(tokens, _may_become_header):
            if header := _header_of(done):
                yield from self._spelled(header)

    def _all(self, tokens: _Tokens) -> set[_Tokens]:
        """Expand a whole list, as an argument is: nothing comes after it."""
        if tokens not in self._known:
            with self._nesting():
                self._known[tokens] = set(self._finished(tokens))
        return self._known[tokens]

    @contextmanager
    def _nesting(self) -> Iterator[None]:
        self._nested += 1
        if self._nested > _MOST_NESTED:
            raise UndecidedError("the macros of an #include are nested too deeply")
        yield
        self._nested -= 1

    def _finished(
        self, tokens: _Tokens, goes_on: Callable[[_Tokens], bool] = lambda done: True
    ) -> Iterator[_Tokens]:
        seen: set[tuple[_Tokens, _Tokens]] = set()
        waiting: list[tuple[_Tokens, _Tokens]] = [((), tokens)]
        while waiting:
            state = waiting.pop()
            if state in seen:
                continue
            seen.add(state)
            self._count()
            self._handle(*state)
            done, rest = self._skip(*state)
            if rest and goes_on(done):
                waiting += self._next(done, rest)
            else:
                yield done

    def _count(self, steps: int = 1) -> None:
        self._steps += steps
        if self._steps > _MOST_STEPS:
            raise UndecidedError("the macros of an #include are too many to follow")

    def _handle(self, *texts: _Tokens) -> None:
        self._handled += sum(len(token.text) + 1 for tokens in texts for token in tokens)
        if self._handled > _MOST_HANDLED:
            raise UndecidedError("the macros of an #include make too long a text")

    def _skip(self, done: _Tokens, rest: _Tokens) -> tuple[_Tokens, _Tokens]:
        """Move what stays as it is to what is done."""
        place = 0
        while place < len(rest) and not self._may_expand(rest[place]):
            place += 1
        return done + tuple(map(self._settled, rest[:place])), rest[place:]

    def _settled(self, token: _Token) -> _Token:
        """Forget where a token comes from if nothing depends on it, so that more ways are the same."""
        return token if token.hidden and self._definitions(token.text) else _Token(token.text)

    def _definitions(self, name: bytes) -> frozenset[Definition | None]:
        if not is_name(name):
            return frozenset()
        if name in _DYNAMIC:
            raise UndecidedError(f"an #include depends on {name.decode('ascii')}")
        found = self._lookup(name)
        if not found and _PERHAPS_DYNAMIC.fullmatch(name):
            raise UndecidedError(f"an #include may depend on {name.decode('ascii')}")
        return found

    def _may_expand(self, token: _Token) -> bool:
        return token.text not in token.hidden and bool(self._definitions(token.text))

    def _next(self, done: _Tokens, rest: _Tokens) -> Iterator[tuple[_Tokens, _Tokens]]:
        """Replace the first token of the rest by each of its definitions."""
        (name, hidden), rest = rest[0], rest[1:]
        inner = hidden | {name}
        if (one := self._one_of(name, inner)) is not None:
            yield (*done, one), rest
            return
        definitions = self._definitions(name)
        call = (
            _call_in(rest)
            if any(d is not None and d.parameters is not None for d in definitions)
            else None
        )
        for definition in definitions:
            if definition is not None and definition.parameters is None:
                for way in self._substitute(definition, {}, inner):
                    yield done, way + rest
            elif call is None:
                yield (*done, _Token(name, inner if definition is None else hidden)), rest
            elif definition is not None:  # a call of what is no macro is no part of a name
                for way in self._called(name, definition, hidden, call):
                    yield done, way + call.after

    def _called(
        self, name: bytes, definition: Definition, hidden: frozenset[bytes], call: _Call
    ) -> set[_Tokens]:
        bound = _bound(definition, call.arguments)
        if bound is None:  # an error, which ends the compile
            return set()
        if name in _ELEMENT_OF:
            return set(self._elements(name, [_stripped(argument) for argument in call.arguments]))
        # Where a call is closed outside of what its name comes from, may that be expanded again?
        ways = {hidden | {name}, (hidden & call.hidden) | {name}}
        return {way for inner in ways for way in self._substitute(definition, bound, inner)}

    def _elements(self, name: bytes, arguments: list[_Tokens]) -> Iterator[_Tokens]:
        """Give what Boost.Preprocessor documents of its macros, which themselves take many steps."""
        for index in self._all(arguments[-2]) if len(arguments) > 1 else ():
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
        if len(tokens) != 1 or not self._may_expand(tokens[0]):
            yield from [tokens] if tokens[:1] and tokens[0].text == b"(" else self._all(tokens)
            return
        name, hidden = tokens[0]
        for definition in self._definitions(name):
            if definition is not None and definition.parameters is None:
                for way in self._substitute(definition, {}, hidden | {name}):
                    with self._nesting():
                        yield from self._tuples(_stripped(way))

    def _one_of(self, name: bytes, hidden: frozenset[bytes]) -> _Token | None:
        """Return the token for all that `name` may be, if that is plain words."""
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
                        words.add(_text(done))
        if not all(word.strip(BLANK) and _PLAIN.fullmatch(word) for word in words):
            return None
        self._words.append(frozenset(words))
        return _Token(MARK + b"%d" % (len(self._words) - 1) + MARK)

    def _may_expand_later(self, tokens: _Tokens, place: int) -> bool:
        definitions = self._definitions(tokens[place].text) - {None}
        is_last = not _stripped(tokens[place + 1 :])
        return bool(definitions) and (is_last or any(d and d.parameters is None for d in definitions))

    def _with_words(self, text: bytes) -> set[bytes]:
        """Return `text` with each word that may stand in each place."""
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

    def _spelled(self, header: bytes) -> Iterator[bytes]:
        """Give a header with each word, and with and without each blank."""
        for text in self._with_words(header):
            first, *others = text.split(BLANK)
            if len(others) > _MOST_BLANKS:
                raise UndecidedError("the macros of an #include make a name with many blanks")
            for blanks in product((b" ", b""), repeat=len(others)):
                yield first + b"".join(a + b for a, b in zip(blanks, others, strict=True))

    # The bodies of macros

    def _substitute(
        self, definition: Definition, bound: dict[bytes, _Tokens], hidden: frozenset[bytes]
    ) -> set[_Tokens]:
        """Put the arguments in their places, in all ways in which they expand."""
        ways: set[_Tokens] = {()}
        for piece in _pieces(definition):
            choices = self._choices(piece, bound, hidden)
            self._count(len(ways) * len(choices) - 1)
            if piece.after_paste:
                ways = {
                    way
                    for left in ways
                    for right in choices
                    for way in self._pasted(left, right, hidden)
                }
            else:
                ways = {way + choice for way in ways for choice in choices}
            self._handle(*ways)
        return {tuple(token for token in way if token.text) for way in ways}

    def _choices(
        self, piece: _Piece, bound: dict[bytes, _Tokens], hidden: frozenset[bytes]
    ) -> Sequence[_Tokens]:
        """Return what one piece of a body may become."""
        argument = bound.get(piece.text)
        if argument is None:
            return [(_Token(piece.text, hidden),)]
        if piece.as_string:
            return [(_Token(_string(_stripped(argument))),)]
        if piece.after_paste or piece.before_paste:
            return [tuple(_hiding(_stripped(argument), hidden)) or (_PLACEMARKER,)]
        # gcc keeps the blank in front of an argument when it makes a name in brackets; clang does not.
        return [tuple(_hiding(way, hidden)) for way in self._all(argument)]

    def _pasted(self, left: _Tokens, right: _Tokens, hidden: frozenset[bytes]) -> Iterator[_Tokens]:
        """Make one token of the last on the left and the first on the right."""
        for one, other in product(self._spellings(left[-1]), self._spellings(right[0])):
            middle = _glued(one[-1], other[0], hidden)
            yield (*left[:-1], *one[:-1], *middle, *other[1:], *right[1:])

    def _spellings(self, token: _Token) -> Iterator[_Tokens]:
        if not token.text.startswith(MARK):
            yield (token,)
            return
        for word in self._with_words(token.text):
            yield tuple(map(_Token, tokens_of(word.replace(BLANK, b" ")))) or (_PLACEMARKER,)


def _may_become_header(done: _Tokens) -> bool:
    """Tell whether there is no header yet in what is done, but more may make one."""
    solid = _stripped(done)
    return not solid or (solid[0].text == b"<" and not _header_of(solid))


def _header_of(done: _Tokens) -> bytes:
    """Return the header that a directive names, or nothing."""
    solid = _stripped(done)
    first = solid[0].text if solid else b""
    if first.startswith(b'"') or (first.startswith(b"<") and first.endswith(b">")):
        return first
    if first != b"<":
        return b""
    end = next((number for number, token in enumerate(solid) if token.text == b">"), None)
    if end is None:
        return b""
    if _AMBIGUOUS_BRACKETS.fullmatch(_text(solid[:end])) or _text(solid[end + 1 : end + 2]) in {
        b">",
        b"=",
    }:
        raise UndecidedError("the brackets that the macros of an #include make may be other operators")
    return _text(solid[: end + 1])


@lru_cache(maxsize=4096)
def _pieces(definition: Definition) -> tuple[_Piece, ...]:
    """Understand the body of a macro."""
    tokens = tokens_of(definition.body)
    names = {name.removesuffix(b"...") for name in definition.parameters or ()}
    pieces: list[_Piece] = []
    place, after_paste = 0, False
    while place < len(tokens):
        text = tokens[place]
        following = _solid(tokens, place + 1)
        if text in {b"##", b"%:%:"} and pieces and following < len(tokens):
            _mark_paste(pieces, definition)
            place, after_paste = following, True
            continue
        as_string = text in {b"#", b"%:"} and following < len(tokens) and tokens[following] in names
        place = following if as_string else place
        pieces.append(_Piece(tokens[place], as_string, after_paste))
        place, after_paste = place + 1, False
    _check_body(definition, pieces)
    return tuple(pieces)


def _mark_paste(pieces: list[_Piece], definition: Definition) -> None:
    """Note that the last piece stands before `##`."""
    while len(pieces) > 1 and pieces[-1].text == BLANK:
        pieces.pop()
    pieces[-1] = pieces[-1]._replace(before_paste=True)


def _check_body(definition: Definition, pieces: list[_Piece]) -> None:
    """Make sure that there is nothing that compilers do in their own ways."""
    if any(piece.text == b"__VA_OPT__" for piece in pieces):
        raise UndecidedError("an #include depends on __VA_OPT__")
    last = (definition.parameters or (b"",))[-1]
    if last.endswith(b"...") and any(
        one.text == b"," and one.before_paste and other.text == last[:-3]
        for one, other in pairwise(pieces)
    ):
        raise UndecidedError("an #include depends on a comma before ## and __VA_ARGS__")


def _glued(left: _Token, right: _Token, hidden: frozenset[bytes]) -> _Tokens:
    if not left.text or not right.text:
        return (left if left.text else right,)
    one = glued(left.text, right.text)
    return (left, right) if one is None else (_Token(one, hidden),)


def _text(tokens: _Tokens) -> bytes:
    return b"".join(token.text for token in tokens)


def _hiding(tokens: _Tokens, hidden: frozenset[bytes]) -> Iterator[_Token]:
    return (_Token(token.text, token.hidden | hidden) for token in tokens)


def _solid(tokens: tuple[bytes, ...], place: int) -> int:
    """Return the first place from `place` on that is not blank."""
    while place < len(tokens) and tokens[place] == BLANK:
        place += 1
    return place


_ESCAPED = re.compile(rb'[\\"]')


def _string(argument: _Tokens) -> bytes:
    """Do what `#` does: in literals, and nowhere else, it escapes quotes and backslashes.

    In a string that stands in the directive itself clang escapes nothing, as it may be a header's name.
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


class _Call(NamedTuple):
    """The arguments behind a name.

    Attributes:
        arguments: with their blanks.
        hidden: what is hidden from the parenthesis that closes.
        after: what follows.
    """

    arguments: list[_Tokens]
    hidden: frozenset[bytes]
    after: _Tokens


def _bound(definition: Definition, arguments: list[_Tokens]) -> dict[bytes, _Tokens] | None:
    """Give each parameter its argument, with the blank before it; None if their numbers differ."""
    names = definition.parameters or ()
    given = [_without_end(argument) for argument in arguments]
    if not names:
        return {} if given == [()] else None
    *fixed, last = names
    if last.endswith(b"..."):
        if len(given) < len(fixed):
            return None
        rest = _without_end(_joined(arguments[len(fixed) :]))
        return {**dict(zip(fixed, given, strict=False)), last[:-3]: rest}
    return dict(zip(names, given, strict=True)) if len(names) == len(given) else None


def _joined(arguments: list[_Tokens]) -> _Tokens:
    joined: list[_Token] = []
    for number, argument in enumerate(arguments):
        joined += [_Token(b",")] if number else []
        joined += argument
    return tuple(joined)


def _elements_of(data: _Tokens) -> list[_Tokens]:
    call = _call_in(data)
    return [_stripped(argument) for argument in call.arguments] if call is not None else []


def _call_in(tokens: _Tokens) -> _Call | None:
    """Part the list in parentheses that `tokens` begin with from what follows, if there is one."""
    place = _solid(tuple(token.text for token in tokens), 0)
    if place == len(tokens) or tokens[place].text != b"(":
        return None
    arguments: list[list[_Token]] = [[]]
    depth = 0
    for number in range(place + 1, len(tokens)):
        token = tokens[number]
        if token.text == b")" and not depth:
            return _Call([tuple(argument) for argument in arguments], token.hidden, tokens[number + 1 :])
        depth += {b"(": 1, b")": -1}.get(token.text, 0)
        if token.text == b"," and not depth:
            arguments.append([])
        else:
            arguments[-1].append(token)
    return None


def _without_end(tokens: _Tokens) -> _Tokens:
    """Leave out blanks at the end."""
    solid = _stripped(tokens)
    return (_BLANK, *solid) if solid and tokens[0].text == BLANK else solid


def _stripped(tokens: _Tokens) -> _Tokens:
    solid = [number for number, token in enumerate(tokens) if token.text != BLANK]
    return tokens[solid[0] : solid[-1] + 1] if solid else ()
