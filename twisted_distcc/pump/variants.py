r"""The text of a file as compilers may read it: with lines joined, and trigraphs replaced or not.

`#inc\` and `lude "a.h"` in the next line are one directive to every compiler, and `??=include "a.h"` is
one to some: there are two variants of a text with trigraphs, and each is scanned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import filterfalse

_OTHER_HASH = re.compile(rb"(?m)(^[ \t\v\f\r]*|\*/[ \t\v\f\r]*)%:(?!%:)")
_SPLICE = re.compile(rb"\\[ \t\v\f\r]*\n")
_TRIGRAPHS = {b"??=": b"#", b"??/": b"\\", b"??'": b"^", b"??(": b"[", b"??)": b"]", b"??!": b"|"}
_TRIGRAPHS |= {b"??<": b"{", b"??>": b"}", b"??-": b"~"}

TANGLED = "comments begin in it again and again before one ends"
_MOST_REREAD = 16
"""How often a text may be read in search of the ends of comments, on average; usually once."""
_REREAD_AT_LEAST = 1_000_000
"""Bytes that may be read this way in any text."""


def variants(contents: bytes) -> Iterator[bytes]:
    """Yield the variants of the text that compilers may see, with lines joined.

    There are several if trigraphs may or may not be replaced, and if a lone carriage return ends a line
    for one compiler, and is a blank for another.  There is none for a text that would take too long to
    scan.
    """
    return filterfalse(_is_tangled, _variants(contents))


def _is_tangled(text: bytes) -> bool:
    """Whether comments begin again and again before one ends.

    Wherever one may begin, its end is searched for, so `#/*#/*#/*` would take quadratic time.
    """
    reread = sum(piece.count(b"/*") * len(piece) for piece in text.split(b"*/"))
    return reread > _MOST_REREAD * len(text) + _REREAD_AT_LEAST


def _variants(contents: bytes) -> Iterator[bytes]:
    text = contents.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in text:
        text = text.replace(b"\0", b" ")
    if b"\r" in text:
        text = text.replace(b"\r\n", b"\n")
    for one in (text, text.replace(b"\r", b"\n")) if b"\r" in text else (text,):
        yield _joined(one)
        if b"??" in one:
            for trigraph, character in _TRIGRAPHS.items():
                one = one.replace(trigraph, character)  # noqa: PLW2901
            yield _joined(one)


def _joined(text: bytes) -> bytes:
    """Join lines, and replace `%:` with `#` where a directive begins."""
    text = _SPLICE.sub(b"", text) if b"\\" in text else text
    return _OTHER_HASH.sub(rb"\1#", text) if b"%:" in text else text
