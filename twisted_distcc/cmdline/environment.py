"""Variables that change what a compiler does.

In: an environment.  Out: why a compile in it must stay local.  This module refuses to know the
variables that only the preprocessor reads (`CPATH`, `SOURCE_DATE_EPOCH` …): it runs locally anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORBIDDING = {
    "DEPENDENCIES_OUTPUT": "asks the compiler to add to a dependency file",
    "SUNPRO_DEPENDENCIES": "asks the compiler to add to a dependency file",
    "GCC_EXEC_PREFIX": "says where gcc's own programs lie on this machine",
    "COMPILER_PATH": "says where gcc's own programs lie on this machine",
    "GCC_COMPARE_DEBUG": "makes gcc compile twice and compare",
    "CCC_OVERRIDE_OPTIONS": "edits clang's command line",
    "CC_PRINT_OPTIONS": "makes clang write its command line into a file",
    "CC_PRINT_HEADERS": "makes clang write the names of headers into a file",
    "CC_LOG_DIAGNOSTICS": "makes clang write its diagnostics into a file",
    "CC_PRINT_PROC_STAT": "makes clang write statistics into a file",
}


def environment_forbids(env: Mapping[str, str]) -> str | None:
    """Give the reason why a compile in the environment `env` stays local, or None."""
    for name, what in _FORBIDDING.items():
        if env.get(name):
            return f"the environment variable {name} {what}"
    return None
