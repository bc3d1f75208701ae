"""An environment that no Python starts well in, and what is in it for a build's own programs.

In: a folder.  Out: variables by which any Python that heeds one of them fails, or says something.
"""

from __future__ import annotations

import sys
from pathlib import Path

_POISON = "import os; os.write(2, b'poisoned\\n'); os._exit(99)\n"
_MODULES = ("encodings", "enum", "os", "site", "sitecustomize", "socket", "twisted", "usercustomize")


def poison(folder: Path) -> dict[str, str]:
    """Make `folder`, and return the variables that lead Python there."""
    user = folder / "user" / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"
    for place in (folder, user):
        place.mkdir(parents=True, exist_ok=True)
        for name in _MODULES:
            (place / f"{name}.py").write_text(_POISON)
    (user / "poison.pth").write_text(_POISON.replace("\n", ""))
    return {
        "PYTHONASYNCIODEBUG": "1",
        "PYTHONBREAKPOINT": "poison.pill",
        "PYTHONCOERCECLOCALE": "warn",
        "PYTHONDEVMODE": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONEXECUTABLE": "/nowhere/python",
        "PYTHONFAULTHANDLER": "1",
        "PYTHONHASHSEED": "no number",
        "PYTHONHOME": str(folder),
        "PYTHONINSPECT": "1",
        "PYTHONINTMAXSTRDIGITS": "1",
        "PYTHONIOENCODING": "utf-16",
        "PYTHONMALLOC": "no allocator",
        "PYTHONNODEBUGRANGES": "1",
        "PYTHONOPTIMIZE": "2",
        "PYTHONPATH": str(folder),
        "PYTHONPROFILEIMPORTTIME": "1",
        "PYTHONPYCACHEPREFIX": str(folder / "cache"),
        "PYTHONSAFEPATH": "1",
        "PYTHONSTARTUP": str(folder / "enum.py"),
        "PYTHONTRACEMALLOC": "no number",
        "PYTHONUSERBASE": str(folder / "user"),
        "PYTHONUTF8": "2",
        "PYTHONVERBOSE": "1",
        "PYTHONWARNINGS": "error",
    }


def poison_each(folder: Path) -> list[dict[str, str]]:
    """Return the same variables one by one: the worst of them would hide what the others do."""
    return [{name: value} for name, value in poison(folder).items()]
