"""Words about a compile, to where the user wants them.

In: the environment of a compile.  Out: a `Report` that writes to `DISTCC_LOG`, if that names a file, and
otherwise to whoever asked; in full with `DISTCC_VERBOSE`, and else only what went wrong.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from twisted_distcc.client.invocation import Report
from twisted_distcc.pump.callers import is_private


@dataclass(frozen=True, slots=True)
class _Written:
    """Writes lines by `write`; those that only tell, if `verbose`."""

    write: Callable[[bytes], None]
    verbose: bool

    def say(self, text: str) -> None:
        if self.verbose:
            self._line(text)

    def warn(self, text: str) -> None:
        self._line(text)

    def _line(self, text: str) -> None:
        self.write(os.fsencode(f"tdistcc: {text}\n"))


def make_report(environ: Mapping[str, str], write: Callable[[bytes], None]) -> Report:
    """Make the report that `environ` asks for; `write` takes lines that go to no file."""
    verbose = environ.get("DISTCC_VERBOSE", "0") not in ("", "0")
    log = environ.get("DISTCC_LOG")
    if not log or is_private(log):  # the caller's own stream: `write` leads there
        return _Written(write, verbose)

    def append(line: bytes) -> None:
        with contextlib.suppress(OSError), Path(log).open("ab") as file:
            file.write(line)

    return _Written(append, verbose)
