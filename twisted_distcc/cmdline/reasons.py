"""Reasons why a command stays local, made fit for a log: a peer may have made up the words."""

from __future__ import annotations

_SHOWN_LENGTH = 60
"""How many characters of a peer's word are repeated in a message."""


class StaysError(Exception):
    """The command stays local; the argument is the reason."""


def shown(word: str) -> str:
    """Return a word of the command, made fit for a message that is logged and printed."""
    clean = "".join(character if character.isprintable() else "?" for character in word)
    if len(clean) > _SHOWN_LENGTH:
        clean = clean[:_SHOWN_LENGTH] + "…"
    return clean or "''"
