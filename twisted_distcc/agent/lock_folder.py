"""A directory for the lock files of a user who has none.

In: the user.  Out: a directory in the folder of the agent's socket, which all processes of the user
find, and nobody else can enter.
"""

from __future__ import annotations

from twisted_distcc.agent.socket_path import UnsafeFolderError, runtime_folder
from twisted_distcc.client.scheduling.slots import LockDirectoryError


def spare_lock_directory() -> str:
    """Return the directory's name.

    Raises:
        LockDirectoryError: if it cannot be ours alone.
    """
    try:
        return f"{runtime_folder()}/slots"
    except UnsafeFolderError as error:
        raise LockDirectoryError(
            f"no directory for lock files: {error}; set DISTCC_DIR to a directory of yours"
        ) from error
