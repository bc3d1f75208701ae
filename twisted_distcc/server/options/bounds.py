"""The options about clients: how many, how much is kept for them, and how long they may take.

In: words of a command line.  Out: `Ceilings` and `Deadlines`, by the names of the options.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from twisted_distcc.server.options.sandboxing import count, size
from twisted_distcc.server.quotas.deadlines import Deadlines
from twisted_distcc.server.quotas.holdings import Ceilings

_USUAL: Final = (Ceilings(), Deadlines())

# As `usage.Options` wants them: name, letter, default, help, reader.
CLIENT_ROWS: Final[list[list[object]]] = [
    ["max-connections", None, _USUAL[0].connections, "Most connections at a time.", count],
    ["max-stored", None, _USUAL[0].stored, "Most space for sources and results [16G].", size],
    ["idle-timeout", None, _USUAL[1].idle, "Seconds that a client may keep still.", count],
    ["transfer-timeout", None, _USUAL[1].send, "Seconds for a whole request, or a whole reply.", count],
]


def ceilings(options: Mapping[str, Any]) -> Ceilings:
    """Give the ceilings that `options` say."""
    return Ceilings(connections=options["max-connections"], stored=options["max-stored"])


def deadlines(options: Mapping[str, Any]) -> Deadlines:
    """Give the deadlines that `options` say."""
    whole = options["transfer-timeout"]
    return Deadlines(idle=options["idle-timeout"], receive=whole, send=whole)
