"""gcc and clang, asked about many small texts at once: which headers does each of them open?

In: texts by number.  Out: the names that `-M -MG` lists of each, in which a missing header is no error.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

COMPILERS = ("gcc", "clang")
_ENVIRONMENT = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
_RULE = re.compile(r"(?m)^(?P<number>\d+)\.o:(?P<listed>(?:[^\n]*\\\n)*[^\n]*)")
_WORD = re.compile(r"(?:\\.|[^\s\\])+")


def headers_read(
    compiler: str, texts: Sequence[bytes], folder: str, suffix: str = ".c", options: Iterable[str] = ()
) -> list[set[str]]:
    """Return the names of the headers that `compiler` opens for each of `texts`, there or not.

    A text that is an error, and the compiler's own headers, have none.
    """
    os.makedirs(folder, exist_ok=True)
    names = [f"{number}{suffix}" for number in range(len(texts))]
    for name, text in zip(names, texts, strict=True):
        Path(folder, name).write_bytes(text)
    told = subprocess.run(
        [compiler, "-w", "-M", "-MG", *options, *names],
        cwd=folder,
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    found: list[set[str]] = [set() for _ in texts]
    for rule in _RULE.finditer(os.fsdecode(told.stdout)):
        found[int(rule["number"])] = {
            name
            for name in map(_unquoted, _WORD.findall(rule["listed"].replace("\\\n", " ")))
            if name not in names and not name.startswith("/")
        }
    return found


def _unquoted(word: str) -> str:
    return word.replace("\\ ", " ").replace("\\#", "#").replace("$$", "$")
