"""Find the commands that belong to this installation."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from twisted_distcc.errors import DistccError


class CommandMissingError(DistccError):
    """A command of this installation is not where it should be."""


def installed_command(name: str) -> Path:
    """Return the path of `name`: beside the running command, beside this Python, or else on PATH."""
    beside = [os.path.dirname(path) for path in (os.path.realpath(sys.argv[0]), sys.executable)]
    found = shutil.which(name, path=os.pathsep.join([*beside, *os.get_exec_path()]))
    if found is None:
        raise CommandMissingError(
            f"{name} is neither in {beside[-1]} nor on PATH; is twisted_distcc installed?"
        )
    return Path(os.path.abspath(found))
