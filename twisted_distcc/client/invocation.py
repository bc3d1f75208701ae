"""One run of `tdistcc`: the command with its environment, and its outcome.

An `Invocation` has one of two outcomes: it is `Finished`, or the caller has to `RunHere`, that is, exec
the compiler itself.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.scheduling.slots import Slot
from twisted_distcc.cmdline.environment import is_utf_8

# Variables that may be relative to the caller's folder, which is not the agent's.
_TLS_PATHS: Final = (
    "DISTCC_TLS_CERTIFICATE",
    "DISTCC_TLS_KEY",
    "DISTCC_TLS_CA",
    "DISTCC_TLS_CRL",
)
_ENGINE_PATHS: Final = (
    "DISTCC_ENGINES",
    "DISTCC_ENGINE_CA",
    "DISTCC_ENGINE_CERTIFICATE",
    "DISTCC_ENGINE_KEY",
)
# The kernel counts columns in 16 bits.
_WIDEST: Final = 0xFFFF
_PATHS: Final = ("HOME", "DISTCC_DIR", "TMPDIR", *_TLS_PATHS, *_ENGINE_PATHS)


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal that standard error leads to.

    Attributes:
        columns: its width; 0 if it does not know.
        input_columns: the width of standard input's terminal; `None` if it is not a terminal.
    """

    columns: int
    input_columns: int | None = None

    @classmethod
    def parse(cls, told: bytes) -> Terminal | None:
        """Parse what `agent.handover.own_terminals` returns; `None` if standard error is no terminal.

        Raises:
            ValueError: if it is malformed.
        """
        of_input, of_errors = told.split(b",")
        return cls(_width(of_errors), _width(of_input) if of_input else None) if of_errors else None


def _width(columns: bytes) -> int:
    width = int(columns)
    if not 0 <= width <= _WIDEST:
        raise ValueError(columns)
    return width


@dataclass(frozen=True, slots=True)
class Invocation:
    """A compiler's command line, and everything around it that can matter.

    Attributes:
        argv: the compiler and its arguments, as typed.
        directory: the working directory, absolute.
        environ: the environment.
        umask: the umask, which decides the mode of outputs.
        terminal: where messages go; `None` if that is not a terminal.
    """

    argv: tuple[str, ...]
    directory: str
    environ: Mapping[str, str]
    umask: int
    terminal: Terminal | None = None

    @property
    def wishes(self) -> dict[str, str]:
        """The environment for our own settings, not for the compiler: HOME set, and paths absolute."""
        environ = dict(self.environ)
        if not environ.get("HOME"):
            environ["HOME"] = _home()
        for name in _PATHS:
            if environ.get(name):
                environ[name] = self.absolute(environ[name])
        return environ

    @property
    def utf_8(self) -> bool:
        """Whether the caller's terminal uses UTF-8."""
        return is_utf_8(self.environ)

    def absolute(self, path: str) -> str:
        """Return `path` as an absolute path that is valid in any process, unlike `/proc/self`."""
        path = os.path.join(self.directory, path)
        for own, common in (("/proc/self/cwd", self.directory), ("/proc/self/root", "")):
            if path == own or path.startswith(f"{own}/"):
                path = common + path.removeprefix(own)
        return path or "/"


def _home() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # as in a container that is run under a number without a name
        return ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The command is done, and any outputs are in place."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""


@dataclass(frozen=True, slots=True)
class RunHere:
    """The command has to be run by `compiler` on this machine, for `reason`.

    If there is a slot, hold it until the compiler has ended; then call `ended`, if still possible.
    """

    compiler: str
    reason: str
    slot: Slot | None = None
    ended: Callable[[], None] | None = None


Outcome: TypeAlias = Finished | RunHere


class Report(Protocol):
    """Is told of an invocation while it runs."""

    @property
    def watch(self) -> UnitWatch:
        """Measures where its time goes."""
        ...

    def say(self, text: str) -> None:
        """Report progress, to users who asked for that (`DISTCC_VERBOSE`), and to a log."""
        ...

    def warn(self, text: str) -> None:
        """Report what went wrong, and what is done about it."""
        ...

    def remind(self, text: str, reason: str) -> None:
        """Warn of what affects many compiles of a build, at most once a minute per build."""
        ...

    def fail(self, text: str) -> bytes:
        """Report why there is no result; return what has yet to be written to standard error."""
        ...
