"""A real C distccd on loopback, which serves this machine alone.

In: a test, and what the server is to be told besides.  Out: it listens, and its port.
"""

from __future__ import annotations

import os
import shutil
from typing import Final

from tests.live import Child, LiveTestCase, until
from tests.sshd import answers, free_port

DISTCCD: Final = shutil.which("distccd", path="/usr/bin:/usr/local/bin")
NO_DISTCCD: Final = (
    "distccd is not installed (Debian: apt-get install distcc)" if DISTCCD is None else None
)


async def start_distccd(test: LiveTestCase, *options: str, **environ: str) -> tuple[Child, int]:
    """Start C distccd; give it and its port."""
    port = free_port()
    account = ["--user", "nobody"] if os.getuid() == 0 else []
    server = test.start(
        str(DISTCCD), "--daemon", "--no-detach", "--log-stderr", "--listen", "127.0.0.1",
        "--port", str(port), "--allow", "127.0.0.1", *options, *account,
        environ={"TMPDIR": "/tmp", **environ},
    )  # fmt: skip
    await until(lambda: answers(port) or server.has_ended(), "distccd listens")
    test.assertFalse(server.has_ended(), server.stderr)
    return server, port
