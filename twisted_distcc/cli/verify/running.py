"""Run commands from several threads, such that all can be stopped at once.

Each command is a process group of its own: what it has started ends with it, and Ctrl-C reaches it only
through us.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Lock


class StoppedError(Exception):
    """`stop` was called: nothing is started any more."""


class Running:
    """The commands that are running."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(
        self, argv: Sequence[str], directory: str, environ: Mapping[str, str], descriptors: Sequence[int]
    ) -> tuple[int, bytes, bytes]:
        """Run a command that inherits `descriptors`; return its status, standard output and standard
        error.

        Raises:
            StoppedError: if `stop` has been called.
        """
        with self._lock:
            if self._stopped:
                raise StoppedError
            process = subprocess.Popen(
                argv,
                cwd=directory,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=descriptors,
                process_group=0,
            )
            self._processes.add(process)
        try:
            stdout, stderr = process.communicate()
        finally:
            with self._lock:
                self._processes.discard(process)
        return process.returncode, stdout, stderr

    def stop(self) -> None:
        """Kill what is running, and start nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
