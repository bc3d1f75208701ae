"""Patterns by which rules name identities, compilers and options: literal text with `*`.

An administrator writes the pattern, and a peer chooses the text.  `*` matches any characters, and every
other character matches itself, including brackets, which IPv6 addresses have.  Regular expressions are
not used, because a malicious text could keep one busy forever.
"""

from __future__ import annotations

from collections.abc import Iterable


def matches(pattern: str, text: str) -> bool:
    """Whether the whole `text` matches `pattern`; the time depends only on their lengths."""
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
    """Whether any of `texts` matches any of `patterns`."""
    texts = tuple(texts)
    return any(matches(pattern, text) for pattern in patterns for text in texts)
