"""What serves requests: the seam between a connection and the handling of a job."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from twisted_distcc.jobs.model import Reply, Request
from twisted_distcc.policy.peer import Peer


class Compile(Protocol):
    """What serves a request: a coroutine function, or a function that returns a Deferred.

    It may be cancelled at any time, and then releases what it holds.  The message of a `DistccError` or
    an `OSError` that it raises is sent to the user at the client.
    """

    def __call__(self, request: Request, peer: Peer, /) -> Awaitable[Reply]:
        """Answer `request`, whose bodies are released when the answer has been sent."""
        ...
