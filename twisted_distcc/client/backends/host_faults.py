"""The ways in which a server can fail its client.

They are subclasses of `HostError`, with texts such as `red:3632 hung up without an answer`.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from twisted_distcc.client.terminal import shown
from twisted_distcc.errors import (
    EXIT_ACCESS_DENIED,
    EXIT_COMPILER_MISSING,
    EXIT_CONNECT_FAILED,
    EXIT_IO_ERROR,
    EXIT_PROTOCOL_ERROR,
    EXIT_TIMEOUT,
    EXIT_TRUNCATED,
    DistccError,
)
from twisted_distcc.jobs.model import Reply

UNNAMED: Final = "the server"
# The most bytes of a server's own message that are used.
_SENTENCE: Final = 2000


class Scope(Enum):
    """Which later jobs on this host would meet the same fault."""

    JOB = auto()
    """None: it was about this job only."""
    COMPILER = auto()
    """All that use this compiler."""
    HOST = auto()
    """All."""


# A server's own exit codes that are about more than one job.
_SCOPES: Final = {
    EXIT_IO_ERROR: Scope.HOST,
    EXIT_ACCESS_DENIED: Scope.HOST,
    EXIT_COMPILER_MISSING: Scope.COMPILER,
}


class HostError(DistccError):
    """A server failed; another one may not.

    Attributes:
        fault: what it did, as in `hung up without an answer`.
        server: its name, with which the text begins; set by whoever knows it.
        scope: which jobs are affected.
    """

    scope = Scope.HOST

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault: str = fault
        self.server: str = UNNAMED

    def __str__(self) -> str:
        """Return a sentence that says which server did what."""
        return f"{self.server} {self.fault}"


class CannotConnectError(HostError):
    """The server cannot be reached."""

    exit_code = EXIT_CONNECT_FAILED


class UntrustedError(HostError):
    """The server and we do not trust each other's certificates, or one of us has none."""

    exit_code = EXIT_ACCESS_DENIED


class LostConnectionError(HostError):
    """The server hung up before its reply was complete."""

    exit_code = EXIT_TRUNCATED


class NoAnswerError(LostConnectionError):
    """The server hung up without sending anything, as C distccd does when it refuses a job."""


class GoingAwayError(HostError):
    """The server takes no more jobs on this session; nothing is wrong with it."""

    scope = Scope.JOB


class SlowHostError(HostError):
    """The server did not answer in time."""

    exit_code = EXIT_TIMEOUT


class BadReplyError(HostError):
    """The server sent something that is not a reply."""

    exit_code = EXIT_PROTOCOL_ERROR


class RefusedByHostError(HostError):
    """The server answered with a message of its own instead of a compiler's result."""

    @classmethod
    def of(cls, reply: Reply) -> RefusedByHostError:
        """Return the error for this answer of a server."""
        words = shown(reply.stderr.head(_SENTENCE), utf_8=True).decode(errors="replace")
        lines = words.strip().splitlines()
        last = lines[-1] if lines else "nothing"
        said = "".join(one if one.isprintable() else "?" for one in last)  # tabs, or what has no glyph
        error = cls(f"answered: {said}")
        error.exit_code = reply.exit_code
        error.scope = _SCOPES.get(reply.exit_code, Scope.JOB)
        return error

    def because(self, why: str) -> RefusedByHostError:
        """Return the same error with another reason."""
        error = RefusedByHostError(f"{self.fault}; {why}")
        error.exit_code, error.scope = self.exit_code, self.scope
        return error


class LackingHostError(HostError):
    """The server cannot do what a command demands; nothing is wrong with it."""

    scope = Scope.JOB


class AnotherCompilerError(HostError):
    """The server's compiler of that name produces different output from ours, or may do so."""

    exit_code = EXIT_COMPILER_MISSING
    scope = Scope.COMPILER
