"""What a server made of a compile, and how it gets to its place.

In: `Compiled`.  Out: the object and the dependency file, whole or not at all, and the messages.  This
module refuses to know what is done about a compile that failed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.client.invocation import Finished
from twisted_distcc.client.outputs import Outputs
from twisted_distcc.client.preprocessing import Preprocessed
from twisted_distcc.client.sendable import Sendable
from twisted_distcc.client.terminal import shown
from twisted_distcc.execution.words import LONGEST_WHOLE
from twisted_distcc.messages.model import Reply, Request


@dataclass(frozen=True, slots=True)
class Compiled:
    """An answer of a compiler on a server.

    Attributes:
        host: the server.
        request: what it was asked.
        reply: what it answered.
        text: what was preprocessed here; `None` if the server did that.
    """

    host: RemoteHost
    request: Request
    reply: Reply
    text: Preprocessed | None

    def failed_as_compiler(self) -> bool:
        """Whether the compiler itself ended with a verdict on the source, and a bad one."""
        return os.WIFEXITED(self.reply.status) and self.reply.status != 0

    def says_too_much(self) -> bool:
        """Whether a server of ours would have cut its compiler's messages short."""
        return max(self.reply.stdout.length, self.reply.stderr.length) > LONGEST_WHOLE

    def says_more_than_is_shown(self) -> bool:
        """Whether there is more in the messages than a server's may have."""
        said = (self.reply.stdout.read(), self.reply.stderr.read())
        return any(shown(one) != one for one in said)


def deliver(sendable: Sendable, compiled: Compiled) -> Finished:
    """Put the outputs in place, if there are any, and give the messages.

    Raises:
        StaysHere: if an output is something by now that cannot be replaced.
        CannotWriteError: if the disk does not take one.
    """
    reply, text = compiled.reply, compiled.text
    if not reply.status:
        sendable.check_outputs()
        _write(sendable, compiled)
    said = text.stderr if text else b""
    return Finished(reply.exit_code, shown(reply.stdout.read()), said + shown(reply.stderr.read()))


def _write(sendable: Sendable, compiled: Compiled) -> None:
    reply, text = compiled.reply, compiled.text
    outputs = Outputs(sendable.invocation.umask)
    try:
        if sendable.dependencies is not None:
            if text is None:
                outputs.add_body(sendable.dependencies, reply.dependencies)
            elif text.dependencies is not None:
                outputs.add_file(sendable.dependencies, text.dependencies)
        outputs.add_body(sendable.output, reply.object_file)
        outputs.show()
    finally:
        outputs.discard()
