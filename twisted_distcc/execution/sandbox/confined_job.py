"""A compile in a sandbox, and its outputs.

The outputs leave the sandbox only through descriptors that were passed in: nothing outside ever follows
a name that a compiler has made.
"""

from __future__ import annotations

import itertools
import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.executor import NothingMadeError, adopt_rules, check_rules_length
from twisted_distcc.execution.resource_limits import check_limits
from twisted_distcc.execution.sandbox.changes import contents_of, read_changes
from twisted_distcc.execution.sandbox.enclosure import Confiner
from twisted_distcc.jobs.expected_outputs import MOST, ExpectedOutputs
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT, Reply
from twisted_distcc.launcher.command import Command, Ended

_NUMBERS: Final = itertools.count()


class SandboxFailedError(DistccError):
    """The sandbox could not be set up, so nothing was compiled."""


@dataclass(frozen=True, slots=True)
class ConfinedJob:
    """A compile in its sandbox.

    Attributes:
        command: the command to start.
        confiner: what runs it.
        stdout, stderr: what it writes.
        report: what the confiner writes about it.
        times: the processor time that it used, if the confiner tells that apart.
        output: the file that its object is written to, or the list of what it has changed.
        rules: the file that its dependencies are written to, if it has any.
        expected: what it may change; `None` if it has only these two outputs.
        keep: the folder for large outputs.
    """

    command: Command
    confiner: Confiner
    stdout: OutputCapture
    stderr: OutputCapture
    report: OutputCapture
    times: OutputCapture | None
    output: str
    rules: str | None
    expected: ExpectedOutputs | None
    keep: str

    def collect(self, ended: Ended) -> Reply:
        """Return the reply with its outputs; see `Job`.

        Raises:
            LimitMetError: if it hit a limit.
            SandboxFailedError: if it never ran.
        """
        status = self.confiner.status(self.report.last())
        if status is None:
            reason = self.confiner.failure(self.report.last(), self.stderr.last(), ended)
            raise SandboxFailedError(f"this server cannot make a sandbox now: {reason}")
        check_limits(status, self.stderr.last())
        outputs = {} if status else self._made()
        said = (self.stderr.read(self.keep), self.stdout.read(self.keep))
        return Reply(status, *said, outputs=outputs)

    def cost(self, ended: Ended) -> float:
        """Return its processor time in seconds."""
        return self.confiner.cost(ended, b"" if self.times is None else self.times.last())

    def _made(self) -> dict[str, Body]:
        """Return the outputs by name."""
        if self.expected is not None:
            return collected(self.output, self.expected, self.keep)
        rules = EMPTY if self.rules is None else adopt_rules(self.rules, self.keep)
        made = Body.adopt(self.output, self.keep)
        if not made.length:
            rules.discard()
            raise NothingMadeError
        return {OBJECT: made, **({DEPENDENCIES: rules} if rules.length else {})}


def collected(changes: str, expected: ExpectedOutputs, keep: str) -> dict[str, Body]:
    """Return the outputs among the `changes` of a job, in the order in which they were completed.

    If anything has changed that was not expected, that is named, alone, and has no contents.

    Raises:
        NothingMadeError: if there is no object.
        LongRulesError: if the dependency file is too long.
        OSError: if the disk takes no more.
    """
    found = [(change, expected.find(change.path)) for change in read_changes(changes)]
    unforeseen = [change for change, name in found if name is None or change.length is None]
    for change in (*unforeseen, *(change for change, _ in found[MOST:])):
        return {change.path: EMPTY}
    in_order = [(change.changed, name[1], name[0], change) for change, name in found if name is not None]
    in_order.sort(key=lambda one: one[:3])
    named = [(name, change) for _, _, name, change in in_order]
    lengths = {name: change.length or 0 for name, change in named}
    if not lengths.get(OBJECT):
        raise NothingMadeError
    check_rules_length(lengths.get(DEPENDENCIES, 0))
    outputs: dict[str, Body] = {}
    try:
        for name, change in named:
            outputs[name] = contents_of(change, changes, keep)
    except BaseException:
        for body in outputs.values():
            body.discard()
        raise
    return outputs


class Handed:
    """Descriptors that are passed into a sandbox, and their files; close it after the job.

    Args:
        folder: where files are created.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._held = ExitStack()
        self.close = self._held.close

    def words(self, name: str) -> OutputCapture:
        """Return a new stream for output."""
        return self._held.enter_context(OutputCapture(name))

    def in_memory(self, data: bytes) -> int:
        """Return a descriptor of a readable file in memory that contains `data`."""
        descriptor = os.memfd_create("data", os.MFD_CLOEXEC)
        self._held.callback(os.close, descriptor)
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def opened(self, body: Body) -> int:
        """Open `body` for reading, and return the descriptor."""
        if body.path is None:
            return self.in_memory(body.data or b"")
        descriptor = os.open(body.path, os.O_RDONLY | os.O_CLOEXEC)
        self._held.callback(os.close, descriptor)
        return descriptor

    def created(self, name: str) -> tuple[str, int]:
        """Create a file for writing; it is removed on closing if it still exists."""
        path = f"{self._folder}/{name}-{os.getpid()}-{next(_NUMBERS)}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._held.callback(_remove, path)
        self._held.callback(os.close, descriptor)
        return path, descriptor


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)
