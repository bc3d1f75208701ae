"""Tell servers what `__DATE__` and `__TIME__` are here.

The compiler itself says what they are, as it knows the time zone: it preprocesses the two macros.
Servers are told so by `SOURCE_DATE_EPOCH`, which compilers read as UTC.  Compilers that ignore this
variable, such as clang before version 16, do not say a date of long ago when they should.
"""

from __future__ import annotations

import calendar
import os
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import ask
from twisted_distcc.cmdline.environment import DATE
from twisted_distcc.pump.unit import FileSystem, NotForServersError, Stamp
from twisted_distcc.runtime.processes import Spawner

_MOST: Final = 100

_LONG_AGO: Final = 1_000_000_000
_FORM: Final = '"%b %d %Y" "%H:%M:%S"'


class DatesForServers:
    """What compilers here say of the date, and whether they can be told another.

    Args:
        files: used to check whether a compiler is still the same.
        spawn: starts compilers.
    """

    def __init__(self, files: FileSystem, spawn: Spawner) -> None:
        self._files = files
        self._spawn = spawn
        self._tellable: Bounded[tuple[str, Stamp | None], bool] = Bounded(_MOST)

    async def is_tellable(self, candidate: Candidate) -> bool:
        """Whether the compiler of `candidate` takes the date from `SOURCE_DATE_EPOCH`.

        Raises:
            CannotStartError: if there is no such compiler.
        """
        key = candidate.compiler, self._files.stamp(candidate.compiler)
        known = self._tellable.get(key)
        if known is None:
            known = await self._said(candidate, {DATE: str(_LONG_AGO)}) == _LONG_AGO
            self._tellable[key] = known
        return known

    async def now(self, candidate: Candidate) -> str:
        """Return the value of `SOURCE_DATE_EPOCH` that makes it, elsewhere, what it is now and here.

        Raises:
            CannotStartError: if there is no such compiler.
            NotForServersError: if the compiler does not say what it is.
        """
        said = await self._said(candidate, {})
        if said is None:
            raise NotForServersError("its compiler does not say the date")
        return str(said)

    async def _said(self, candidate: Candidate, variables: Mapping[str, str]) -> int | None:
        with TemporaryDirectory() as folder:
            source = os.path.join(folder, "date")
            Path(source).write_text("__DATE__ __TIME__\n")
            words = ["-E", "-P", "-x", "c", source]
            environ = {**candidate.invocation.environ, **variables}
            answer = await ask(self._spawn, candidate.compiler, words, candidate.invocation, environ)
        return _read(answer.stdout.decode("ascii", "replace").strip())


def _read(said: str) -> int | None:
    """Return the time of the two macros, read as UTC, in seconds since 1970; `None` if it is none."""
    try:
        read = time.strptime(said, _FORM)
    except ValueError:
        return None
    seconds = calendar.timegm(read)
    has_name = time.gmtime(seconds).tm_sec == read.tm_sec  # a leap second has none in UTC
    return seconds if seconds >= 0 and has_name else None
