"""A client's input, taken from the network no faster than it is read in the client's turns.

`time_shares` says when a connection may read.  The transport is paused while there is unread data, or
while someone holds the connection back, so that the network holds back what we cannot take yet::

    paced = PacedInput(transport, shares, "tcp:192.0.2.7", reader)
    paced.start()             # `reader.enter()` comes first, in its turn
    paced.take(data)          # then `reader.read(piece)` for each piece, in turns
    paced.hold()              # ... and none until `paced.release()`
    paced.close()
"""

from __future__ import annotations

from typing import Protocol

from twisted_distcc.server.connection.server_transport import ServerTransport
from twisted_distcc.server.scheduling.time_shares import TimeShares


class Reader(Protocol):
    """Reads a client's input; costs are those of `time_shares`."""

    def enter(self) -> int:
        """Accept the client, before anything is read; return the cost."""
        ...

    @property
    def piece_size(self) -> int:
        """Return how many bytes to read next."""
        ...

    def read(self, piece: bytes) -> int:
        """Read `piece`, at most `piece_size` bytes; return the cost."""
        ...

    def read_failed(self) -> int:
        """Handle the exception that `enter` or `read` raised; return the cost."""
        ...


class PacedInput:
    """The input of one connection of the client `who`."""

    def __init__(self, transport: ServerTransport, shares: TimeShares, who: str, reader: Reader) -> None:
        self._transport = transport
        self._shares = shares
        self._who = who
        self._reader = reader
        self._unread = b""  # received, and waiting for its turn
        self._is_entered = False
        self._is_held = False
        self._is_closed = False
        self.is_paused: bool = False
        """Whether we have paused the transport."""

    def start(self) -> None:
        """Accept the client, now or in its turn."""
        self._shares.read(self, self._who)
        self._pause_or_resume()

    def enter(self) -> int:
        """Accept the client, whether or not it is its turn; return the cost."""
        self._is_entered = True
        return self._reader.enter()

    def take(self, data: bytes) -> None:
        """Read `data`, now or in the client's turns."""
        self._unread = self._unread + data if self._unread else data
        self._shares.read(self, self._who)
        self._pause_or_resume()

    def hold(self) -> None:
        """Read no more until `release`."""
        self._is_held = True
        self._pause_or_resume()

    def release(self) -> None:
        """Resume reading."""
        self._is_held = False
        self._shares.read(self, self._who)
        self._pause_or_resume()

    def stop(self) -> None:
        """Read nothing more: the connection is about to be closed."""
        self._is_closed = True

    def close(self) -> None:
        """Discard unread data; the connection is gone."""
        self._is_closed = True
        self._unread = b""
        self._shares.forget(self, self._who)

    @property
    def has_more(self) -> bool:
        """Whether there is data that may be read now; see `time_shares`."""
        is_due = not self._is_entered or (bool(self._unread) and not self._is_held)
        return is_due and not self._is_closed

    def read_some(self) -> int:
        """Read a piece; see `time_shares`."""
        if not self.has_more:
            return 0
        try:
            return self._read_piece() if self._is_entered else self.enter()
        except Exception:
            return self._reader.read_failed()
        finally:
            if self.is_paused:
                self._pause_or_resume()

    def _read_piece(self) -> int:
        size = self._reader.piece_size
        piece, self._unread = self._unread[:size], self._unread[size:]
        return self._reader.read(piece)

    def _pause_or_resume(self) -> None:
        """Resume the transport when everything has been read and nobody holds us back, else pause it."""
        if self._is_closed:
            return
        is_paused = self._is_held or bool(self._unread) or not self._is_entered
        if is_paused is not self.is_paused:
            self.is_paused = is_paused
            if is_paused:
                self._transport.pauseProducing()
            else:
                self._transport.resumeProducing()
