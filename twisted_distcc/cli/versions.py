"""The `--version` of the programs that stand in for distcc's.

It has the form of `distcc --version`, which scripts read: the name, version and machine in the first
line, protocols and port in the second.
"""

from __future__ import annotations

import os
import sys

from twisted_distcc import __version__
from twisted_distcc.client.hosts import DEFAULT_PORT


def version_lines(program: str) -> str:
    """Return the answer to `PROGRAM --version`."""
    return (
        f"{program} {__version__} {os.uname().machine}-{sys.platform}\n"
        f"  (protocols 1, 2 and 3) (default port {DEFAULT_PORT})\n"
        "  part of twisted_distcc, which stands in for distcc 3.4\n"
    )
