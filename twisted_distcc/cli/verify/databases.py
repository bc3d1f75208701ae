"""The compile commands of a build that can list them.

They come from a `compile_commands.json`, or from ninja, each with the folder that it runs in.  Which of
the commands compile, and with what, is left to `units`.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted_distcc.cli.verify.units import Command
from twisted_distcc.errors import DistccError

DATABASE = "compile_commands.json"
NINJA = "build.ninja"


class BadDatabaseError(DistccError):
    """A list of compile commands cannot be read; the text says which and why."""


def read_database(path: Path, environ: Mapping[str, str]) -> list[Command]:
    """Read the `compile_commands.json` at `path`; its commands get the environment `environ`."""
    try:
        return commands_of(path.read_bytes(), path.parent, environ)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadDatabaseError(f"{path} is not a list of compile commands: {error!r}") from None


def ask_ninja(folder: Path, environ: Mapping[str, str]) -> list[Command]:
    """Ask ninja for all the commands of the build in `folder`."""
    command = ["ninja", "-C", os.fspath(folder), "-t", "compdb"]
    ended = subprocess.run(
        command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip()
        raise BadDatabaseError(f"ninja cannot say how {folder} is built: {said}")
    return commands_of(ended.stdout, folder, environ)


def commands_of(database: bytes, folder: Path, environ: Mapping[str, str]) -> list[Command]:
    """Return the commands in the text of a `compile_commands.json` of `folder`.

    Raises:
        ValueError, KeyError, TypeError: if it is not of that form.
    """
    return [_command(entry, folder, environ) for entry in json.loads(os.fsdecode(database))]


def _command(entry: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> Command:
    directory = os.path.join(folder, entry["directory"])
    words = entry["arguments"] if "arguments" in entry else shlex.split(entry["command"])
    # As a shell sets it after `cd`; gcc writes it into debug information.
    return Command(directory, tuple(words), {**environ, "PWD": directory})
