"""Questions about a server, for people who look for what is wrong with a farm.

Each is a request whose command begins with `twisted-distccd`, like the question about a compiler in
`jobs.commands`, and is answered by one JSON object on standard output (`doc/protocol.md`).  A server
that does not know a question has no compiler of that name, and refuses:

    twisted-distccd status          what the server is, how many jobs it runs at once, its clock
    twisted-distccd parts gcc       what its gcc consists of, with a digest of each part
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from twisted_distcc.jobs.model import Request

_PROGRAM: Final = b"twisted-distccd"


@dataclass(frozen=True, slots=True)
class StatusQuestion:
    """What are you, and how are you?"""

    def request(self) -> Request:
        """Return the request that asks this."""
        return Request((_PROGRAM, b"status"))


@dataclass(frozen=True, slots=True)
class PartsQuestion:
    """What does your compiler consist of?

    Attributes:
        compiler: its name or path, as the client wrote it.
    """

    compiler: bytes

    def request(self) -> Request:
        """Return the request that asks this."""
        return Request((_PROGRAM, b"parts", self.compiler))


ServerQuestion: TypeAlias = StatusQuestion | PartsQuestion


def server_question(request: Request) -> ServerQuestion | None:
    """Return the question that `request` asks; `None` if it asks for something else."""
    match request.arguments:
        case (program, b"status") if program == _PROGRAM:
            return StatusQuestion()
        case (program, b"parts", compiler) if program == _PROGRAM:
            return PartsQuestion(compiler)
        case _:
            return None
