"""Response files: `@file` stands for the words in that file.

`expand` opens no file itself: it is given a function that returns the text of one.

The rules are gcc's (its manual, "Overall Options", `@file`): words are separated by white space, quotes
of either kind hold a word together, and a backslash takes the next character literally, within quotes
too. An `@file` that cannot be read is an ordinary word.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

EXPANSION_LIMIT = 2000
"""How many files one command may name, including nested ones: a file that names itself must end."""

_BLANKS = frozenset(" \t\n\r\v\f")


class TooManyResponseFilesError(Exception):
    """More response files than `EXPANSION_LIMIT`."""


def expand(words: Iterable[str], read_file: Callable[[str], str | None]) -> list[str]:
    """Replace response files by their words, including nested ones."""
    expanded = []
    waiting = deque(words)
    files = 0
    while waiting:
        word = waiting.popleft()
        text = read_file(word[1:]) if word.startswith("@") else None
        if text is None:
            expanded.append(word)
            continue
        files += 1
        if files > EXPANSION_LIMIT:
            raise TooManyResponseFilesError
        waiting.extendleft(reversed(split(text)))
    return expanded


def split(text: str) -> list[str]:
    """Split the text of a response file into words."""
    return list(_words(text))


def _words(text: str) -> Iterator[str]:
    word: list[str] | None = None
    quote = ""
    characters = iter(text)
    for character in characters:
        if not quote and character in _BLANKS:
            if word is not None:
                yield "".join(word)
            word = None
            continue
        word = [] if word is None else word
        if character == "\\":
            word.append(next(characters, ""))
        elif character == quote:
            quote = ""
        elif not quote and character in "'\"":
            quote = character
        else:
            word.append(character)
    if word is not None:
        yield "".join(word)
