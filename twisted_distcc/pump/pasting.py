"""Names that macros may paste together and that appear nowhere: `__TI ## ME__`, `CAT(__has_, include)`.

`parts_in` tells which parts of such names a text (its lines joined) has where a macro may paste them:
beside `##`, as an argument, or as all that a macro stands for.  Their presence is enough: then the
compiler is asked, or the unit stays here.

Such a name is recognised by its last pieces.  `__TIME__` ends in a piece like `ME__`, which nothing else
has, or in `__` after the word `TIME`; `__has_include` in a piece like `include`, after one like
`__has_`. Not detected is a name of many pieces, none of which is telling: `CAT(__TI, CAT(M, CAT(E,
__)))`.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

from twisted_distcc.pump.probing import BLANK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Part(enum.Enum):
    """A part of such a name, which a text has for `##` to paste."""

    CLOCK = "an end of __DATE__, __TIME__ or __TIMESTAMP__"
    WORD = "DATE, TIME or TIMESTAMP"
    FRAME = "two underscores behind it"
    PROBE = "an end of __has_include or __has_embed that tells"
    INCLUDE = "an end of these that may be another word"
    HAS = "what may stand before it"


def _ends(names: Iterable[bytes]) -> frozenset[bytes]:
    shortest = 3
    return frozenset(name[place:] for name in names for place in range(1, len(name) - shortest + 1))


_ENDS = {
    **dict.fromkeys(_ends([b"__DATE__", b"__TIME__", b"__TIMESTAMP__"]), Part.CLOCK),
    **dict.fromkeys(_ends([b"__has_include", b"__has_embed"]), Part.INCLUDE),
    **dict.fromkeys([b"_has_include", b"has_include", b"_has_embed", b"has_embed"], Part.PROBE),
}
"""The last pieces of names, of three letters or more."""
_WORDS = {
    before + word + after: Part.CLOCK if after else Part.WORD
    for before in (b"", b"_", b"__")
    for word in (b"DATE", b"TIME", b"TIMESTAMP")
    for after in (b"", b"_")
}  # fmt: skip
"""The same for names without the underscores at their end."""

# Most texts have none of these, which is quick to check.
_ENDINGS = {end: re.compile(end + rb"(?![\w$])") for end in (b"E__", b"P__", b"ude", b"bed")}
_WORD_ENDINGS = {end: re.compile(end + rb"_?(?![\w$])") for end in (b"DATE", b"TIME", b"STAMP")}
_FRAMES = [re.compile(rb"##" + BLANK + rb"__(?![\w$])"), re.compile(rb"__" + BLANK + rb"\)")]
_HAS = re.compile(rb"__ha[\w$]*")
_PROBES = (b"__has_include", b"__has_include_next", b"__has_embed")
_BEGINNINGS = {name[:end] for name in _PROBES for end in range(4, len(name))} - {*_PROBES}
"""The first pieces of such names; others, such as `__has_extension`, are names of their own."""
# This macro of libstdc++ puts the names of member types behind `__has_`, and all of C++ includes it.
_OF_TYPES = re.compile(rb"#[ \t]*define[ \t]+_GLIBCXX_HAS_NESTED_TYPE\([^\n]*")

# What precedes a comment is not examined: it may be `##`.
_TOKEN_BEFORE = re.compile(
    rb"(?:##|%:%:|\*/|(?P<alone>[(,]|#[ \t]*define[ \t]+[\w$]+[ \t]))\s*(?P<name>[\w$]*)\Z"
)
_AFTER = re.compile(BLANK + rb"(?:##|%:%:|[,);\n]|\Z)")
_FAR = 200


def parts_in(text: bytes) -> frozenset[Part]:
    """Return the parts that this text has for `##` to paste."""
    return frozenset(_parts(text))


def makes_clock(parts: frozenset[Part]) -> bool:
    """Whether the parts in a unit may make a macro that yields the date or time."""
    return Part.CLOCK in parts or {Part.WORD, Part.FRAME} <= parts


def makes_probe(parts: frozenset[Part]) -> bool:
    """Whether the parts in a unit may make a macro that checks for a file."""
    return Part.PROBE in parts or {Part.HAS, Part.INCLUDE} <= parts


def _parts(text: bytes) -> Iterator[Part]:
    for endings, parts in ((_ENDINGS, _ENDS), (_WORD_ENDINGS, _WORDS)):
        for letters, ending in endings.items():
            for found in ending.finditer(text) if letters in text else ():
                if (part := parts.get(_pasted(text, found))) is not None:
                    yield part
    if b"##" in text and _FRAMES[0].search(text):
        yield Part.FRAME
    if b"__)" in text and any(_pasted(text, found) == found[0] for found in _FRAMES[1].finditer(text)):
        yield Part.FRAME
    if b"__ha" in text and not _BEGINNINGS.isdisjoint(_HAS.findall(_OF_TYPES.sub(b"", text))):
        yield Part.HAS


def _pasted(text: bytes, found: re.Match[bytes]) -> bytes:
    """Return the name that ends in what is found, if it is where a macro may paste it."""
    before = _TOKEN_BEFORE.search(text[max(0, found.start() - _FAR) : found.start()])
    if before is None or (before["alone"] and not _AFTER.match(text, found.end())):
        return b""
    return before["name"] + found[0]
