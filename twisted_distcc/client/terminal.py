"""What a server says, made fit for a terminal.

In: bytes that a server sent as its compiler's messages.  Out: the same, with a question mark in place of
whatever a terminal would obey.  Colours stay, in the two forms that compilers write them.  Other such
bytes move the cursor, set the title, answer in the user's place or fill the clipboard: a server that
means harm would write over the messages of others, or more.
"""

from __future__ import annotations

import re
from typing import Final

# `ESC [ 1 ; 31 m` is a colour; `ESC [ K` clears to the end of the line, as gcc does after each colour.
_COLOUR: Final = rb"\[(?:[0-9;:]{0,40}m|K)"
# Control characters but tab and newline; the C1 set as UTF-8; a return is none at the end of a line.
_OBEYED: Final = re.compile(
    rb"\x1b(?!" + _COLOUR + rb")|\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]|\xc2[\x80-\x9f]"
)


def shown(said: bytes) -> bytes:
    """Give `said` with a question mark for everything that a terminal would obey, save colours."""
    return _OBEYED.sub(b"?", said)
