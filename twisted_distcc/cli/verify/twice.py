"""Repeat one compile here and through the farm.

A `Finding` says where a `Unit` was compiled, and what differs.  Both runs happen in the build's own
folders, by the build's own command, with the build's files moved aside.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from twisted_distcc.cli.verify.aside import put_aside
from twisted_distcc.cli.verify.differences import Ran, differences
from twisted_distcc.cli.verify.running import Running
from twisted_distcc.cli.verify.units import Unit

# What `tdistcc` logs with DISTCC_VERBOSE about a compile, or a part of it, that is done on this machine.
_DONE_HERE = re.compile(r"^tdistcc: ((?:compiling|preprocessing) here: .*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome for one unit.

    Attributes:
        here, there: the runs on this machine and through the farm; `there` is missing if the unit does
        not
            even compile here.
        said: what the client logged about it.
        different: what differs, and how.
        unstable: those differences that recur if this machine compiles it again: dates and the like.
    """

    unit: Unit
    here: Ran
    there: Ran | None = None
    said: str = ""
    different: Mapping[str, str] = field(default_factory=dict)
    unstable: frozenset[str] = frozenset()

    @property
    def reason(self) -> str:
        """Why the farm did not do all of it; empty if it did."""
        found = _DONE_HERE.findall(self.said)
        return found[-1] if found else ""

    @property
    def wrong(self) -> dict[str, str]:
        """The differences that two compiles on this machine would not have."""
        return {what: how for what, how in self.different.items() if what not in self.unstable}


@dataclass(frozen=True, slots=True)
class Twice:
    """Compiles units here and there.

    Attributes:
        tdistcc: the path of the client.
        changes: variables to add to the unit's own environment.
        scratch: a folder for logs.
    """

    tdistcc: str
    changes: Mapping[str, str]
    scratch: Path
    _running: Running = field(default_factory=Running, init=False)

    def compare(self, unit: Unit) -> Finding:
        """Compile `unit` here, then through the farm; and here again if the two differ."""
        with tempfile.TemporaryDirectory(dir=self.scratch) as folder:
            log = Path(folder, "log")
            here = self._here(unit)
            if here.status:
                return Finding(unit, here)
            there = self._there(unit, log)
            finding = Finding(
                unit, here, there, log.read_text(errors="replace"), differences(here, there)
            )
        if finding.different:
            unstable = frozenset(differences(here, self._here(unit)))
            finding = replace(finding, unstable=unstable)
        return finding

    def stop(self) -> None:
        """Kill the running compiles, and have `compare` raise `StoppedError` from now on."""
        self._running.stop()

    def _here(self, unit: Unit) -> Ran:
        return self._ran(unit, [unit.compiler, *unit.command.argv[1:]], unit.command.environ)

    def _there(self, unit: Unit, log: Path) -> Ran:
        with log.open("ab") as words:
            # A compile that fails there must not be hidden by one that succeeds here; a failing server
            # may be: the log gives the reason.
            wishes = {
                "DISTCC_FALLBACK": "1",
                "DISTCC_SKIP_LOCAL_RETRY": "1",
                "DISTCC_VERBOSE": "1",
                "DISTCC_LOG": os.fspath(log),
                "UNCACHED_ERR_FD": str(words.fileno()),
            }
            environ = {**unit.command.environ, **self.changes, **wishes}
            return self._ran(unit, [self.tdistcc, *unit.command.argv], environ, words.fileno())

    def _ran(
        self, unit: Unit, argv: Sequence[str], environ: Mapping[str, str], *descriptors: int
    ) -> Ran:
        with put_aside(unit.outputs.values()):
            status, stdout, stderr = self._running.run(
                argv, unit.command.directory, environ, descriptors
            )
            files = {what: _contents(path) for what, path in unit.outputs.items()}
        left = {what: data for what, data in files.items() if data is not None}
        return Ran(status, {**left, "standard output": stdout, "standard error": stderr})


def _contents(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None
