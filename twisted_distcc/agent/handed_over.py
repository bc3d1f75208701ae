"""Read what tdistcc hands over to an agent, and check that the caller shares the agent's context.

`HandedOver.parse` takes the payload of a frame; `has_context` takes a connection.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from twisted_distcc.agent.context import context_of
from twisted_distcc.agent.frames import BadFrameError, unpack_request
from twisted_distcc.client.invocation import Invocation, Terminal
from twisted_distcc.runtime.peer_credentials import peer_credentials


def has_context(connection: socket.socket, context: bytes) -> bool:
    """Whether the process at the other end of a UNIX connection has exactly this context."""
    try:
        return context_of(str(peer_credentials(connection).pid)) == context
    except OSError:  # the kernel does not show it to us
        return False


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A request from tdistcc: the stamp of its installation, and the command."""

    stamp: bytes
    invocation: Invocation

    @classmethod
    def parse(cls, payload: bytes) -> HandedOver:
        """Return the request in a payload.

        Raises:
            BadFrameError: if it is not a request.
        """
        stamp, umask, terminals, directory, argv, variables = unpack_request(payload)
        if not directory.startswith(b"/"):
            raise BadFrameError(directory)
        pairs = (os.fsdecode(variable).partition("=") for variable in variables)
        environ = {name: value for name, _, value in pairs}
        words = tuple(os.fsdecode(word) for word in argv)
        try:
            terminal = Terminal.parse(terminals)
        except ValueError:
            raise BadFrameError(terminals) from None
        return cls(stamp, Invocation(words, os.fsdecode(directory), environ, umask, terminal))
