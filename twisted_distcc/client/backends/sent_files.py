"""What was sent to servers, kept in files for the next agent.

    files = SentFiles(folder)
    digests = files.read(name)           # when a session begins with the server that `name` stands for
    files.add(name, digests)             # when more is sent
    files.forget(name)                   # when nobody knows what has arrived

An agent ends when nobody has compiled for some minutes, and starts anew for the next build; servers
remember for longer.  What is in the files is as little worth as what an agent remembers: if it is wrong,
the server asks.  So whatever goes wrong with them is no error.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from typing import Final

_LENGTH: Final = 32  # of a digest
# One file holds the digests of as many files as the largest projects have.
_MOST_BYTES: Final = 200_000 * _LENGTH
# Files that are kept, those that were used last.
_MOST_FILES: Final = 16


class SentFiles:
    """Files of digests, one for each server and caller.

    Args:
        folder: where they are, which is created when it is wanted.  What it is in is the user's alone.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def read(self, name: str) -> set[bytes]:
        """Return the digests in the file `name`, which count as used now."""
        try:
            with open(self._path(name), "rb") as file:
                content = file.read(_MOST_BYTES)
            os.utime(self._path(name))
        except OSError:
            return set()
        return {content[place : place + _LENGTH] for place in range(0, len(content) - 31, _LENGTH)}

    def add(self, name: str, digests: Iterable[bytes]) -> None:
        """Append `digests` to the file `name`, in one piece: other processes may append as well."""
        with contextlib.suppress(OSError):
            path = self._path(name)
            if not os.path.exists(path):
                self._make_room()
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, b"".join(digests))
            finally:
                os.close(descriptor)

    def forget(self, name: str) -> None:
        """Remove the file `name`."""
        with contextlib.suppress(OSError):
            os.unlink(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name}"

    def _make_room(self) -> None:
        """Make room for one more file, in a folder that is there then."""
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        found = sorted(os.scandir(self._folder), key=lambda entry: entry.stat().st_mtime_ns)
        for entry in found[: max(0, len(found) + 1 - _MOST_FILES)]:
            os.unlink(entry.path)
