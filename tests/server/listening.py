"""Ports that another program is to listen on.

In: a host.  Out: a free port, and word when somebody listens there.  Nothing here connects: that would
start the server whose start a test is about.
"""

from __future__ import annotations

import socket
from pathlib import Path

from tests.live import until


def free_port(host: str) -> int:
    """Give a port of `host` that nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, 0), family=family) as probe:
        port: int = probe.getsockname()[1]
        return port


async def listens(host: str, port: int) -> None:
    """Wait until somebody listens there."""
    table = Path("/proc/net/tcp6" if ":" in host else "/proc/net/tcp")
    await until(lambda: f":{port:04X} " in table.read_text(), f"somebody listens on port {port}")
