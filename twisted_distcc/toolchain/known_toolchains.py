"""The toolchains of a server's compilers, each found only once.

Finding a toolchain takes some tenths of a second, so `Toolchains.learn` is separate from `get`; a
compiler that has been replaced counts as another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from threading import Lock
from typing import Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.errors import DistccError
from twisted_distcc.toolchain.digest import FileStamp, Part, digest_of, file_stamp
from twisted_distcc.toolchain.discovery import Toolchain, discover

# How many environments to identify compilers in: a server has one, and a user a few PATHs.
_MOST_ENVIRONMENTS: Final = 100
# How many compilers to remember: a machine has some tens, but a client that may name any by its path can
# spell each in endless ways.
_MOST_COMPILERS: Final = 200


def identify(path: str, environ: Mapping[str, str], *, anew: bool = False) -> str | None:
    """Return the digest of the compiler at `path` as it works in `environ`; this may block.

    `None` means that nobody can tell what it produces: it is missing, does not start, or is a script or
    another program that starts a compiler.  `anew` asks it again what it consists of.
    """
    toolchains = _toolchains(tuple(sorted(environ.items())))
    try:
        toolchains.learn(path, anew=anew)
    except (DistccError, OSError):  # it will not compile either, and will say so then
        return None
    return toolchains.digest(path)


def toolchain_in(path: str, environ: Mapping[str, str]) -> Toolchain:
    """Return the toolchain of the compiler at `path` as it works in `environ`; this may block.

    Raises:
        DistccError: if it cannot be started.
        OSError: if it cannot be read.
    """
    return _toolchains(tuple(sorted(environ.items()))).learn(path)


def parts_in(path: str, environ: Mapping[str, str]) -> tuple[Part, ...]:
    """Return the files that the compiler at `path` consists of as it works in `environ`; this may block.

    Raises:
        DistccError: if it cannot be started.
        OSError: if it cannot be read.
    """
    return toolchain_in(path, environ).parts()


@lru_cache(_MOST_ENVIRONMENTS)
def _toolchains(environ: tuple[tuple[str, str], ...]) -> Toolchains:
    return Toolchains(lambda path: discover(path, dict(environ), ()))


class Toolchains:
    """What is known about compilers.

    Args:
        discover: finds out what one consists of; it may block.
    """

    def __init__(self, discover: Callable[[str], Toolchain]) -> None:
        self._discover = discover
        self._learning = Lock()
        self._known = Bounded[str, tuple[FileStamp, Toolchain]](_MOST_COMPILERS)
        self._digests = Bounded[str, tuple[tuple[Part, ...], str]](_MOST_COMPILERS)

    def knows(self, path: str) -> bool:
        """Whether the compiler at `path`, in its present state, is known."""
        known = self._known.get(path)
        try:
            return known is not None and known[0] == file_stamp(path)
        except OSError:  # it is gone, which `learn` will report
            return False

    def learn(self, path: str, *, anew: bool = False) -> Toolchain:
        """Return the toolchain of the compiler at `path`, found out now unless known; this may block.

        `anew` finds it out even if it is known.

        Raises:
            DistccError: if it cannot be started.
            OSError: if it cannot be read.
        """
        with self._learning:  # whoever wants the same compiler meanwhile waits for it
            known = self._known.get(path)
            stamp = file_stamp(path)
            if anew or known is None or known[0] != stamp:
                known = stamp, self._discover(path)
            self._known[path] = known  # will be forgotten last
            return known[1]

    def get(self, path: str) -> Toolchain:
        """Return the toolchain of a compiler that was learned; this blocks if it was forgotten
        meanwhile.

        Raises:
            DistccError, OSError: as `learn` does.
        """
        known = self._known.get(path)
        return self.learn(path) if known is None else known[1]

    def digest(self, path: str) -> str | None:
        """Return the digest of a known compiler, if it can be determined; this may block.

        Its parts are read again when one of them has changed.
        """
        toolchain = self.get(path)
        with self._learning:
            try:
                return self._digest(path, toolchain.parts())
            except OSError:  # programs need not be readable to be started
                return None

    def _digest(self, path: str, found: tuple[Part, ...]) -> str | None:
        if not found:
            return None
        told = self._digests.get(path)
        if told is None or told[0] != found:
            told = self._digests[path] = found, digest_of(found)
        return told[1]
