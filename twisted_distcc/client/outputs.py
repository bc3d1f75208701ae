"""Files that a compile leaves, whole or not at all.

In: bodies and files, and the names that the command gives them.  Out: those names, each in one step:
what is written has another name until it is complete.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator

from twisted_distcc.errors import EXIT_IO_ERROR, DistccError
from twisted_distcc.messages.body import Body

_MODE = 0o666


class CannotWriteError(DistccError):
    """An output cannot be written; the text says which and why."""

    exit_code = EXIT_IO_ERROR


def unfit(path: str) -> str | None:
    """Say why `path` cannot be replaced in one step, or give None: the compiler then does its way."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return f"{path} is not a regular file"
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        return f"{path} cannot be looked at: {error}"
    folder = os.path.dirname(os.path.realpath(path))
    return None if os.access(folder, os.W_OK | os.X_OK) else f"no file can be made in {folder}"


class Outputs:
    """The outputs of one compile: put each somewhere safe first, then show all of them.

    Args:
        umask: the umask of whoever compiles.
    """

    def __init__(self, umask: int) -> None:
        self._mode = _MODE & ~umask
        self._ready: list[tuple[str, str]] = []

    def add_body(self, path: str, body: Body) -> None:
        """Make ready `body`, which is given up by this, as the file `path`.

        Raises:
            CannotWriteError: if the disk does not take it; nothing is to be seen of it then.
        """
        with self._beside(path) as temporary:
            body.save(temporary)

    def add_file(self, path: str, source: str) -> None:
        """Make ready the contents of the file `source` as the file `path`.

        Raises:
            CannotWriteError: if the disk does not take it.
        """
        with self._beside(path) as temporary:
            shutil.copyfile(source, temporary)

    def show(self) -> None:
        """Give all that is ready its name, in the order in which it was added.

        Raises:
            CannotWriteError: if one cannot be.
        """
        while self._ready:
            temporary, path = self._ready[0]
            try:
                os.rename(temporary, path)
            except OSError as error:
                raise _cannot_write(path, error) from error
            del self._ready[0]

    def discard(self) -> None:
        """Remove what was made ready and not shown."""
        for temporary, _ in self._ready:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
        self._ready.clear()

    @contextlib.contextmanager
    def _beside(self, path: str) -> Iterator[str]:
        """Give a name in the folder of the file that `path` finally leads to."""
        final = os.path.realpath(path)
        try:
            descriptor, temporary = tempfile.mkstemp(
                prefix=f".{os.path.basename(final)[:64]}.", suffix=".tdistcc", dir=os.path.dirname(final)
            )
            os.close(descriptor)
            self._ready.append((temporary, final))
            yield temporary
            os.chmod(temporary, self._mode)
        except OSError as error:
            self.discard()
            raise _cannot_write(path, error) from error


def _cannot_write(path: str, error: OSError) -> CannotWriteError:
    return CannotWriteError(f"cannot write {path}: {error.strerror or error}")
