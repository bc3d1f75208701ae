"""Short questions to programs that are trusted: a compiler, a loader, bubblewrap.

In: a command.  Out: what it answered.  It waits, for twenty seconds at most, so it is not for the
reactor's thread.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from twisted_distcc.execution.sandbox.trial import run_here
from twisted_distcc.execution.words import Words
from twisted_distcc.launcher.command import Command


def ask(argv: Sequence[str], environ: Mapping[str, str], *, stderr: bool = False) -> str:
    """Return what `argv` writes to its standard output, or its standard error; nothing if it fails.

    Raises:
        DistccError: if it cannot be started, or does not answer.
    """
    with Words("answer") as answer:
        descriptor = answer.descriptor
        command = (
            Command(argv, environ, stderr=descriptor)
            if stderr
            else Command(argv, environ, stdout=descriptor)
        )
        ended = run_here(command)
        return os.fsdecode(answer.last()) if not ended.status else ""
