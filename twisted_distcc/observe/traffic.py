"""What passes over a server's connections, in plain numbers.

A server that keeps statistics has one `Traffic`, to which its connections add; a server without has
none, and adds nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted_distcc.observe.histogram import Histogram


@dataclass(slots=True)
class Traffic:
    """What has passed so far.

    Attributes:
        connections: how many were opened, sessions among them.
        sessions: how many of them became sessions of protocol 4.
        sessions_open: how many of these are open.
        refused: how many connections were refused, by a word for the reason.
        broken: how many broke the protocol.
        late: how many took too long.
        received, sent: bytes, within TLS where that is used.
        receiving: seconds from the first byte of a request to its last; on a session, from the message
            of a job until the last of its files has come.
        sending: seconds from the first byte of a reply until the last is handed over, at the pace at
            which the client reads.
    """

    connections: int = 0
    sessions: int = 0
    sessions_open: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    broken: int = 0
    late: int = 0
    received: int = 0
    sent: int = 0
    receiving: Histogram = field(default_factory=Histogram)
    sending: Histogram = field(default_factory=Histogram)

    def refuse(self, why: str) -> None:
        """Count a connection that is refused; `why` is one of few words."""
        self.refused[why] = self.refused.get(why, 0) + 1
