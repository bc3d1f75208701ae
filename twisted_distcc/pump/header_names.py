"""Header names in tokens produced by macros: `"a.h"` is one token, and `<a.h>` may be four."""

from __future__ import annotations

import re

from twisted_distcc.pump.macro_tokens import Tokens, stripped, text_of
from twisted_distcc.pump.unit import UndecidedError

# In `<a->` and the like, a compiler may see another token than `>`.
_AMBIGUOUS_BRACKETS = re.compile(rb"(?s)<[<:%=].*|<.*[->]>?|<.*>[>=]")


def may_become_header(done: Tokens) -> bool:
    """Whether the tokens so far are not a header name yet, but more may make one."""
    solid = stripped(done)
    return not solid or (solid[0].text == b"<" and not header_of(solid))


def header_of(done: Tokens) -> bytes:
    """Return the header that a directive names; empty if none."""
    solid = stripped(done)
    first = solid[0].text if solid else b""
    if first.startswith(b'"') or (first.startswith(b"<") and first.endswith(b">")):
        return first
    if first != b"<":
        return b""
    end = next((number for number, token in enumerate(solid) if token.text == b">"), None)
    if end is None:
        return b""
    if _AMBIGUOUS_BRACKETS.fullmatch(text_of(solid[:end])) or text_of(solid[end + 1 : end + 2]) in {
        b">",
        b"=",
    }:
        raise UndecidedError("the brackets that the macros of an #include make may be other operators")
    return text_of(solid[: end + 1])
