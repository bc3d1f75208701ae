"""A job as the whole program sees it: what is asked, and what is answered.

In: nothing.  Out: `Request` and `Reply`, free of tokens, and of compression: bodies stand expanded.
A request or a reply owns its bodies, and whoever ends its life calls `discard`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from twisted_distcc.messages.body import EMPTY, Body


def is_wait_status(status: int) -> bool:
    """Whether a program can end with `status`: by itself with a code, or by a signal."""
    return status <= 0xFFFF and (os.WIFEXITED(status) or os.WIFSIGNALED(status))


@dataclass(frozen=True, slots=True)
class Request:
    """One compilation that is wanted.

    Attributes:
        arguments: the command line, the compiler's name first.
        source: the preprocessed source.
        version: the protocol version it is, or was, sent with; the reply is sent with the same.
    """

    arguments: tuple[bytes, ...]
    source: Body
    version: int = 1

    def discard(self) -> None:
        """Give the bodies up."""
        self.source.discard()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of a compilation.

    Attributes:
        status: the compiler's wait status, 0 for success.
        stderr, stdout: what the compiler said.
        object_file: what it made; empty if it failed.
    """

    status: int
    stderr: Body = EMPTY
    stdout: Body = EMPTY
    object_file: Body = EMPTY

    @classmethod
    def sentence(cls, exit_code: int, text: str) -> Reply:
        """Answer with a sentence for the person at the client, in place of a compiler's output."""
        return cls(exit_code << 8, stderr=Body.of(os.fsencode(f"{text}\n")))

    @property
    def exit_code(self) -> int:
        """The compiler's exit code, or 128 and the number of the signal that killed it."""
        code = os.waitstatus_to_exitcode(self.status)
        return code if code >= 0 else 128 - code

    @property
    def bodies(self) -> tuple[Body, Body, Body]:
        """The bodies in the order of the protocol: standard error, standard output, object."""
        return (self.stderr, self.stdout, self.object_file)

    def discard(self) -> None:
        """Give the bodies up."""
        for body in self.bodies:
            body.discard()
