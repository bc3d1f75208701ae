"""What preprocessed text may still read from the disk.

In: preprocessed text.  Out: why it must be compiled where it was written.  This module refuses to
parse: it looks for a few words, so a name like them in an odd place costs a local compile, and an
assembler directive glued from several string literals is not seen (the compiler then misses its
file, and the compile is done again locally).
"""

from __future__ import annotations

import re

# A directive begins a line or follows a blank, a quote, `;`, `:` or an escape of a string literal;
# after a name, `)` or `]` it is a member of that name.  The assembler takes letters of any case.
_READS_FILE = re.compile(
    rb"(?i)(?:(?<![\w$.)\]])|(?<=\\[nrtvf])|(?<=\\[0-7]{2})|(?<=\\[0-7]{3}))"
    rb"(?P<directive>\.inc(?:bin|lude))(?![\w$.])"
)

_PRAGMA = re.compile(rb"#[ \t]*pragma[ \t]+(?P<what>GCC[ \t]+pch_preprocess|clang[ \t]+module)\b")


def source_forbids(text: bytes) -> str | None:
    """Give the reason why this preprocessed text stays local, or None."""
    if found := _READS_FILE.search(text):
        directive = found["directive"].decode("ascii").lower()
        return f"the assembler directive {directive} reads a file on this machine"
    if found := _PRAGMA.search(text):
        what = " ".join(found["what"].decode("ascii").split())
        return f"#pragma {what} reads a precompiled file on this machine"
    return None
