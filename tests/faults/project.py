"""A small C project: what `make` is to build, and what a plain local build makes of it.

In: a folder.  Out: sources and a Makefile in it, and the bytes of each file that a build leaves.  It
refuses to know farms: the compiler is make's variable `CC`.
"""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.live import plain_environment

UNITS: Final = tuple(f"unit{number:02}" for number in range(16))
SOURCES: Final = frozenset({"Makefile", "common.h", *(f"{unit}.c" for unit in UNITS)})
PRODUCTS: Final = frozenset(f"{unit}.{suffix}" for unit in UNITS for suffix in "od")
# So many that a unit takes some tenths of a second.
_STEPS: Final = 70
_MAKEFILE: Final = f"""\
CFLAGS = -O2
all: {" ".join(f"{unit}.o" for unit in UNITS)}
%.o: %.c common.h
\t$(CC) $(CFLAGS) -MMD -c $< -o $@
"""
_STEP: Final = """
static int step{step}(int *a, int n)
{{
    int i, s = {step};
    for (i = 0; i < n; i++) {{
        s += a[i] * {factor};
        if (s % {modulus} == UNIT) a[i] ^= s; else s -= a[(i * {stride}) % n];
    }}
    return s;
}}
"""


def write_project(folder: Path) -> None:
    """Write the sources and the Makefile into `folder`."""
    (folder / "Makefile").write_text(_MAKEFILE)
    (folder / "common.h").write_text("int first(int *a, int n);\n")
    for number, unit in enumerate(UNITS):
        (folder / f"{unit}.c").write_text(_source(number))


def _source(number: int) -> str:
    steps = "".join(
        _STEP.format(step=step, factor=step + 3, modulus=step + 7, stride=step + 1)
        for step in range(_STEPS)
    )
    calls = " + ".join(f"step{step}(a, n)" for step in range(_STEPS))
    return (
        f'#include "common.h"\n#define UNIT {number}\n{steps}\n'
        f"int run{number}(int *a, int n) {{ return first(a, n) + {calls}; }}\n"
    )


@functools.cache
def built_here() -> dict[str, bytes]:
    """Give what a plain local build makes, by name; it is built once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_project(folder)
        command = ["make", "--silent", "--jobs=2", "CC=/usr/bin/gcc"]
        subprocess.run(command, cwd=folder, env=plain_environment(MAKEFLAGS=""), check=True)
        return {product: (folder / product).read_bytes() for product in PRODUCTS}
