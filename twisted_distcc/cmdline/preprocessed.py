"""What preprocessed text reveals: where it was made, and which files there it may still read.

This does not parse, but searches for a few words: a similar name in an odd place costs a local compile,
and an assembler directive glued from several string literals is not found (the compiler then misses its
file, and the compile is repeated locally).
"""

from __future__ import annotations

import os
import re

# The assembler accepts letters of any case.  The pattern begins with letters, not with what may precede
# them: so the search skips from dot to dot, which is a hundred times as fast.
_DIRECTIVE = re.compile(rb"(?i)\.inc(?:bin|lude)(?![\w$.])")

# A directive begins a line or follows a blank, a quote, `;`, `:` or an escape of a string literal;
# after a name, `)` or `]` it is a member of that name.
_MAY_PRECEDE = re.compile(rb"(?s)(?:.*[^\w$.)\]]|.*\\[nrtvf]|.*\\[0-7]{2,3}|)\Z")
_LONGEST_ESCAPE = 4

# gcc's second line, if debug information is asked for; two slashes end the folder's name.
_FOLDER = re.compile(rb'[^\n]*\n# [0-9]+ "(?P<folder>/[^"\\\n\0]*)//"\n')
_LONGEST_PATH = 4096

# How a module of LLVM's begins that is not text.
_BITCODE = b"BC\xc0\xde"

_PRAGMA = re.compile(rb"#[ \t]*pragma[ \t]+(?P<what>GCC[ \t]+pch_preprocess|clang[ \t]+module)\b")


def source_forbids(text: bytes) -> str | None:
    """Return the reason why this preprocessed text stays local, or None."""
    if text[: len(_BITCODE)] == _BITCODE:
        return "bitcode may have the assembler read files, which cannot be seen in it"
    for found in _DIRECTIVE.finditer(text):
        before = text[max(0, found.start() - _LONGEST_ESCAPE) : found.start()]
        if _MAY_PRECEDE.match(before):
            directive = found[0].decode("ascii").lower()
            return f"the assembler directive {directive} reads a file on this machine"
    if pragma := _PRAGMA.search(text):
        what = " ".join(pragma["what"].decode("ascii").split())
        return f"#pragma {what} reads a precompiled file on this machine"
    return None


def working_directory(text: bytes) -> str | None:
    """Return the folder that gcc says it preprocessed in; `None` if it does not, or not in a usable way.

    `text` is the text or its beginning.  A name that is not in its plainest form is not returned.
    """
    found = _FOLDER.match(text)
    if found is None:
        return None
    folder = os.fsdecode(found["folder"])
    plain = len(folder) < _LONGEST_PATH and os.path.normpath(folder) == folder
    return folder if plain and not folder.startswith("//") else None
