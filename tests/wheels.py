"""Wheels of this source, and installations of them.

In: folders.  Out: what hatchling builds there, and what pip makes of it.  What we need from others comes
from the Python that runs the tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import twisted

ROOT: Final = Path(__file__).parents[1]
_BUILDS: Final = "import sys; from hatchling import build; build.{}(sys.argv[1])"


def build(folder: Path, how: str = "build_wheel", python: str = sys.executable, **environ: str) -> Path:
    """Build the wheel of this source into `folder`, with these variables, and return its path."""
    folder.mkdir()
    command = [python, "-c", _BUILDS.format(how), str(folder)]
    subprocess.run(command, cwd=ROOT, env=os.environ | environ, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, folder: Path) -> Path:
    """Install `wheel` into a new virtual environment, and return the folder of its commands."""
    for command in (
        ["venv", "--without-pip", str(folder)],
        ["pip", f"--python={folder}/bin/python", "install", "--quiet", "--no-deps", str(wheel)],
    ):
        subprocess.run([sys.executable, "-m", *command], capture_output=True, check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(f"{Path(twisted.__file__).parents[1]}\n")
    return folder / "bin"
