"""A compile in a sandbox, and its outputs.

The outputs leave the sandbox only through descriptors that were passed in: nothing outside ever follows
a name that a compiler has made.
"""

from __future__ import annotations

import itertools
import os
import re
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.executor import NothingMadeError, adopt_rules
from twisted_distcc.execution.resource_limits import SPACE, LimitMetError, check_limits
from twisted_distcc.jobs.model import Reply
from twisted_distcc.launcher.command import Command, Ended

_NUMBERS: Final = itertools.count()

_CHILD: Final = re.compile(rb'"child-pid": (\d{1,10})\b')
# Bounded: a job that has a `/proc` can write where the shell and bubblewrap do.
_EXIT_CODE: Final = re.compile(rb'"exit-code": (\d{1,3})\b')
_TIME: Final = rb"(\d{1,7})m(\d{1,2}\.\d{1,6})s"
_TIMES: Final = re.compile(rb"(?:\A|\n)" + _TIME + b" " + _TIME + rb"\n\Z")
_SIGNALLED: Final = 128


class SandboxFailedError(DistccError):
    """The sandbox could not be set up, so nothing was compiled."""


@dataclass(frozen=True, slots=True)
class ConfinedJob:
    """A compile in its sandbox.

    Attributes:
        command: the command to start.
        stdout, stderr: what it writes.
        said: what bubblewrap writes about it.
        times: the processor time that it used.
        output: the file that its object is written to.
        rules: the file that its dependencies are written to, if it has any.
        keep: the folder for large outputs.
    """

    command: Command
    stdout: OutputCapture
    stderr: OutputCapture
    said: OutputCapture
    times: OutputCapture
    output: str
    rules: str | None
    keep: str

    def collect(self, ended: Ended) -> Reply:
        """Return the reply with its outputs; see `Job`.

        Raises:
            LimitMetError: if it hit a limit.
            SandboxFailedError: if it never ran.
        """
        status = self._status(ended)
        check_limits(status, self.stderr.last())
        made, rules = self._made(status)
        return Reply(status, self.stderr.read(self.keep), self.stdout.read(self.keep), made, rules)

    def cost(self, ended: Ended) -> float:
        """Return its processor time in seconds; bubblewrap does not wait for its children."""
        own = ended.user + ended.system
        found = _TIMES.search(self.times.last())
        if found is None:
            return own
        minutes, seconds, more, rest = found.groups()
        return own + 60 * int(minutes) + float(seconds) + 60 * int(more) + float(rest)

    def _status(self, ended: Ended) -> int:
        """Return the compiler's wait status, which bubblewrap turns into an exit code, like a shell."""
        found = _EXIT_CODE.search(self.said.last())
        if found is None:
            raise SandboxFailedError(self._why(ended))
        code = int(found[1])
        return code - _SIGNALLED if code > _SIGNALLED else code << 8

    def _why(self, ended: Ended) -> str:
        lines = self.stderr.last().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"bubblewrap ended with {ended.status:#x}"
        return f"this server cannot make a sandbox now: {reason}"

    def _made(self, status: int) -> tuple[Body, Body]:
        """Return object and dependencies; both are empty if the compiler failed, whatever it wrote."""
        if status:
            return EMPTY, EMPTY
        rules = EMPTY if self.rules is None else adopt_rules(self.rules, self.keep)
        made = Body.adopt(self.output, self.keep)
        if not made.length:
            rules.discard()
            raise NothingMadeError
        return made, rules


@dataclass(frozen=True, slots=True)
class FileCount:
    """Counts the files in a running job's folder, which take memory even if they are empty.

    The kernel counts them, but only whoever mounts can set a limit, and bubblewrap has no option for it.

    Attributes:
        said: what bubblewrap writes about the job; nothing in the sandbox can write there.
        folder: the job's folder, a path in the sandbox.
        most: the most files, folders, links and names that it may have.
    """

    said: OutputCapture
    folder: str
    most: int

    def __call__(self) -> None:
        """Check once.

        Raises:
            LimitMetError: if there are too many.
        """
        found = _CHILD.search(self.said.last())
        if found is None:
            return
        with suppress(OSError):  # it has not begun, or is over
            told = os.statvfs(f"/proc/{int(found[1])}/root{self.folder}")
            if told.f_files - told.f_ffree > self.most:
                raise LimitMetError(*SPACE)


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
