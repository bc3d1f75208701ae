"""The releases of this machine's compilers: others are installed elsewhere, and know other options."""

from __future__ import annotations

import subprocess


def _release(compiler: str) -> int:
    told = subprocess.run([compiler, "-dumpversion"], check=True, capture_output=True, text=True).stdout
    return int(told.partition(".")[0])


GCC = _release("gcc")
CLANG = _release("clang")
