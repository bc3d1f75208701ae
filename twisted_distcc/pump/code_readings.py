r"""The code of a text: what is in no comment, and in no string.

`R"(" __TIME__ ")"` is one string to most compilers.  In strict ISO C, `R` is a name there, and what is
between the two strings is code.  So a text with raw strings has two readings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# The ' of 1'000 begins no character, and no comment begins behind that of `#error don't /*`.  What is
# open to the end of the text takes all of it, so that nothing is read twice.
_NUMBER = rb"(?P<number>(?<![\w$])\.?[0-9](?:'?[\w.]|(?<=[eEpP])[+-])*+)"
_COMMENT = rb"|/\*(?s:.*?)(?:\*/|(?P<unended>\Z))|//[^\n]*"
_RAW = rb'|(?<![\w$])(?:u8?|U|L)?R"(?P<mark>[^()\\\s]{0,16})\((?s:.*?)(?:\)(?P=mark)"|(?P<unclosed>\Z))'
_LITERAL = rb'|"(?:\\.|[^"\\\n])*"|' + rb"'(?:\\.|[^'\\\n])*'|(?P<open>[\"'][^\n]*)"

_NO_CODE = re.compile(_NUMBER + _COMMENT + _RAW + _LITERAL)
_NO_CODE_OF_C = re.compile(_NUMBER + _COMMENT + _LITERAL)
_ENDLESS = frozenset({"open", "unended", "unclosed"})


def codes(text: bytes) -> Iterator[bytes]:
    """Yield the code of a text whose lines are joined, in each of its readings."""
    return (no_code.sub(_code_in, text) for no_code in _readings(text))


def uncommented(text: bytes) -> Iterator[bytes]:
    """Yield a text whose lines are joined without its comments, in each of its readings."""
    return (no_code.sub(_uncommented_in, text) for no_code in _readings(text))


def _readings(text: bytes) -> tuple[re.Pattern[bytes], ...]:
    return (_NO_CODE, _NO_CODE_OF_C) if b'R"' in text else (_NO_CODE,)


def _code_in(found: re.Match[bytes]) -> bytes:
    """Return what a compiler may read as code: everything whose end it would look for in vain."""
    return found[0] if found.lastgroup in _ENDLESS else b" "


def _uncommented_in(found: re.Match[bytes]) -> bytes:
    is_comment = found[0].startswith(b"/") and found.lastgroup not in _ENDLESS
    return b" " if is_comment else found[0]
