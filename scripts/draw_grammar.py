"""Draw the grammar of the wire as Markdown tables.

In: the tables in `twisted_distcc.wire` and the default ceilings.  Out: `doc/grammar.md`.  No token
has its name here: what is not in the tables is not in the page.

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
from twisted_distcc.wire.session_frames import (
    DIGEST_LENGTH,
    FROM_SERVER,
    NUMBER_LENGTH,
    PING_LENGTH,
    Frame,
    Rest,
)
from twisted_distcc.wire.session_grammar import (
    BLBQ,
    CLIENT_GREETINGS,
    JOBQ,
    JOBR,
    JOBS,
    RESULTS,
    SERVER_GREETINGS,
    UPLOADS,
)

PAGE: Final = Path(__file__).parent.parent / "doc" / "grammar.md"

INTRODUCTION: Final = """\
# Grammar of the wire

This page is drawn from `twisted_distcc.wire.grammar`, `session_grammar` and `session_frames` by
`scripts/draw_grammar.py`: the tables are what both ends of a connection walk.

A token is four upper-case ASCII letters and eight lower-case hexadecimal digits. The digits are the
token's number, or the length of the bytes that follow it. Bytes that are *whole* are few and become one
event; a *body* may be large and is handed over as it comes. A ceiling is the default of the `Limits`
attribute of that name; a peer that exceeds it has broken the protocol.

Tokens come in the order of the rows; rows that follow the same count come in turn, so many times.
"""
FRAMES: Final = f"""\
## Frames, version 4

After the greetings both ends send frames: tokens whose digits are the length of their payload. A payload
is at most as long as its receiver's greeting says, and {{largest}} in any case. Its numbers have
{NUMBER_LENGTH} bytes each, the most significant first. At most {{pings}} may wait for their `PONG`.

| Frame | Sent by | Payload |
|---|---|---|
"""
# Ceilings that count items: their numbers are no sizes, even if they are whole kibibytes.
COUNTS: Final[frozenset[Ceiling]] = frozenset({"streams"})
FOLLOWS: Final = {
    Shape.NUMBER: "a number",
    Shape.TEXT: "a length and so many bytes, whole",
    Shape.BULK: "a length and so many bytes, a body",
}
RESTS: Final = {
    Rest.NOTHING: "",
    Rest.BYTES: "bytes, at least 1",
    Rest.DIGESTS: f"digests of {DIGEST_LENGTH} bytes, at least 1",
    Rest.EIGHT: f"{PING_LENGTH} bytes",
}


def draw() -> str:
    """Give the page."""
    return "\n".join(
        [
            INTRODUCTION,
            *_sections("Request", DIST, REQUESTS),
            *_sections("Reply", DONE, REPLIES),
            *_sections("Greeting of a client", DIST, CLIENT_GREETINGS),
            *_sections("Greeting of a server", DONE, SERVER_GREETINGS),
            _frames(),
            *_sections("Job", JOBQ, JOBS),
            *_sections("Result", JOBR, RESULTS),
            *_sections("Upload", BLBQ, UPLOADS),
        ]
    )


def _frames() -> str:
    rows = "".join(map(_frame, FROM_SERVER.values()))
    return FRAMES.format(largest=_ceiling("frame"), pings=f"{Limits().pings} (`pings`)") + rows


def _frame(frame: Frame) -> str:
    senders = "both" if frame.by_client else "servers"
    rest = f"a text, at most {_ceiling('words')}" if frame.rest is Rest.WORDS else RESTS[frame.rest]
    return (
        f"| `{frame.token.decode()}` | {senders} | {', '.join(filter(None, [*frame.numbers, rest]))} |\n"
    )


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
    least = f", at least {field.least:,}{' or 0' * field.or_zero}" if field.least else ""
    return f"| {_name(field)} | {times} | {follows}{least} | {_ceilings(field)} |\n"


def _name(field: Field) -> str:
    return f"`{field.token.decode()}`"


def _ceilings(field: Field) -> str:
    each = _ceiling(field.ceiling) if field.ceiling else "none"
    return f"{each}, together {_ceiling(field.together)}" if field.together else each


def _ceiling(name: Ceiling) -> str:
    value = getattr(Limits(), name)
    return f"{f'{value:,}' if name in COUNTS else _size(value)} (`{name}`)"


def _size(value: int) -> str:
    for unit, name in (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"):
        if value % unit == 0:
            return f"{value // unit} {name}"
    return f"{value:,}"


if __name__ == "__main__":
    PAGE.write_text(draw())
