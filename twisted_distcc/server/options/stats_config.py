"""Where a server serves its statistics; only a server that does loads this module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOOPBACK: Final = ("127.0.0.1",)
"""Where statistics are served unless somebody says otherwise."""


@dataclass(frozen=True, slots=True)
class StatsConfig:
    """The listener for statistics.

    Attributes:
        port: TCP port; 0 lets the system choose.
        listen: addresses to listen on.
        names: names that browsers may reach it by, besides those of this machine.
    """

    port: int
    listen: tuple[str, ...] = LOOPBACK
    names: tuple[str, ...] = ()
