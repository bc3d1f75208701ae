"""Programs that dice have made, held against gcc and clang: is the scanner surely right, or undecided?

A program is preprocessed twice: with all files, and in another folder with those alone that the scanner
names.  Both have to give the same.  So it counts what is read, what `__has_include` finds, and what is
not there.  Lines that are an error are left out first.

    python -m tests.pump.judging 0 5000    # shows each that does not hold, and counts
    python -m tests.pump.judging 4711 1 --show
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from tests.pump.generated import Program, pool, program
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.search import SearchPath, question
from twisted_distcc.pump.unit import NotForServersError, UndecidedError, Unit

_ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
_MOST_REPAIRS = 12
_ERROR = re.compile(rb"(?m)^(?:\./)?(?P<file>[^:\n]+):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: ")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one program.

    Attributes:
        kind: `failed` plainly, `undecided`, to be preprocessed `here`, `right` or `wrong`.
        told: more of it.
    """

    kind: str
    told: str = ""


class Trial:
    """A folder in which programs are tried, one after the other.

    Args:
        folder: its real path.
    """

    def __init__(self, folder: str) -> None:
        self._whole = os.path.join(folder, "whole")
        self._part = os.path.join(folder, "part")
        self._searches: dict[tuple[str, ...], SearchPath] = {}
        for name, text in pool().items():
            _write(self._whole, name, text)

    def judge(self, made: Program) -> Verdict:
        """Tell whether the scanner is right about this program."""
        repaired = self._repaired(made)
        if repaired is None:
            return Verdict("failed")
        try:
            unit = self._scan(repaired)
        except UndecidedError as error:
            return Verdict("undecided", str(error))
        except NotForServersError as error:
            return Verdict("here", str(error))
        self._lay(unit)
        plain, part = _preprocess(repaired, self._whole), _preprocess(repaired, self._part)
        if (part.returncode, part.stdout) == (0, plain.stdout):
            return Verdict("right")
        return Verdict("wrong", f"{repaired}\n--- plainly {plain.stdout!r}\n--- elsewhere {part!r}")

    def _repaired(self, made: Program) -> Program | None:
        """Leave out the lines that are an error, if the compiler tells which."""
        for _ in range(_MOST_REPAIRS):
            for name, text in made.files.items():
                _write(self._whole, name, text)
            done = _preprocess(made, self._whole)
            if not done.returncode:
                return made
            less = _without_error(made, done.stderr)
            if less is None:
                return None
            made = less
        return None

    def _scan(self, made: Program) -> Unit:
        c = parse(made.words)
        assert isinstance(c, Compilation), c
        return Scanner(Disk()).unit(c, self._whole, self._search(c))

    def _search(self, c: Compilation) -> SearchPath:
        words = (c.compiler, *question(c))
        if words not in self._searches:
            answer = _run(words, self._whole)
            self._searches[words] = SearchPath.parse(answer.stdout, answer.stderr, self._whole)
        return self._searches[words]

    def _lay(self, unit: Unit) -> None:
        shutil.rmtree(self._part, ignore_errors=True)
        for folder in filter(self._is_ours, unit.folders):
            os.makedirs(self._there(folder), exist_ok=True)
        for path in filter(self._is_ours, unit.files):
            os.makedirs(os.path.dirname(self._there(path)), exist_ok=True)
            shutil.copy(path, self._there(path))

    def _is_ours(self, path: str) -> bool:
        return f"{path}/".startswith(f"{self._whole}/")

    def _there(self, path: str) -> str:
        return self._part + path.removeprefix(self._whole)


def _without_error(made: Program, said: bytes) -> Program | None:
    place = _ERROR.search(said)
    name = place["file"].decode() if place is not None else ""
    if place is None or name not in made.files:
        return None
    lines = made.files[name].split(b"\n")
    number = int(place["line"]) - 1
    if number >= len(lines) or not lines[number]:
        return None
    lines[number] = b""
    return replace(made, files={**made.files, name: b"\n".join(lines)})


def _preprocess(made: Program, folder: str) -> subprocess.CompletedProcess[bytes]:
    return _run((*(word for word in made.words if word != "-c"), "-E"), folder)


def _run(words: tuple[str, ...], folder: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, cwd=folder, env=_ENVIRONMENT, capture_output=True, check=False)


def _write(folder: str, name: str, text: bytes) -> None:
    path = Path(folder, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


def main() -> None:
    """Judge the programs that the command line names."""
    parser = argparse.ArgumentParser(description="Hold the scanner against gcc and clang.")
    parser.add_argument("first", type=int, help="the first seed")
    parser.add_argument("count", type=int, nargs="?", default=1, help="how many")
    parser.add_argument("--show", action="store_true", help="show each program as it is made")
    arguments = parser.parse_args()
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(KeyboardInterrupt):
        trial = Trial(os.path.realpath(folder))
        for seed in range(arguments.first, arguments.first + arguments.count):
            made = program(seed)
            verdict = trial.judge(made)
            counts[verdict.kind] += 1
            if arguments.show:
                print(made)
            if arguments.show or verdict.kind == "wrong":
                print(f"===== {seed} {verdict.kind} {verdict.told}", flush=True)
    print(dict(counts))


if __name__ == "__main__":
    main()
