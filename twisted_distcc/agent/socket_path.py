"""Find the folder of a user's agents, and identify the installation that they belong to.

The folder depends on the user and the environment, and is the user's alone; `agent.context` names the
sockets in it.  This module is on tdistcc's start path, so it imports only `os`.
"""

import os
import stat

import twisted_distcc


class UnsafeFolderError(Exception):
    """The folder for the agent's socket is not ours alone; the text says which and why."""


def runtime_folder() -> str:
    """Return the folder of the agent's socket, which is created if missing, and ours alone.

    Raises:
        UnsafeFolderError: if somebody else could tamper with it.
    """
    folder = _runtime_folder_name()
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise UnsafeFolderError(f"cannot make {folder}: {error.strerror}") from None
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UnsafeFolderError(f"{folder} is not a folder of yours that only you may enter")
    return folder


def _runtime_folder_name() -> str:
    """Return its path, in the user's own folder: after `su` the variable is another user's, or unset."""
    within = os.environ.get("XDG_RUNTIME_DIR")
    try:
        if within and os.stat(within).st_uid == os.getuid():
            return f"{within}/twisted-distcc"
    except OSError:
        pass
    return f"/tmp/twisted-distcc-{os.getuid()}"  # noqa: S108  (as everybody's; its owner is looked at)


def stamp() -> bytes:
    """Return a stamp that identifies this installation, and changes when it is upgraded."""
    source = os.stat(twisted_distcc.__file__)
    return b"%s %d %d %d" % (
        twisted_distcc.__version__.encode(),
        source.st_dev,
        source.st_ino,
        source.st_mtime_ns,
    )


def is_current(own: bytes) -> bool:
    """Return whether the installation with the stamp `own` is there, and has not been upgraded."""
    try:
        return stamp() == own
    except OSError:
        return False
