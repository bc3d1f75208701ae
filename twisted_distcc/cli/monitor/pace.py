"""How often a monitor looks: as often as it is told to, unless that would be much work.

A build of many thousands of units takes some tenths of a second to count.  The compiles beside it need
the processors more.
"""

from __future__ import annotations

from typing import Final

_SHARE: Final = 0.1
"""The most of one processor's time that a monitor uses."""


def pause_after(worked: float, interval: float) -> float:
    """Return for how many seconds to rest after so many of work, at least `interval`."""
    return max(interval, worked * (1 / _SHARE - 1))
