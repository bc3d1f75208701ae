"""C++ sources that include about five hundred headers each, which lie beside them.

What enters: a folder, and how many are wanted.
What leaves: the sources, the headers, the commands that compile them, and what these read.

The headers are copies of g++'s own, as a pump client of C distcc's sends none of the system's.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.recording import Compilation

_HEADERS = (
    "bits/stdc++.h",
    "experimental/algorithm",
    "experimental/filesystem",
    "experimental/memory_resource",
    "ext/rope",
    "ext/vstring.h",
    "parallel/algorithm",
    "tr1/cmath",
    "tr1/functional",
    "tr1/random",
    "tr1/unordered_map",
)
_OPTIONS = ("-std=c++17", "-O2")
_SEARCHED = ("#include <...> search starts here:", "End of search list.")


def large_units(directory: Path, count: int) -> list[Compilation]:
    """Write `count` sources and their headers into `directory`; return what compiles them."""
    includes = "".join(f"#include <{header}>\n" for header in _HEADERS)
    names = [f"unit{number}" for number in range(count)]
    for name in names:
        (directory / f"{name}.cc").write_text(f"{includes}int {name}() {{ return 0; }}\n")
    first = Compilation(str(directory), ("g++", *_OPTIONS, "-c", f"{names[0]}.cc"))
    for path in files_read(first):
        _copy(path, directory)
    searched = [f"-I.{folder}" for folder in _search_folders()]
    options = ("g++", *_OPTIONS, "-nostdinc", *searched)
    return [
        Compilation(str(directory), (*options, "-c", f"{name}.cc", "-o", f"{name}.o")) for name in names
    ]


def files_read(compilation: Compilation) -> list[Path]:
    """Return the files that a compile reads, by its own account."""
    # By default, gcc hides links on the way to system headers.
    told = preprocessor_output(compilation, "-M", "-fno-canonical-system-headers").decode()
    rule = told.replace("\\\n", " ").partition(":")[2]
    return [Path(os.path.normpath(Path(compilation.folder, name))) for name in rule.split()]


def preprocessor_output(compilation: Compilation, *wish: str) -> bytes:
    """Return what the preprocessor writes for `wish`, `-E` or `-M`."""
    command = preprocessing(compilation.command, *wish)
    return subprocess.run(command, cwd=compilation.folder, stdout=subprocess.PIPE, check=True).stdout


def preprocessing(command: Sequence[str], *wish: str) -> list[str]:
    """Return the command that only preprocesses, to its standard output."""
    return [*_without_output(command), *wish]


def _without_output(command: Sequence[str]) -> Iterator[str]:
    words = iter(command)
    for word in words:
        if word == "-o":
            next(words)
        elif word != "-c":
            yield word


def _copy(path: Path, directory: Path) -> None:
    if directory not in path.parents:
        copied = directory / path.relative_to("/")
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copied)


def _search_folders() -> list[str]:
    """Return the folders in which g++ looks for headers, without links and `..`."""
    command = ["g++", "-x", "c++", "-E", "-v", os.devnull]
    asked = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    begin, end = _SEARCHED
    listed = asked.partition(begin)[2].partition(end)[0]
    return [os.path.realpath(line) for line in listed.split()]
