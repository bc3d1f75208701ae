"""Number the system calls that the sandbox's filter has a rule for.

In: `twisted_distcc.execution.sandbox.syscalls`, and the kernel's headers (Debian's `linux-libc-dev`),
read by gcc's preprocessor for each architecture.  Out:
`twisted_distcc/execution/sandbox/syscall_numbers.py`.

Run it as `python scripts/number_calls.py` after a change of the rules; a test compares the two.
"""

from __future__ import annotations

import re
import subprocess
import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from twisted_distcc.execution.sandbox.syscalls import JAIL, NAMED

SANDBOX: Final = Path(__file__).parents[1] / "twisted_distcc" / "execution" / "sandbox"
MODULE: Final = SANDBOX / "syscall_numbers.py"

# What the architecture's own header asks of the one for all.
_GENERIC: Final = (
    "-D__BITS_PER_LONG=64", "-D__ARCH_WANT_NEW_STAT", "-D__ARCH_WANT_RENAMEAT",
    "-D__ARCH_WANT_SET_GET_RLIMIT", "-D__ARCH_WANT_SYS_CLONE3",
)  # fmt: skip
_HEADERS: Final = (
    ("X86_64", "asm/unistd_64.h", ()),
    ("I386", "asm/unistd_32.h", ()),
    ("AARCH64", "asm-generic/unistd.h", _GENERIC),
)
# Those whose programs only jobs run, and not our own jail.
_SECOND: Final = ("I386",)
# Calls whose arguments lie in memory there, where no filter sees them.
_HIDDEN: Final = {"I386": {"mmap"}}

INTRODUCTION: Final = '''\
"""The numbers of the system calls in `syscalls`, as each architecture has them.

Written by `scripts/number_calls.py` from the kernel's headers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _table(text: str) -> Mapping[str, int]:
    pairs = (pair.split("=") for pair in text.split())
    return {name: int(number) for name, number in pairs}

'''


def numbers(header: str, defines: Iterable[str]) -> dict[str, int]:
    """Return the calls that a header of the kernel numbers."""
    text = subprocess.run(
        ["gcc", "-E", "-dM", *defines, "-include", header, "-x", "c", "/dev/null"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    defined = dict(re.findall(r"(?m)^#define (__NR\w+) (\w+)$", text))
    return {
        name.removeprefix("__NR_"): int(value)
        for name in defined
        if name.startswith("__NR_") and (value := defined.get(defined[name], defined[name])).isdecimal()
    }


def draw() -> str:
    """Return the text of the module."""
    return INTRODUCTION + "".join(_drawn())


def _drawn() -> Iterator[str]:
    for machine, header, defines in _HEADERS:
        known = numbers(header, defines)
        yield _table(machine, known, NAMED - _HIDDEN.get(machine, set()))
        if machine not in _SECOND:
            yield _table(f"{machine}_JAIL", known, JAIL)


def _table(name: str, known: Mapping[str, int], wanted: Collection[str]) -> str:
    rows = sorted((number, call) for call, number in known.items() if call in wanted)
    words = " ".join(f"{call}={number}" for number, call in rows)
    lines = textwrap.fill(words, 103, initial_indent="    ", subsequent_indent="    ")
    return f'\n{name}: Final = _table("""\n{lines}\n""")\n'


if __name__ == "__main__":
    MODULE.write_text(draw())
