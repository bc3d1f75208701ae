"""Draw the grammar of the wire as Markdown tables.

In: the tables in `twisted_distcc.wire.grammar` and the default ceilings.  Out: `doc/grammar.md`.  It
refuses to know any token by name: what is not in the tables is not in the page.

Run it as `python scripts/draw_grammar.py` after a change of the tables; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Final, assert_never

from twisted_distcc.wire.grammar import (
    DIST,
    DONE,
    REPLIES,
    REQUESTS,
    Ceiling,
    Either,
    Field,
    Messages,
    Repeat,
    Shape,
    Step,
    WhenZero,
)
from twisted_distcc.wire.limits import GIB, KIB, MIB, Limits

PAGE: Final = Path(__file__).parent.parent / "doc" / "grammar.md"

INTRODUCTION: Final = """\
# Grammar of the wire

This page is drawn from `twisted_distcc.wire.grammar` by `scripts/draw_grammar.py`: the tables are what
both ends of a connection walk.

A token is four upper-case ASCII letters and eight lower-case hexadecimal digits. The digits are the
token's number, or the length of the bytes that follow it. Bytes that are *whole* are few and become one
event; a *body* may be large and is handed over as it comes. A ceiling is the default of the `Limits`
attribute of that name; a peer that exceeds it has broken the protocol.

Tokens come in the order of the rows; rows that follow the same count come in turn, so many times.
"""
FOLLOWS: Final = {
    Shape.NUMBER: "a number",
    Shape.TEXT: "a length and so many bytes, whole",
    Shape.BULK: "a length and so many bytes, a body",
}


def draw() -> str:
    """Give the page."""
    sections = [INTRODUCTION, *_sections("Request", DIST, REQUESTS), *_sections("Reply", DONE, REPLIES)]
    return "\n".join(sections)


def _sections(title: str, opening: Field, messages: Messages) -> Iterator[str]:
    for steps, versions in groupby(messages, key=lambda version: messages[version]):
        yield _section(title, tuple(versions), opening, steps)


def _section(title: str, versions: tuple[int, ...], opening: Field, steps: tuple[Step, ...]) -> str:
    numbers = " and ".join(map(str, versions))
    plural = "s" if len(versions) > 1 else ""
    rows = [_row(opening, "once", "the version"), *_rows(steps, "once")]
    head = "| Token | Times | What follows | Ceiling |\n|---|---|---|---|\n"
    return f"## {title}, version{plural} {numbers}\n\n{head}{''.join(rows)}"


def _rows(steps: tuple[Step, ...], times: str) -> Iterator[str]:
    for step in steps:
        match step:
            case Field():
                yield _row(step, times, FOLLOWS[step.shape])
            case Either(fields):
                yield from _alternatives(fields, times)
            case Repeat(count, each):
                yield _row(count, times, FOLLOWS[count.shape])
                yield from _rows(each, f"as many as {_name(count)} says")
            case WhenZero(token, inner):
                yield from _rows(inner, f"{times}, if `{token.decode()}` was 0")
            case _:
                assert_never(step)


def _alternatives(fields: tuple[Field, ...], times: str) -> Iterator[str]:
    names = " or ".join(map(_name, fields))
    for field in fields:
        yield _row(field, f"{names}, {times}", FOLLOWS[field.shape])


def _row(field: Field, times: str, follows: str) -> str:
    least = f", at least {field.least}" if field.least else ""
    return f"| {_name(field)} | {times} | {follows}{least} | {_ceilings(field)} |\n"


def _name(field: Field) -> str:
    return f"`{field.token.decode()}`"


def _ceilings(field: Field) -> str:
    each = _ceiling(field.ceiling) if field.ceiling else "none"
    return f"{each}, together {_ceiling(field.together)}" if field.together else each


def _ceiling(name: Ceiling) -> str:
    return f"{_size(getattr(Limits(), name))} (`{name}`)"


def _size(value: int) -> str:
    for unit, name in (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"):
        if value % unit == 0:
            return f"{value // unit} {name}"
    return f"{value:,}"


if __name__ == "__main__":
    PAGE.write_text(draw())
