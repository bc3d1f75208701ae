"""Short questions to programs that are trusted: a compiler, a loader, bubblewrap.

In: a command.  Out: what it answered.  It waits, for ten seconds at most, so it is
not for the reactor's thread.
"""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Final

_SLOW: Final = 10.0


def ask(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Give what `argv` says on its standard output; nothing if it fails.

    Raises:
        OSError: if it cannot be started, or does not answer.
    """
    try:
        asked = subprocess.run(
            argv,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=dict(environ),
            timeout=_SLOW,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT), argv[0]) from None
    return os.fsdecode(asked.stdout) if not asked.returncode else ""
