"""A directory for the lock files of a user who has none.

It is in the folder of the agent's socket, where all processes of the user find it and nobody else can
enter.
"""

from __future__ import annotations

from twisted_distcc.agent.socket_path import UnsafeFolderError, runtime_folder
from twisted_distcc.client.scheduling.slots import LockDirectoryError


def spare_lock_directory() -> str:
    """Return the directory's path.

    Raises:
        LockDirectoryError: if it cannot be made ours alone.
    """
    try:
        return f"{runtime_folder()}/slots"
    except UnsafeFolderError as error:
        raise LockDirectoryError(
            f"no directory for lock files: {error}; set DISTCC_DIR to a directory of yours"
        ) from error
