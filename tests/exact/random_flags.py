"""Compile with random flags, and compare each compile with what the compiler does by itself.

In: the number to begin the random numbers with, and how many compiles.  Out: what `twisted-distcc
verify` says of them::

    python -m tests.exact.random_flags 7 500

Each compile has flags from the sets of `doc/flags.md`, and some that make more files, whether or not
they go together: what the compiler here does not take either is told apart.
"""

from __future__ import annotations

import json
import random
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from tests.exact.test_flags import FILES, flag_sets
from twisted_distcc.cli.installed import installed_command

# Options whose argument is a word of its own.
_SEPARATE: Final = re.compile(
    r"-MF|-MT|-MQ|-MJ|--param|-mllvm|-iquote|-isystem|-include|-Xclang|-target|-x|-[IDU]|-imacros"
    r"|-idirafter|-ivfsoverlay|--serialize-diagnostics"
)
_MORE: Final = """-S|-g|-g3|-gz|-gdwarf-4|-gsplit-dwarf|-save-temps|-save-temps=obj|-fstack-usage|-MD
--coverage|-MMD -MP|-march=native|-flto|-O0|-O3|-Og|-pipe|-m32|-Wall -Wextra|-Wpedantic|-masm=intel
-fsanitize=address|-fsanitize=undefined|-fopt-info|-Rpass=.*|-fprofile-generate|-fcallgraph-info
-grecord-gcc-switches|-frecord-gcc-switches|-fno-integrated-as|-std=gnu17|-std=c++20|-emit-llvm"""
# What gcc otherwise makes differently each time.
_WITHOUT_CHANCE: Final = ("-frandom-seed=w", "-fno-var-tracking")
_COMPILERS: Final = {"w.c": ("gcc", "clang"), "w.cc": ("g++", "clang++")}


def main(seed: int, count: int) -> int:
    """Compile, and return the exit status of `verify`."""
    chosen = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for name, text in FILES.items():
            (work / name).parent.mkdir(exist_ok=True)
            (work / name).write_text(text)
        commands = [_command(chosen, work, number) for number in range(count)]
        (work / "compile_commands.json").write_text(json.dumps(commands))
        return subprocess.call([installed_command("twisted-distcc"), "verify", str(work)])


def _command(chosen: random.Random, work: Path, number: int) -> dict[str, Any]:
    source = chosen.choice(sorted(_COMPILERS))
    compiler = chosen.choice(_COMPILERS[source])
    own = f"own{number}"
    (work / own).mkdir()
    flags = [*_some(chosen, _known(compiler, work), 7), *_some(chosen, _groups(_MORE), 3)]
    words = [_within(own, word) for flag in flags for word in flag]
    if any(word.startswith(("-MF", "-MT", "-MQ", "-MP")) for word in words):
        words.append("-MD")
    if compiler.startswith("g"):
        words += _WITHOUT_CHANCE
    stage = [] if "-S" in words else ["-c"]
    argv = [compiler, *words, *stage, source, "-o", f"{own}/w.o"]
    return {"directory": str(work), "file": source, "arguments": argv}


def _some(chosen: random.Random, flags: Iterable[tuple[str, ...]], most: int) -> list[tuple[str, ...]]:
    return chosen.sample(sorted(flags), chosen.randint(0, most))


def _known(compiler: str, work: Path) -> set[tuple[str, ...]]:
    """Return the flags of all sets for this compiler, each with its argument."""
    sets = (one.flags.replace("$PWD", str(work)) for one in flag_sets() if compiler in one.compilers)
    return {flag for flags in sets for flag in _grouped(shlex.split(flags)) if not _is_dump(flag)}


def _groups(text: str) -> set[tuple[str, ...]]:
    return {tuple(flag.split()) for line in text.splitlines() for flag in line.split("|")}


def _grouped(words: list[str]) -> Iterator[tuple[str, ...]]:
    """Yield options with their arguments; those of clang's inner program in a row stay together."""
    waiting = iter(words)
    group: list[str] = []
    for word in waiting:
        if group and (word != "-Xclang" or group[0] != "-Xclang"):
            yield tuple(group)
            group = []
        group += [word, next(waiting)] if _SEPARATE.fullmatch(word) else [word]
    if group:
        yield tuple(group)


def _is_dump(flag: tuple[str, ...]) -> bool:
    return flag[0].startswith("-fdump")  # `verify` does not know the names of dumps


def _within(own: str, word: str) -> str:
    """Return the word with files that the command writes in a folder of its own."""
    return word.replace("w.d", f"{own}/w.d") if word.endswith(("w.d", "w.o.d", "w.d.tmp")) else word


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
