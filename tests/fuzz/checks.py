"""What holds of every target's errors."""

from __future__ import annotations


def check_told(error: Exception) -> None:
    """Check that an error tells something, on one line that a terminal does not obey."""
    assert str(error)
    assert str(error).isprintable(), error
