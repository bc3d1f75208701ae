"""Parse the arguments of a macro call: `F(a, (b, c))` has two.

Whether `F` is a macro, and what becomes of its arguments, is for `macros` to decide.
"""

from __future__ import annotations

from typing import NamedTuple

from twisted_distcc.pump.macro_bodies import Definition
from twisted_distcc.pump.macro_tokens import Token, Tokens, first_solid, stripped, without_end


class Call(NamedTuple):
    """The arguments after a name.

    Attributes:
        arguments: with their blanks.
        hidden: the hide set of the closing parenthesis.
        after: the tokens that follow.
    """

    arguments: list[Tokens]
    hidden: frozenset[bytes]
    after: Tokens


def bound_to(definition: Definition, arguments: list[Tokens]) -> dict[bytes, Tokens] | None:
    """Map each parameter to its argument, with the blank before it; None if their numbers differ."""
    names = definition.parameters or ()
    given = [without_end(argument) for argument in arguments]
    if not names:
        return {} if given == [()] else None
    *fixed, last = names
    if last.endswith(b"..."):
        if len(given) < len(fixed):
            return None
        rest = without_end(_joined(arguments[len(fixed) :]))
        return {**dict(zip(fixed, given, strict=False)), last[:-3]: rest}
    return dict(zip(names, given, strict=True)) if len(names) == len(given) else None


def _joined(arguments: list[Tokens]) -> Tokens:
    joined: list[Token] = []
    for number, argument in enumerate(arguments):
        joined += [Token(b",")] if number else []
        joined += argument
    return tuple(joined)


def elements_of(data: Tokens) -> list[Tokens]:
    call = call_in(data)
    return [stripped(argument) for argument in call.arguments] if call is not None else []


def call_in(tokens: Tokens) -> Call | None:
    """Parse the parenthesized list that `tokens` begin with; None if there is none."""
    place = first_solid(tuple(token.text for token in tokens), 0)
    if place == len(tokens) or tokens[place].text != b"(":
        return None
    arguments: list[list[Token]] = [[]]
    depth = 0
    for number in range(place + 1, len(tokens)):
        token = tokens[number]
        if token.text == b")" and not depth:
            return Call([tuple(argument) for argument in arguments], token.hidden, tokens[number + 1 :])
        depth += {b"(": 1, b")": -1}.get(token.text, 0)
        if token.text == b"," and not depth:
            arguments.append([])
        else:
            arguments[-1].append(token)
    return None
