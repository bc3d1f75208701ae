"""What `server_protocol` needs of a protocol that is spoken on its connections."""

from __future__ import annotations

from typing import Protocol

from twisted.internet.defer import Deferred


class Dialogue(Protocol):
    """What is said on a connection: a request of protocols 1 to 3, or a session."""

    def came(self) -> None:
        """Note that bytes have come, which may have to wait for their turn."""
        ...

    @property
    def piece_size(self) -> int:
        """How many bytes to read at a time."""
        ...

    def read(self, piece: bytes) -> int:
        """Read the next bytes; return the cost."""
        ...

    def take_no_more(self) -> None:
        """Begin nothing more: the server is ending."""
        ...

    def retire(self) -> None:
        """Begin nothing more: the client is welcome no more."""
        ...

    def lost(self) -> Deferred[None]:
        """End everything, for the client is gone; tell when all has ended."""
        ...
