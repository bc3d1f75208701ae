"""How rules name identities, compilers and options: as themselves, or with `*`.

In: a pattern that an administrator wrote, and a text that a peer chose.  Out: whether they match.  `*`
stands for any characters, and every other character for itself, brackets too: IPv6 addresses have
them.  This module refuses to know regular expressions: a text can be made to keep one busy for ever.
"""

from __future__ import annotations

from collections.abc import Iterable


def matches(pattern: str, text: str) -> bool:
    """Whether `text`, as a whole, is what `pattern` says; the time grows with their lengths alone."""
    first, *others = pattern.split("*")
    if not others:
        return text == first
    *middle, last = others
    start, end = len(first), len(text) - len(last)
    if start > end or not (text.startswith(first) and text.endswith(last)):
        return False
    for part in middle:
        found = text.find(part, start, end)
        if found < 0:
            return False
        start = found + len(part)
    return True


def matches_any(patterns: Iterable[str], texts: Iterable[str]) -> bool:
    """Whether some of `texts` is what some of `patterns` says."""
    texts = tuple(texts)
    return any(matches(pattern, text) for pattern in patterns for text in texts)
