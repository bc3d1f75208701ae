"""Find what the text of one file asks for: includes and the like, by pattern matching, not parsing.

`read_text` turns the bytes of a file into a `Text`.  It does not consider other files, or which branches
of the text are active: it may find what is in a comment or a dead branch, but never misses anything that
a compiler would act on.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted_distcc.pump.asked import Asked, Kind
from twisted_distcc.pump.code_readings import codes, uncommented
from twisted_distcc.pump.pasting import Part, parts_in
from twisted_distcc.pump.probing import BLANK, CALLED, ODD, standing_for_probes
from twisted_distcc.pump.variants import TANGLED, variants

if TYPE_CHECKING:
    from collections.abc import Iterator

REST = (
    rb"""(?:[^\n/"']++|/\*(?s:.*?)\*/|//[^\n]*+|"(?:\\.|[^"\\\n])*+"?"""
    + rb"|'(?:\\.|[^'\\\n])*+'?|/)*+"
)
"""The rest of a directive, whose comments may go on in the next lines; a literal that nobody closes ends
with its line."""

_HEADER = (
    rb'(?:"(?P<quoted>[^"\n]*)"|<(?P<angled>[^>\n]*)>|(?P<computed>[A-Za-z_$\x80-\xff<\\]'
    + REST
    + rb"))"
)
_LINE_START = rb"#" + BLANK

_DIRECTIVE = re.compile(
    _LINE_START + rb"(?P<what>include_next|include|import|embed)(?![\w$])" + BLANK + _HEADER
)
_PROBE = re.compile(
    rb"__has_(?P<what>include_next|include|embed)(?:__)?" + BLANK + rb"\(" + BLANK + _HEADER
)
_CONDITION = re.compile(rb"#" + BLANK + rb"(?:if|elif|define)\b")
_IF = re.compile(rb"#" + BLANK + rb"(?:if|elif)\b")
_DEFINE = re.compile(rb"#" + BLANK + rb"define\b")
_DEFINES_PROBE = re.compile(
    rb"#" + BLANK + rb"(?:define" + BLANK + rb"[\w$]+\(|(?:undef|ifdef|ifndef)\b)"
)


# Most texts have none of these, which is quick to check.
_CALL_BEGINS = (b"(<", b'("', b"( <", b'( "', b"(  ", b"(\t", b"( \t")
_INC = re.compile(rb"\.[iI][nN][cC]")

_ASSEMBLER = re.compile(rb"(?i)\.inc(?P<what>bin|lude)(?![\w$.])")
_ASSEMBLER_FILE = re.compile(rb'[ \t]*\\?"(?P<name>[^"\\\n%]+)\\?"')
_MAY_PRECEDE = re.compile(rb"(?s)(?:.*[^\w$.)\]]|.*\\[nrtvf]|.*\\[0-7]{2,3}|)\Z")
_LONGEST_ESCAPE = 4

# Macros may produce the pragma, so the word alone counts, wherever it is.
_ONCE = re.compile(rb"\bonce\b")
_IMPORT = re.compile(rb"#" + BLANK + rb"import\b")
# What a macro may pass to _Pragma can be anywhere.
_STAYING = (
    re.compile(
        rb"#" + BLANK + rb"pragma" + BLANK + rb"(?P<what>GCC" + BLANK + rb"pch_preprocess"
        rb"|clang" + BLANK + rb"module|include_alias)\b"
    ),
    re.compile(rb"(?P<what>GCC" + BLANK + rb"dependency)" + BLANK + rb'\\*["<]'),
)
# The origin of generated text, as its generator states it: gcc quotes that file in its messages.
_LINE = re.compile(rb"#" + BLANK + rb"(?:line)?" + BLANK + rb"[0-9]+" + BLANK + _HEADER)

_CLOCK = re.compile(
    rb"(?P<no_use>#" + BLANK + rb"(?:define|undef|ifn?def)" + BLANK + rb")?"
    rb"(?<![\w$])(?P<clock>__(?:DATE|TIME|TIMESTAMP)__)(?![\w$])"
)


@dataclass(frozen=True, slots=True)
class Text:
    """What the text of one file asks for.

    Attributes:
        asked: literal file names, in the order of first use.
        computed: texts in place of such names, to be expanded.
        components: all components of all names: only a change of one of these in a folder matters.
        once: whether it may ask to be read only once.
        imports: whether it has others read only once.
        clock: those of `__DATE__`, `__TIME__` and `__TIMESTAMP__` that occur in code.
        parts: parts from which macros may paste such names, or `__has_include`.
        probes: macros that stand for `__has_include`.
        forbids: why a unit with this file cannot be sent; empty if it can.
        special: whether there is anything besides `asked`.
    """

    asked: tuple[Asked, ...]
    computed: tuple[tuple[Kind, bytes], ...]
    components: frozenset[str]
    once: bool
    imports: bool
    clock: frozenset[bytes]
    parts: frozenset[Part]
    probes: frozenset[bytes]
    forbids: str
    special: bool


def read_text(contents: bytes) -> Text:
    """Return what the contents of one file ask for."""
    seen = list(variants(contents))
    asked: dict[Asked, None] = {}
    computed: dict[tuple[Kind, bytes], None] = {}
    forbids = "" if seen else TANGLED
    for text in seen:
        for found in _everything(text):
            if isinstance(found, Asked):
                asked[found] = None
            elif isinstance(found, str):
                forbids = found
            else:
                computed[found] = None
    if forbids and seen and not any(_forbids(bare) for text in seen for bare in uncommented(text)):
        forbids = ""
    once = any(_ONCE.search(text) for text in seen if b"once" in text)
    imports = any(_IMPORT.search(text) for text in seen if b"import" in text)
    clock = frozenset(word for text in seen for word in _clock(text))
    parts = frozenset(
        part for text in seen if parts_in(text) for code in codes(text) for part in parts_in(code)
    )
    probes = {name for text in seen if b"__has_" in text for name in standing_for_probes(text)}
    if None in probes:
        forbids = ODD
    return Text(
        asked=tuple(asked),
        computed=tuple(computed),
        components=frozenset(part for one in asked for part in one.name.split("/")),
        once=once,
        imports=imports,
        clock=clock,
        parts=parts,
        probes=frozenset(name for name in probes if name is not None),
        forbids=forbids,
        special=bool(once or imports or clock or parts or probes or forbids or computed),
    )


def _forbids(text: bytes) -> bool:
    return any(isinstance(found, str) for found in _everything(text))


def written_from(text: bytes) -> set[str]:
    """Return the files that this text says it was generated from."""
    return {os.fsdecode(found["quoted"]) for found in _lines(text) if found["quoted"]}


def _lines(text: bytes) -> Iterator[re.Match[bytes]]:
    return (found for found in _LINE.finditer(text) if _begins_line(text, found.start()))


def _everything(text: bytes) -> Iterator[Asked | tuple[Kind, bytes] | str]:
    for found in _DIRECTIVE.finditer(text):
        if _begins_line(text, found.start()):
            yield _header(found, *_KINDS[found["what"]])
    if b"__has_" in text:
        yield from _probes(text)
    if any(begin in text for begin in _CALL_BEGINS):
        yield from _called(text)
    if _INC.search(text):
        yield from _assembler(text)
    for found in _lines(text):
        yield _header(found, Kind.ASSEMBLER_LEAF, Kind.ASSEMBLER_LEAF)
    for staying in _STAYING if b"ragma" in text else ():
        if pragma := staying.search(text):
            what = " ".join(pragma["what"].decode("ascii").split())
            yield f"#pragma {what} looks at a file in a way that does not travel"


_KINDS = {
    b"include": (Kind.QUOTED, Kind.ANGLED),
    b"import": (Kind.QUOTED, Kind.ANGLED),
    b"include_next": (Kind.NEXT, Kind.NEXT),
    b"embed": (Kind.QUOTED_LEAF, Kind.ANGLED_LEAF),
}
_PROBED = {
    b"include": (Kind.QUOTED_LEAF, Kind.ANGLED_LEAF),
    b"include_next": (Kind.NEXT_LEAF, Kind.NEXT_LEAF),
    b"embed": (Kind.QUOTED_LEAF, Kind.ANGLED_LEAF),
}


def _header(found: re.Match[bytes], quoted: Kind, angled: Kind) -> Asked | tuple[Kind, bytes]:
    if (name := found["angled"]) is not None:
        return Asked(angled, os.fsdecode(name))
    if (name := found["quoted"]) is not None:
        return Asked(quoted, os.fsdecode(name))
    return quoted, found["computed"]


def _begins_line(text: bytes, position: int) -> bool:
    """Whether nothing but blanks and comments precedes `position` on its line."""
    while position and text[position - 1] in b" \t\v\f":
        position -= 1
    return not position or text[position - 1] in b"\r\n" or text.endswith(b"*/", 0, position)


class _Lines:
    """Tells whether a pattern precedes a position on its line, for ever larger positions in a text.

    Each line is searched once, however many positions it has.
    """

    def __init__(self, pattern: re.Pattern[bytes], text: bytes) -> None:
        self._pattern = pattern
        self._text = text
        self._end = 0
        self._found_at = -1

    def has_before(self, position: int) -> bool:
        if self._found_at < 0 or position > self._end:
            start = self._text.rfind(b"\n", self._end, position) + 1
            end = self._text.find(b"\n", position)
            self._end = end if end >= 0 else len(self._text)
            found = self._pattern.search(self._text, start, self._end)
            self._found_at = found.end() if found is not None else len(self._text)
        return self._found_at <= position


def _probes(text: bytes) -> Iterator[Asked | tuple[Kind, bytes]]:
    defining_probes, defining = _Lines(_DEFINES_PROBE, text), _Lines(_DEFINE, text)
    for found in _PROBE.finditer(text):
        one = _header(found, *_PROBED[found["what"]])
        # `#define HAS(x) __has_include(x)`: what HAS is called with is found where it is called.
        if isinstance(one, Asked) or not defining_probes.has_before(found.start()):
            yield one
        if found["angled"] is not None and defining.has_before(found.start()):
            yield _expanded(_PROBED[found["what"]][0], found["angled"])


def _called(text: bytes) -> Iterator[Asked | tuple[Kind, bytes]]:
    conditions, ifs = _Lines(_CONDITION, text), _Lines(_IF, text)
    for found in CALLED.finditer(text):
        may_be_file = found["quoted"] is None or found["file"] is not None
        if (conditions if may_be_file else ifs).has_before(found.start()):
            if (name := found["angled"]) is not None:
                yield Asked(Kind.ANGLED_LEAF, os.fsdecode(name))
                yield _expanded(Kind.QUOTED_LEAF, name)
            else:
                yield Asked(Kind.QUOTED_LEAF, os.fsdecode(found["quoted"]))


def _expanded(kind: Kind, name: bytes) -> tuple[Kind, bytes]:
    """Return the kind and text of a bracketed name that is several tokens in a macro."""
    return kind, b"<" + name + b">"


def _assembler(text: bytes) -> Iterator[Asked | str]:
    for found in _ASSEMBLER.finditer(text):
        if not _MAY_PRECEDE.match(text[max(0, found.start() - _LONGEST_ESCAPE) : found.start()]):
            continue
        kind = Kind.ASSEMBLER if found["what"].lower() == b"lude" else Kind.ASSEMBLER_LEAF
        if name := _ASSEMBLER_FILE.match(text, found.end()):
            yield Asked(kind, os.fsdecode(name["name"]))
        else:
            directive = f".inc{found['what'].decode('ascii').lower()}"
            yield f"the assembler directive {directive} names its file in a way that is not understood"


def _clock(text: bytes) -> list[bytes]:
    if b"__DATE__" not in text and b"__TIME" not in text:
        return []
    return [
        found["clock"]
        for code in codes(text)
        for found in _CLOCK.finditer(code)
        if found["no_use"] is None
    ]
