"""C++ sources that include about five hundred headers each, of those that g++ brings along.

What enters: a folder, and how many are wanted.
What leaves: the sources, and the commands that compile them.
"""

from collections.abc import Iterator
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
OPTIONS = ("-std=c++17", "-O2")


def large_units(directory: Path, count: int) -> list[Compilation]:
    """Write `count` sources into `directory`; return what compiles them."""
    return list(_units(directory, count))


def _units(directory: Path, count: int) -> Iterator[Compilation]:
    includes = "".join(f"#include <{header}>\n" for header in _HEADERS)
    for number in range(count):
        name = f"unit{number}"
        (directory / f"{name}.cc").write_text(f"{includes}int {name}() {{ return {number}; }}\n")
        command = ("g++", *OPTIONS, "-c", f"{name}.cc", "-o", f"{name}.o")
        yield Compilation(str(directory), command)
