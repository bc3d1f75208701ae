"""The forms that an argument of an option must have to travel.

No forms but `TEXT` and `LISTING` admit anything that names a file elsewhere, a program, or a file of
more options: no `/`, no backslash, no blank and no `@`.  The last matters even within a word: clang
passes `-march=@x` to its inner program as `-target-cpu @x`, which then reads options from the file x.
"""

from __future__ import annotations

import enum
import re


class Form(enum.Enum):
    """A form, with a name for people to read."""

    SWITCH = "nothing, or a number after ="
    """The rest of a name, `strict-aliasing`, and at most a number: what an unknown option may be."""
    LEVEL = "a level"
    WORDS = "words and numbers"
    """One, or a list of them: `address,undefined`, `16:11:8`, `pac-ret+leaf`, `!sqrt`."""
    NAMED_WORDS = "words and numbers, with or without a name and ="
    SETTING = "NAME=VALUE"
    ASSERTION = "an assertion"
    FEATURE = "a feature, with + or -"
    LISTING = "letters, and perhaps = and a file"
    """What a listing shows: nothing of it is the time, or the name of a temporary file."""
    PATTERN = "a pattern for names"
    TEXT = "a text that does not begin with @"
    """Written into the object or compared with something, but never opened."""

    def admits(self, argument: str) -> bool:
        """Whether `argument` has this form."""
        return _PATTERNS[self].fullmatch(argument) is not None


_PATTERNS = {
    form: re.compile(pattern, re.ASCII | re.DOTALL)
    for form, pattern in {
        Form.SWITCH: r"[\w+.#-]*(?:=[0-9]+)?",
        Form.LEVEL: r"[0-9]*|fast|[sgz]",
        Form.WORDS: r"[\w+.,:!^*#-]*",
        Form.NAMED_WORDS: r"[\w.-]*(?:=[\w+.,:!^*#-]*)?",
        Form.SETTING: r"[\w.$-]+=[\w+.-]*",
        Form.ASSERTION: r"-|-?\w+(?:=\w+|\(\w+\))?",
        Form.FEATURE: r"[+-][\w.-]+",
        Form.LISTING: r"[cdhlmns]*(?:=.+)?",
        Form.PATTERN: r"[\w.*+?|^$()\[\]-]*",
        Form.TEXT: r"(?!@).*",
    }.items()
}
