"""An installation in a folder of its own, as pip and uv make them.

In: a folder.  Out: the package and the commands in it.  What we need from others comes from the Python
that runs the tests.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import twisted_distcc
from twisted_distcc.cli.installed import installed_command

TDISTCC = installed_command("tdistcc")
# As an installer writes it, here in the way of uv where the path holds a space.
PLAIN = "#!{python}"
QUOTED = "#!/bin/sh\n'''exec' '{python}' \"$0\" \"$@\"\n' '''"


def install(folder: Path, first_line: str = PLAIN, python: str = sys.executable) -> Path:
    """Install a copy of what runs here into `folder`, and return the folder of its package."""
    version = "python{}.{}".format(*sys.version_info)
    package = folder / "lib" / version / "site-packages" / "twisted_distcc"
    original = Path(twisted_distcc.__file__).parent
    shutil.copytree(original, package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "bin").mkdir()
    beside = TDISTCC.parent
    for name in (
        "pump",
        "tdistcc",
        "tdistccd",
        "twistd-stdio",
        "twisted-distcc",
        "twisted-distcc-python",
    ):
        shutil.copy(beside / name, folder / "bin" / name)
    start = folder / "bin" / "twisted-distcc-python"
    _, _, rest = start.read_text().partition("\n")
    start.write_text(first_line.format(python=os.path.abspath(python)) + "\n" + rest)
    return package
