"""Write a reproducer: everything needed to see again how a server failed to compile a unit.

`write` puts the `Evidence` into a folder: the command, the files, the server's messages, and its name.
Only a few are kept, as they are for a person to look at.
"""

from __future__ import annotations

import hashlib
import io
import os
import shlex
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from twisted_distcc.jobs.model import InputFile, Tree
from twisted_distcc.own_folders import make_own_folder

_MOST: Final = 10
_DIGITS: Final = 12
# Our own files, compressed by ourselves.
_LARGEST: Final = 1 << 30


@dataclass(frozen=True, slots=True)
class Evidence:
    """A failed compile.

    Attributes:
        host: the server.
        arguments: the command that it was asked to run.
        tree: the files that it got.
        stderr: what its compiler wrote to standard error.
    """

    host: str
    arguments: Sequence[bytes]
    tree: Tree
    stderr: bytes


def write(evidence: Evidence, source: str, parent: str) -> str:
    """Write a folder below `parent`, unless it exists, or there are many; return what was done.

    Raises:
        OSError: if it cannot be written.
    """
    folder = Path(parent, _name(evidence, source))
    if folder.exists():
        return f"{folder} has what it takes to see that again"
    if Path(parent).is_dir() and len(os.listdir(parent)) >= _MOST:
        return f"{parent} is full of reproducers, remove some to get more"
    make_own_folder(parent)
    folder.mkdir(mode=0o700)
    command = shlex.join(os.fsdecode(word) for word in evidence.arguments)
    directory = shlex.quote(os.fsdecode(evidence.tree.directory))
    (folder / "command").write_bytes(os.fsencode(f"cd {directory} && {command}\n"))
    (folder / "host").write_text(f"{evidence.host}\n")
    (folder / "stderr").write_bytes(evidence.stderr)
    with tarfile.open(folder / "tree.tar", "w") as archive, evidence.tree.contents.opened():
        _pack(archive, evidence.tree)
    return f"{folder} has what it takes to see that again"


def _name(evidence: Evidence, source: str) -> str:
    words = b"\0".join([evidence.tree.directory, *evidence.arguments])
    digest = hashlib.sha256(words).hexdigest()[:_DIGITS]
    return f"{os.path.basename(source)}-{digest}"


def _pack(archive: tarfile.TarFile, tree: Tree) -> None:
    for entry in tree.entries:
        info = tarfile.TarInfo(os.fsdecode(entry.name).lstrip("/"))
        if isinstance(entry, InputFile):
            data = entry.content.read(_LARGEST)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        else:
            info.type = tarfile.SYMTYPE
            info.linkname = os.fsdecode(entry.target)
            archive.addfile(info)
