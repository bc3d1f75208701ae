"""Put the outputs of a server's compile in place.

`deliver` writes the object and the dependency file of a `Compiled` as the compiler would have left them,
and returns the messages.  What to do about a compile that failed is up to the caller.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from twisted_distcc.client.hosts import RemoteHost
from twisted_distcc.client.inputs.candidate import Candidate, StaysHere
from twisted_distcc.client.inputs.message_style import UNKNOWN, Style
from twisted_distcc.client.inputs.preprocessing import Preprocessed
from twisted_distcc.client.invocation import Finished
from twisted_distcc.client.results.outputs import LeftToCompilerError, Outputs
from twisted_distcc.client.results.planned_outputs import PlannedOutput, made_outputs, planned_outputs
from twisted_distcc.client.terminal import is_shown_whole, shown
from twisted_distcc.content.output_capture import LONGEST_WHOLE
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT, Reply, Request


@dataclass(frozen=True, slots=True)
class Compiled:
    """The answer of a compiler on a server.

    Attributes:
        host: the server.
        request: the request.
        reply: its reply.
        text: the text that was preprocessed here; `None` if the server did that.
        style: how its messages would look here; unknown for text, which lacks the lines they quote.
    """

    host: RemoteHost
    request: Request
    reply: Reply
    text: Preprocessed | None
    style: Style = UNKNOWN

    def failed_as_compiler(self) -> bool:
        """Whether the compiler itself rejected the source."""
        return os.WIFEXITED(self.reply.status) and self.reply.status != 0

    def says_too_much(self) -> bool:
        """Whether the messages are so long that our server would have truncated them."""
        return max(self.reply.stdout.length, self.reply.stderr.length) > LONGEST_WHOLE

    def says_anything(self) -> bool:
        """Whether there are messages."""
        return bool(self.reply.stdout.length or self.reply.stderr.length)

    def with_messages_of(self, other: Compiled) -> Compiled:
        """Return this with the messages of `other`, if that succeeded, and discard the rest of both."""
        ours, theirs = self.reply, other.reply
        if theirs.status:
            theirs.discard()
            return self
        for body in (ours.stdout, ours.stderr, *theirs.outputs.values()):
            body.discard()
        reply = replace(ours, stdout=theirs.stdout, stderr=theirs.stderr)
        return replace(self, reply=reply, style=other.style)

    def says_the_same(self) -> bool:
        """Whether its messages, if any, are exactly those of a compile on this machine."""
        said = (self.reply.stdout.read(), self.reply.stderr.read())
        return all(self.style.fits(one) for one in said)

    def says_more_than_is_shown(self, *, utf_8: bool) -> bool:
        """Whether `terminal.shown` would replace anything in the messages."""
        said = (self.reply.stdout.read(), self.reply.stderr.read())
        return not all(is_shown_whole(one, utf_8=utf_8) for one in said)


def check_messages(compiled: Compiled, *, utf_8: bool, fallback: bool) -> None:
    """Check that the messages are those of a compile on this machine.

    Args:
        compiled: has them.
        utf_8: whether the terminal uses UTF-8.
        fallback: whether this machine may compile what cannot be shown exactly.

    Raises:
        StaysHere: if they may not be.
    """
    if compiled.says_too_much():
        raise StaysHere("its messages are longer than a server keeps")
    if fallback and compiled.text is None and compiled.says_more_than_is_shown(utf_8=utf_8):
        raise StaysHere("its messages have control characters, which no server may send")
    if not compiled.reply.status and not compiled.says_the_same():
        raise StaysHere("its messages might not be those of a compile on this machine")


def deliver(candidate: Candidate, compiled: Compiled) -> Finished:
    """Put the outputs, if any, in place, and return the messages.

    Raises:
        StaysHere: if the compiler has to write an output itself, as on a full disk: it knows what to
            leave there, and which error to report.
    """
    reply = compiled.reply
    if not reply.status:
        _write(candidate, compiled)
    utf_8 = candidate.invocation.utf_8
    said = (shown(body.read(), utf_8=utf_8) for body in (reply.stdout, reply.stderr))
    return Finished(reply.exit_code, *said)


def _write(candidate: Candidate, compiled: Compiled) -> None:
    outputs = Outputs(candidate.invocation.umask)
    try:
        for planned, made in _contents_of(candidate, compiled):
            outputs.add(planned.path, planned.existing, made)
        outputs.show()
    except LeftToCompilerError as reason:
        raise StaysHere(str(reason)) from reason
    finally:
        outputs.discard()


def _contents_of(
    candidate: Candidate, compiled: Compiled
) -> Iterator[tuple[PlannedOutput, Iterable[bytes]]]:
    """Yield each output with its contents, in the order in which they are written."""
    reply = compiled.reply
    if (tree := compiled.request.tree) is not None and compiled.request.makes_more:
        for planned in made_outputs(candidate, os.fsdecode(tree.directory), reply.outputs):
            yield planned, reply.outputs[planned.name].pieces()
        return
    contents = {OBJECT: reply.object_file.pieces(), DEPENDENCIES: _dependencies(compiled)}
    for planned in planned_outputs(candidate):
        if (made := contents[planned.name]) is not None:
            yield planned, made


def _dependencies(compiled: Compiled) -> Iterable[bytes] | None:
    """Return the contents of the dependency file, made wherever the source was preprocessed."""
    if compiled.text is None:
        return compiled.reply.dependencies.pieces()
    made = compiled.text.dependencies
    return None if made is None else _contents(made)


def _contents(path: str) -> Iterator[bytes]:
    yield Path(path).read_bytes()
