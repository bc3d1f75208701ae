"""Make a server's messages safe for a terminal.

`shown` takes bytes that a server sent as its compiler's messages, and replaces every control sequence
with a question mark.  Colours are kept, in the two forms that compilers write, and so are gcc's links to
its own manual.  Others move the cursor, set the title, answer for the user or fill the clipboard: a
malicious server could overwrite the messages of others, or worse.

There are one-byte control characters beyond ASCII, too: terminals with 8-bit character sets, and some
others, treat 0x9b like `ESC [`.  In UTF-8 such bytes are parts of characters.  So valid UTF-8 is kept
only for users whose locale says that their terminal uses UTF-8: a Latin-1 terminal would obey the second
byte of a character.
"""

from __future__ import annotations

import re
from typing import Final

# `ESC [ 1 ; 31 m` is a colour; `ESC [ K` clears to the end of the line, as gcc does after each colour.
_COLOUR: Final = rb"\[(?:[0-9;:]{0,40}m|K)"
# A link of gcc's to its own manual, ended by BEL or by ESC and a backslash, as gcc writes it.
_LINK_END: Final = rb"(?:\x07|\x1b\\)"
_LINK: Final = (
    rb"\x1b\]8;;https://gcc\.gnu\.org/[\w./#=+%~-]{1,300}" + _LINK_END
    + rb"[\x20-\x7e]{1,200}\x1b\]8;;" + _LINK_END
)  # fmt: skip
# A character of several bytes, by the table of RFC 3629, section 4, save the C1 set.
_UTF_8: Final = (
    rb"\xc2[\xa0-\xbf]|[\xc3-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|\xf4[\x80-\x8f][\x80-\xbf]{2}"
    rb"|[\xf1-\xf3][\x80-\xbf]{3}"
)
# Printable characters, tab and newline; a return at the end of a line; what is none of UTF-8, and no C1.
_PLAIN: Final = rb"[\t\n\x20-\x7e]+|\r(?=\n)|[\xa0-\xc1\xc3-\xff]|\xc2(?![\x80-\x9f])"


def _pattern(*alike: bytes) -> re.Pattern[bytes]:
    """Match some of what is `kept`, or one thing that is not.

    After what is kept nothing has to follow, so nothing is tried again, and this is linear.  It is
    matched in parts because each repetition takes memory.
    """
    kept = b"|".join((_LINK, rb"\x1b" + _COLOUR, *alike, _PLAIN))
    return re.compile(rb"(?P<kept>(?:" + kept + rb"){1,1000})|\xc2?[\x80-\x9f]|.", re.DOTALL)


_FOR_UTF_8: Final = _pattern(_UTF_8)
_FOR_OTHERS: Final = _pattern()


def shown(said: bytes, *, utf_8: bool) -> bytes:
    """Return `said` with control sequences, except colours and links, replaced by a question mark.

    `utf_8` says that the terminal uses UTF-8.
    """
    pattern = _FOR_UTF_8 if utf_8 else _FOR_OTHERS
    return pattern.sub(lambda found: found["kept"] or b"?", said)


def is_shown_whole(said: bytes, *, utf_8: bool) -> bool:
    """Whether `shown` would return `said` unchanged; this is fast even for megabytes."""
    pattern = _FOR_UTF_8 if utf_8 else _FOR_OTHERS
    return all(found["kept"] for found in pattern.finditer(said))
