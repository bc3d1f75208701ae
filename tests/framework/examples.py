"""The programs on the framework's page, loaded from the files that the page includes."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).parent.parent.parent
EXAMPLES: Final = PROJECT / "doc" / "examples"
PROXY: Final = EXAMPLES / "logging_proxy.py"
ANY_OBJECT: Final = EXAMPLES / "any_object.py"
TESTED: Final = EXAMPLES / "test_logging_proxy.py"


def load(path: Path) -> dict[str, Any]:
    """Give the names that the program at `path` defines, without running it."""
    return runpy.run_path(str(path))
