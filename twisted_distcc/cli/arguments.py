"""Command line parsing that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def positive(text: str) -> int:
    """Parse a whole number that is at least 1, for argparse's `type`."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def split_command(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the words before `--`, and the command after it."""
    words = list(arguments)
    end = words.index("--") if "--" in words else len(words)
    return words[:end], words[end + 1 :]
