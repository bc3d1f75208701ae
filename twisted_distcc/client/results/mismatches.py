"""Detect compiles that failed on a server but succeed on this machine.

`Mismatches.watch` takes a compile whose tree a server's compiler rejected, and returns a function to
call when the compiler here has ended.  If that succeeded, a message and a reproducer are written, and
the unit stays here for the lifetime of this process: a server that is wrong once will be wrong again,
and each time costs two compiles.  Blaming a server wrongly is worse than missing a fault, so anything
that may have another reason is ignored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from twisted.logger import Logger

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.sources import Found
from twisted_distcc.client.results.delivery import Compiled
from twisted_distcc.client.results.reproducers import Evidence, write
from twisted_distcc.jobs.model import Tree
from twisted_distcc.pump.unit import FileSystem, Stamp
from twisted_distcc.runtime.threads import Threads

_log = Logger()

# Units that stay here; one that is forgotten will be detected again.
_MOST: Final = 10_000
_Unit = tuple[str, tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class _Suspicion:
    """What is known before the compiler runs here."""

    candidate: Candidate
    found: Found
    object_before: Stamp | None
    evidence: Evidence
    folder: str


class Mismatches:
    """The units that servers were found unable to compile.

    Args:
        files: used to check what has changed.
        threads: runs the writing in a thread.
    """

    def __init__(self, files: FileSystem, threads: Threads) -> None:
        self._files = files
        self._threads = threads
        self._guilty = Bounded[_Unit, None](_MOST)
        self._notices: list[str] = []

    def stays_here(self, candidate: Candidate) -> bool:
        """Whether a server has failed to compile this unit and this machine has succeeded."""
        return _unit(candidate) in self._guilty

    def notices(self) -> list[str]:
        """Return messages for the user, each of them once."""
        notices, self._notices = self._notices, []
        return notices

    def watch(
        self, candidate: Candidate, found: Found, tree: Tree, compiled: Compiled, folder: str
    ) -> Callable[[], None]:
        """Remember what failed; call the returned function when the compiler here has ended.

        Args:
            candidate: the compile.
            found: its files.
            tree: the same, as they were sent.
            compiled: the server's answer.
            folder: where to write the reproducer.
        """
        evidence = Evidence(
            str(compiled.host), compiled.request.arguments, tree, compiled.reply.stderr.read()
        )
        before = self._files.stamp(candidate.output)
        suspicion = _Suspicion(candidate, found, before, evidence, folder)
        return lambda: self._judge(suspicion)

    def _judge(self, suspicion: _Suspicion) -> None:
        if self._succeeded(suspicion) and self._is_as_sent(suspicion.found):
            unit = _unit(suspicion.candidate)
            if unit not in self._guilty:
                self._guilty[unit] = None
                self._report(suspicion)

    def _succeeded(self, suspicion: _Suspicion) -> bool:
        """Whether the compiler has written the object; on failure it removes any old one."""
        after = self._files.stamp(suspicion.candidate.output)
        return after is not None and after.size > 0 and after != suspicion.object_before

    def _is_as_sent(self, found: Found) -> bool:
        """Whether the files are still what the server got: otherwise an error may have been fixed."""
        return all(self._files.stamp(path) == stamp for path, stamp in found.unit.files.items())

    def _report(self, suspicion: _Suspicion) -> None:
        source = suspicion.candidate.compilation.source
        what = f"{source} failed to compile on {suspicion.evidence.host}, and compiles here"

        def tell(written: str) -> None:
            notice = f"{what}: it stays here from now on; {written}"
            _log.warn("{notice}", notice=notice)
            self._notices.append(notice)

        said: list[str] = []
        writing = self._threads(lambda: said.append(write(suspicion.evidence, source, suspicion.folder)))
        writing.addCallbacks(
            lambda _: tell(*said), lambda failure: tell(f"no reproducer: {failure.getErrorMessage()}")
        )


def _unit(candidate: Candidate) -> _Unit:
    return candidate.compiler, candidate.compilation.arguments, candidate.invocation.directory
