"""Why a command stays where it was typed.

In: words that a peer may have made up.  Out: sentences fit for a log.  This module refuses to judge.
"""

from __future__ import annotations

_SHOWN_LENGTH = 60
"""Characters of a peer's word that a sentence repeats."""


class StaysError(Exception):
    """The verdict is local; the argument is the reason."""


def shown(word: str) -> str:
    """A word of the command, fit for a sentence that is logged and printed."""
    clean = "".join(character if character.isprintable() else "?" for character in word)
    if len(clean) > _SHOWN_LENGTH:
        clean = clean[:_SHOWN_LENGTH] + "…"
    return clean or "''"
