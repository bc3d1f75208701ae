"""Macros that stand for `__has_include`, and how files call them.

`standing_for_probes` finds the names of such macros in a text (its lines joined); `calls_oddly` tells
whether one is called without a literal header name.  Macros are not expanded: a file that is only tested
for is in no list of what a compiler reads, so if its name cannot be seen the unit is not understood.

`HAS(<x.h>)` is understood wherever it appears; `HAS(X_H)`, `#define HAS(x) __has_include(<x.h>)` and the
like are not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted_distcc.pump.macro_bodies import parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLANK = rb"(?:[ \t\v\f\r]++|/\*(?s:.*?)\*/)*+"
_LINE = rb"(?P<rest>(?:[^\n/]++|/\*(?s:.*?)\*/|/)*+)"

CALLED = re.compile(
    rb"\([ \t]*(?:<(?P<angled>[^<>\s()]+)>"
    rb'|"(?P<quoted>(?P<file>[^"\\\n%]+\.[A-Za-z+]+|[^"\\\n%\s/]+/[^"\\\n%\s]+)|[^"\\\n%\s]+)")[ \t]*\)'
)
"""The arguments of a call with a literal header name; in a `#define`, only a `file` looks like one."""

_IF = re.compile(rb"#" + BLANK + rb"(?:el)?if\b" + _LINE)
_DEFINE = re.compile(
    rb"#" + BLANK + rb"define" + BLANK + rb"(?P<name>[\w$\x80-\xff]+)(?:\((?P<parameters>[^)\n]*)\))?"
    + _LINE
)  # fmt: skip
_DEFINED = rb"(?P<defined>(?<![\w$])defined" + BLANK + rb"\(?" + BLANK + rb")?"
_PROBE = re.compile(_DEFINED + rb"__has_(?:include_next|include|embed)(?:__)?(?![\w$])")
# No name is longer than the kernel allows, so its end is not searched for throughout a long line.
_HEADER = re.compile(BLANK + rb"\(" + BLANK + rb'(?:"|(?P<angled><[^>\n]{0,4096}>))')
_NAME_CALLED = re.compile(BLANK + rb"\(" + BLANK + rb"(?P<argument>[A-Za-z_$\x80-\xff][\w$]*)")
_ARGUMENT = re.compile(_NAME_CALLED.pattern + BLANK + rb"\)")
_NOTHING = re.compile(rb"\s*\Z")
_WORD = re.compile(rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*")

ODD = "a file is asked for by __has_include in a way that is not understood"


def standing_for_probes(text: bytes) -> Iterator[bytes | None]:
    """Yield the macros that pass their argument to `__has_include`; None for what is not understood."""
    for line in _IF.finditer(text):
        rest = line["rest"]
        for end in _ends(_PROBE, rest):
            if not _HEADER.match(rest, end) and not _NAME_CALLED.match(rest, end):
                yield None
    for line in _DEFINE.finditer(text):
        given, rest = line["parameters"], line["rest"]
        if given is None:
            judged = (_named(line["name"], rest, end) for end in _ends(_PROBE, rest))
        else:
            parameters = tuple(name.removesuffix(b"...") for name in parameters_of(given))
            judged = (_called(line["name"], parameters, rest, end) for end in _ends(_PROBE, rest))
        yield from (one for one in judged if one != b"")


def _named(name: bytes, body: bytes, end: int) -> bytes | None:
    """Judge an object-like macro by what follows a `__has_include` that ends at `end`.

    Only `#define HAS __has_include` matters; a computed name is computed wherever it is.
    """
    if _HEADER.match(body, end) or _NAME_CALLED.match(body, end):
        return b""
    return name if _NOTHING.match(body, end) else None


def _called(name: bytes, parameters: tuple[bytes, ...], body: bytes, end: int) -> bytes | None:
    """Judge a function-like macro in the same way."""
    if header := _HEADER.match(body, end):
        words = _WORD.findall(header["angled"] or b"")
        return b"" if not words or set(words).isdisjoint(parameters) else None
    argument = _ARGUMENT.match(body, end)
    return name if argument is not None and parameters == (argument["argument"],) else None


def _ends(macro: re.Pattern[bytes], line: bytes) -> Iterator[int]:
    """Yield the end of the macro's name in each use other than `defined(NAME)`."""
    return (found.end() for found in macro.finditer(line) if found["defined"] is None)


def calls_oddly(text: bytes, names: Iterable[bytes]) -> bool:
    """Whether a directive has one of the macros `names` without a literal header name."""
    alternatives = b"|".join(map(re.escape, sorted(names)))
    found_by = re.compile(_DEFINED + rb"(?<![\w$])(?:" + alternatives + rb")(?![\w$])")
    if not found_by.search(text):
        return False
    return any(
        not _is_literal(CALLED.match(line["rest"], end), in_define=pattern is _DEFINE)
        for pattern in (_IF, _DEFINE)
        for line in pattern.finditer(text)
        for end in _ends(found_by, line["rest"])
    )


def _is_literal(called: re.Match[bytes] | None, *, in_define: bool) -> bool:
    if called is None:
        return False
    return not in_define or called["quoted"] is None or called["file"] is not None
