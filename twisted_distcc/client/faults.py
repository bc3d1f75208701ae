"""How a server can fail its client.

In: nothing.  Out: `HostError` and its kinds, as in `red:3632 hung up without an answer`.
"""

from __future__ import annotations

from typing import Final

from twisted_distcc.client.terminal import shown
from twisted_distcc.errors import (
    EXIT_ACCESS_DENIED,
    EXIT_CONNECT_FAILED,
    EXIT_IO_ERROR,
    EXIT_PROTOCOL_ERROR,
    EXIT_TIMEOUT,
    EXIT_TRUNCATED,
    DistccError,
)
from twisted_distcc.messages.model import Reply

# Exit codes of a server's own that are about the server, and not about one job.
_TROUBLE: Final = frozenset({EXIT_IO_ERROR, EXIT_ACCESS_DENIED})
UNNAMED: Final = "the server"
# Bytes in which a server has said what it has to say.
_SENTENCE: Final = 2000


class HostError(DistccError):
    """A server did not do its part; another one may.

    Attributes:
        fault: what it did, as in `hung up without an answer`.
        server: what it is called; whoever knows the name sets it, and the text begins with it.
    """

    def __init__(self, fault: str) -> None:
        super().__init__(fault)
        self.fault: str = fault
        self.server: str = UNNAMED

    def __str__(self) -> str:
        """Say in one sentence which server did what."""
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


class SlowHostError(HostError):
    """The server did not answer in time."""

    exit_code = EXIT_TIMEOUT


class BadReplyError(HostError):
    """The server sent what is no reply."""

    exit_code = EXIT_PROTOCOL_ERROR


class RefusedByHostError(HostError):
    """The server answered with a sentence of its own instead of a compiler's result."""

    @property
    def is_trouble(self) -> bool:
        """Whether the next job of this host would meet the same."""
        return self.exit_code in _TROUBLE

    @classmethod
    def of(cls, reply: Reply) -> RefusedByHostError:
        """Make it of the server's answer."""
        words = shown(reply.stderr.head(_SENTENCE)).decode(errors="replace")
        lines = words.strip().splitlines()
        error = cls(f"answered: {lines[-1] if lines else 'nothing'}")
        error.exit_code = reply.exit_code
        return error
