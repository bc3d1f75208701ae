"""One run of `tdistcc`: what was typed where, and what came of it.

In: nothing.  Out: `Invocation`, and the two ways in which it can go: it is `Finished`, or the caller is
to `RunHere`, that is, to become the compiler itself.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from twisted_distcc.client.scheduling.slots import Slot
from twisted_distcc.cmdline.environment import is_utf_8

# What may be given relative to where the command was typed, which the agent's own folder is not.
_TLS_PATHS: Final = (
    "DISTCC_TLS_CERTIFICATE",
    "DISTCC_TLS_KEY",
    "DISTCC_TLS_CA",
    "DISTCC_TLS_CRL",
)
# The kernel counts columns in 16 bits.
_WIDEST: Final = 0xFFFF
_PATHS: Final = ("HOME", "DISTCC_DIR", "TMPDIR", *_TLS_PATHS)


@dataclass(frozen=True, slots=True)
class Terminal:
    """The terminal that standard error leads to.

    Attributes:
        columns: how wide it is; 0 where it does not know.
        input_columns: the same of the one that standard input comes from; `None` if it comes from none.
    """

    columns: int
    input_columns: int | None = None

    @classmethod
    def parse(cls, told: bytes) -> Terminal | None:
        """Read what `agent.handover.own_terminals` tells; `None` if standard error is no terminal.

        Raises:
            ValueError: if it tells nothing of the kind.
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
    """A compiler's command line, and all of its surroundings that can matter.

    Attributes:
        argv: the compiler and its arguments, as typed.
        directory: the working directory, absolute.
        environ: the environment.
        umask: the umask, which decides the mode of outputs.
        terminal: where messages go; `None` if that is no terminal.
    """

    argv: tuple[str, ...]
    directory: str
    environ: Mapping[str, str]
    umask: int
    terminal: Terminal | None = None

    @property
    def wishes(self) -> dict[str, str]:
        """The environment as we read it, not the compiler: with a home, and with absolute paths."""
        environ = dict(self.environ)
        if not environ.get("HOME"):
            environ["HOME"] = _home()
        for name in _PATHS:
            if environ.get(name):
                environ[name] = self.absolute(environ[name])
        return environ

    @property
    def utf_8(self) -> bool:
        """Whether terminals of the caller read UTF-8."""
        return is_utf_8(self.environ)

    def absolute(self, path: str) -> str:
        """Return `path` from the root, as any process calls it: `/proc/self` is another for each."""
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
    """It is done: outputs are in place, if there are any."""

    exit_code: int
    stdout: bytes = b""
    stderr: bytes = b""


@dataclass(frozen=True, slots=True)
class RunHere:
    """It has to be done by `compiler` on this machine, for `reason`.

    The slot, if there is one, is to be held until the compiler has ended; and then `ended` is to be
    called, by whoever still can.
    """

    compiler: str
    reason: str
    slot: Slot | None = None
    ended: Callable[[], None] | None = None


Outcome: TypeAlias = Finished | RunHere


class Report(Protocol):
    """Where words about an invocation go while it runs."""

    def say(self, text: str) -> None:
        """Tell what happens, to those who asked to be told (`DISTCC_VERBOSE`), and to a log."""
        ...

    def warn(self, text: str) -> None:
        """Tell what went wrong, and what is done about it."""
        ...

    def remind(self, text: str, reason: str) -> None:
        """Warn of what many compiles of a build will meet: a build hears of it once in a minute."""
        ...

    def fail(self, text: str) -> bytes:
        """Tell why there is no result; return what standard error has yet to hear of that."""
        ...
