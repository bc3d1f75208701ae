"""Read what tdistcc hands over to an agent, and check that the caller shares the agent's context.

`HandedOver.parse` takes the payload of a frame; `has_context` takes a connection.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from typing import Final

from twisted_distcc.agent.context import context_of
from twisted_distcc.agent.frames import BadFrameError, unpack_request
from twisted_distcc.client.invocation import Invocation, Terminal
from twisted_distcc.runtime.peer_credentials import peer_credentials

_LONGEST: Final = 600_000_000
"""Microseconds that a tdistcc waits for its agent, at most; whatever is longer is a mistake."""


def has_context(connection: socket.socket, context: bytes) -> bool:
    """Whether the process at the other end of a UNIX connection has exactly this context."""
    try:
        return context_of(str(peer_credentials(connection).pid)) == context
    except OSError:  # the kernel does not show it to us
        return False


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A request from tdistcc.

    Attributes:
        stamp: that of its installation.
        began: when it began, in microseconds of the system's monotonic clock.
        invocation: the command.
    """

    stamp: bytes
    began: int
    invocation: Invocation

    @classmethod
    def parse(cls, payload: bytes) -> HandedOver:
        """Return the request in a payload.

        Raises:
            BadFrameError: if it is not a request.
        """
        stamp, began, umask, terminals, directory, argv, variables = unpack_request(payload)
        if not directory.startswith(b"/"):
            raise BadFrameError(directory)
        pairs = (os.fsdecode(variable).partition("=") for variable in variables)
        environ = {name: value for name, _, value in pairs}
        words = tuple(os.fsdecode(word) for word in argv)
        try:
            terminal = Terminal.parse(terminals)
        except ValueError:
            raise BadFrameError(terminals) from None
        return cls(stamp, began, Invocation(words, os.fsdecode(directory), environ, umask, terminal))

    @property
    def age(self) -> float:
        """The seconds since tdistcc began; 0 if it tells no sense."""
        passed = time.monotonic_ns() // 1000 - self.began
        return passed / 1e6 if 0 <= passed <= _LONGEST else 0.0
