"""Find out from the compiler itself whether a compile uses `__DATE__` and the like.

A scan sees that one of these words occurs somewhere.  Whether the clock is really used depends on more:
on branches, on macros that are never called, on `#define __DATE__ "redacted"` in an earlier header.  So
the compiler is asked to preprocess with `-Wdate-time`, which warns of each use.  The answer is cached as
long as no file of the unit changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.compiler_probe import ask
from twisted_distcc.client.inputs.depfile_listing import unit_key
from twisted_distcc.cmdline.rewrite import clock_argv
from twisted_distcc.pump.folders import settled
from twisted_distcc.pump.unit import FileSystem, Stamp, Unit
from twisted_distcc.runtime.processes import Spawner

# Units that are cached, each a few hundred kilobytes at most.
_MOST: Final = 500

_WARNING: Final = b"-Wdate-time"
# A text with one of these may silence the warning: `#pragma GCC diagnostic ignored "-Wdate-time"`.
_SILENCING: Final = (b"date-time", b"-Weverything")


@dataclass(frozen=True, slots=True)
class _Answer:
    """Whether a unit of these files uses the clock."""

    files: dict[str, Stamp]
    says: bool


class DateMacros:
    """A cache of answers.

    Args:
        files: the files.
        spawn: starts compilers.
    """

    def __init__(self, files: FileSystem, spawn: Spawner) -> None:
        self._files = files
        self._spawn = spawn
        self._answers: Bounded[tuple[object, ...], _Answer] = Bounded(_MOST)

    def known(self, candidate: Candidate, directory: str, unit: Unit) -> bool | None:
        """Return whether the compile of `unit` uses the clock; `None` if that is not known."""
        key = unit_key(candidate, directory)
        answer = self._answers.get(key)
        if answer is None or answer.files != unit.files:
            return None
        self._answers[key] = answer  # the last one to be forgotten
        return answer.says

    async def ask(self, candidate: Candidate, directory: str, unit: Unit) -> bool:
        """Ask the compiler whether the compile of `unit` uses the clock; in case of doubt it does.

        Raises:
            CannotStartError: if there is no such compiler.
        """
        begun = self._files.now_ns()
        words = clock_argv(candidate.compilation)
        says = words is None or self._is_silenced(unit) or await self._warns(candidate, words[1:])
        if all(settled(stamp, begun) for stamp in unit.files.values()):
            self._answers[unit_key(candidate, directory)] = _Answer(unit.files, says)
        return says

    async def _warns(self, candidate: Candidate, words: list[str]) -> bool:
        invocation = candidate.invocation
        answer = await ask(self._spawn, candidate.compiler, words, invocation, invocation.environ)
        return answer.status != 0 or _WARNING in answer.stderr

    def _is_silenced(self, unit: Unit) -> bool:
        texts = (self._files.read(path) or b"" for path in unit.files)
        return any(word in text for text in texts for word in _SILENCING)
