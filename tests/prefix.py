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
from twisted_distcc.cli.compiled import make_program
from twisted_distcc.cli.installed import installed_command

TDISTCC = installed_command("tdistcc")
START = "twisted-distcc-python"
_BESIDE = TDISTCC.with_name("tdistcc-python")
# The script of the tdistcc in Python; a compiled program has taken its name where there is a C compiler.
SCRIPT = _BESIDE if _BESIDE.exists() else TDISTCC
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
    for name in ("pump", "tdistcc", SCRIPT.name, "tdistccd", "twistd-stdio", "twisted-distcc", START):
        shutil.copy(beside / name, folder / "bin" / name)
    start = folder / "bin" / START
    _, _, rest = start.read_text().partition("\n")
    start.write_text(first_line.format(python=os.path.abspath(python)) + "\n" + rest)
    return package


def install_program(folder: Path, script: str) -> Path:
    """Install the compiled tdistcc into `folder`, with a shell script for a Python; return its path.

    Its package is that which runs here, as if it were installed to be edited.
    """
    (folder / "bin").mkdir(parents=True)
    packages = folder / "lib" / "python3.0" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "_twisted_distcc.pth").write_text(f"{Path(twisted_distcc.__file__).parents[1]}\n")
    python = folder / "bin" / "python3.0"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    (folder / "bin" / START).write_text(f"#!{python}\n")
    make_program(folder / "bin" / "tdistcc", TDISTCC)
    return folder / "bin" / "tdistcc"
