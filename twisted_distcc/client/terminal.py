"""What a server says, made fit for a terminal.

In: bytes that a server sent as its compiler's messages.  Out: the same, with a question mark in place of
whatever a terminal would obey.  Colours stay, in the two forms that compilers write them, and so does a
link of gcc's to its own manual.  Other such bytes move the cursor, set the title, answer for the user or
fill the clipboard: a server that means harm would write over the messages of others, or more.
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
# Control characters but tab and newline; the C1 set as UTF-8; a return is none at the end of a line.
_OBEYED: Final = re.compile(
    rb"(?P<link>"
    + _LINK
    + rb")|\x1b(?!"
    + _COLOUR
    + rb")|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]"
)


def shown(said: bytes) -> bytes:
    """Return `said` with a question mark for all that a terminal would obey, save colours and links."""
    return _OBEYED.sub(lambda found: found["link"] or b"?", said)
