"""Macros that stand for `__has_include`, and the ways in which files call them.

In: a text, its lines joined.  Out: the names of such macros; whether somebody calls one in a way that
does not name its header outright.  This module refuses to expand macros: a file that is only asked for
stands in no list of what a compiler reads, so where its name cannot be seen the unit is not understood.

`HAS(<x.h>)` is understood as soon as anybody says so; `HAS(X_H)`, `#define HAS(x) __has_include(<x.h>)`
and the like are not.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted_distcc.pump.macros import parameters_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLANK = rb"(?:[ \t\v\f\r]++|/\*(?s:.*?)\*/)*+"
_LINE = rb"(?P<rest>(?:[^\n/]++|/\*(?s:.*?)\*/|/)*+)"

CALLED = re.compile(
    rb'\([ \t]*(?:<(?P<angled>[^<>\s()]+)>|"(?P<quoted>[^"\\\n%]+\.[A-Za-z+]+)")[ \t]*\)'
)
"""The arguments of a call that names its header outright."""

_IF = re.compile(rb"#" + BLANK + rb"(?:el)?if\b" + _LINE)
_DEFINE = re.compile(
    rb"#" + BLANK + rb"define" + BLANK + rb"(?P<name>[\w$\x80-\xff]+)(?:\((?P<parameters>[^)\n]*)\))?"
    + _LINE
)  # fmt: skip
_PROBE = re.compile(rb"__has_(?:include_next|include|embed)(?:__)?(?![\w$])")
_HEADER = re.compile(BLANK + rb"\(" + BLANK + rb'(?:"|(?P<angled><[^>\n]*>))')
_NAME_CALLED = re.compile(BLANK + rb"\(" + BLANK + rb"(?P<argument>[A-Za-z_$\x80-\xff][\w$]*)")
_ARGUMENT = re.compile(_NAME_CALLED.pattern + BLANK + rb"\)")
_DEFINED = re.compile(rb"(?s).*(?<![\w$])defined" + BLANK + rb"\(?" + BLANK + rb"\Z")
_WORD = re.compile(rb"[A-Za-z_$\x80-\xff][\w$\x80-\xff]*")

ODD = "a file is asked for by __has_include in a way that is not understood"


def standing_for_probes(text: bytes) -> Iterator[bytes | None]:
    """Give the macros that hand their argument to `__has_include`; None for what is not understood."""
    for line in _IF.finditer(text):
        for rest in _after_probes(line["rest"]):
            if not _HEADER.match(rest) and not _NAME_CALLED.match(rest):
                yield None
    for line in _DEFINE.finditer(text):
        given = line["parameters"]
        parameters = None if given is None else parameters_of(given)
        for rest in _after_probes(line["rest"]):
            yield from _defined(line["name"], parameters, rest)


def _defined(name: bytes, parameters: tuple[bytes, ...] | None, rest: bytes) -> Iterator[bytes | None]:
    """Judge one macro by what stands behind a `__has_include` in its body."""
    if header := _HEADER.match(rest):
        if parameters and not set(parameters).isdisjoint(_WORD.findall(header["angled"] or b"")):
            yield None
    elif parameters is None:
        # `#define HAS __has_include`; a computed name is computed wherever it stands.
        if not _NAME_CALLED.match(rest):
            yield None if rest.strip() else name
    else:
        argument = _ARGUMENT.match(rest)
        given = [parameter.replace(b"__VA_ARGS__...", b"__VA_ARGS__") for parameter in parameters]
        yield name if argument and [argument["argument"]] == given else None


def _after_probes(line: bytes) -> Iterator[bytes]:
    """Give what stands behind each `__has_include` of a line that is not just asked about itself."""
    for found in _PROBE.finditer(line):
        if not _DEFINED.match(line[: found.start()]):
            yield line[found.end() :]


def calls_oddly(text: bytes, names: Iterable[bytes]) -> bool:
    """Tell whether a directive has one of the macros `names`, and no header that is named outright."""
    alternatives = b"|".join(map(re.escape, sorted(names)))
    found_by = re.compile(rb"(?<![\w$])(?:" + alternatives + rb")(?![\w$])")
    if not found_by.search(text):
        return False
    lines = (line["rest"] for pattern in (_IF, _DEFINE) for line in pattern.finditer(text))
    return any(
        not CALLED.match(line, found.end()) and not _DEFINED.match(line[: found.start()])
        for line in lines
        for found in found_by.finditer(line)
    )
