"""The programs on the framework's page, loaded from the files that the page includes."""

from __future__ import annotations

import ast
import runpy
import shlex
import sys
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).parent.parent.parent
EXAMPLES: Final = PROJECT / "doc" / "examples"
PROXY: Final = EXAMPLES / "logging_proxy.py"
ANY_OBJECT: Final = EXAMPLES / "any_object.py"
BUILD: Final = 'DISTCC_HOSTS=127.0.0.1 make -j8 CC="distcc gcc"'
"""The build of the page that goes by way of the proxy."""
TESTED: Final = EXAMPLES / "test_logging_proxy.py"

USERS: Final = EXAMPLES / "test_users.py"


def header_command(path: Path) -> str:
    """Return the command in the header of the program at `path`, by which it is run."""
    header = ast.get_docstring(ast.parse(path.read_text()))
    assert header is not None
    return header.splitlines()[-1]


def runnable(command: str, *changes: tuple[str, str]) -> list[str]:
    """Return the words of `command`, for the Python of the tests, with `changes` to its endpoints."""
    name, *words = shlex.split(command)
    assert name == "python3"
    for old, new in changes:
        assert any(old in word for word in words), f"{old} is not in {command}"
        words = [word.replace(old, new) for word in words]
    return [sys.executable, "-B", *words]


def load(path: Path) -> dict[str, Any]:
    """Give the names that the program at `path` defines, without running it."""
    return runpy.run_path(str(path))
