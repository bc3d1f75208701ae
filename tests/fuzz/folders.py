"""Folders that targets work in from one input to the next; they are gone when the process is.

In: nothing.  Out: an empty folder.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path


def own_folder() -> Path:
    """Make a folder for this process."""
    folder = Path(tempfile.mkdtemp(prefix="twisted-distcc-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
