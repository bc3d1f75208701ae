"""Compiling within walls.

In: a command that was found good, and its source.  Out: a `Job` that runs in a sandbox of its own.  The
compiler's programs are found when it is first asked for; how the walls are made is `bubblewrap`'s.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cmdline.model import Compilation
from twisted_distcc.cmdline.rewrite import serve_argv
from twisted_distcc.cmdline.source import working_directory
from twisted_distcc.errors import DistccError
from twisted_distcc.execution.compilation import NothingMadeError, Preprocesses
from twisted_distcc.execution.limits import Limits, check_limits
from twisted_distcc.execution.sandbox import filter as seccomp
from twisted_distcc.execution.sandbox.bubblewrap import OUTPUT, Programs, Walls
from twisted_distcc.execution.sandbox.toolchain import Toolchain
from twisted_distcc.execution.sandbox.toolchains import Toolchains
from twisted_distcc.execution.words import Words
from twisted_distcc.launcher.command import Command, Ended
from twisted_distcc.launcher.starting import NOTHING
from twisted_distcc.messages.body import EMPTY, Body
from twisted_distcc.messages.model import Reply

_NUMBERS: Final = itertools.count()
# What comes before the first line of a source's own fits into this.
_HEAD: Final = 8192

# Bounded: a job that has a `/proc` can write where the shell and bubblewrap do.
_EXIT_CODE: Final = re.compile(rb'"exit-code": (\d{1,3})\b')
_TIME: Final = rb"(\d{1,7})m(\d{1,2}\.\d{1,6})s"
_TIMES: Final = re.compile(rb"(?:\A|\n)" + _TIME + b" " + _TIME + rb"\n\Z")
_SIGNALLED: Final = 128


class SandboxFailedError(DistccError):
    """The walls could not be made, so nothing was compiled."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A place with walls.

    Attributes:
        programs: what builds them.
        toolchains: what each compiler consists of.
        limits: how much a job may use.
        environ: what a compiler gets to see; `TMPDIR` is added.
        spool: the folder that objects are written into.
    """

    programs: Programs
    toolchains: Toolchains
    limits: Limits
    environ: Mapping[str, str]
    spool: str

    def knows(self, path: str) -> bool:
        """Whether it is known what the compiler at `path` consists of."""
        return self.toolchains.knows(path)

    def learn(self, path: str) -> None:
        """Find out what the compiler at `path` consists of; this may wait.

        Raises:
            DistccError: if it cannot be started.
            OSError: if it cannot be read.
        """
        self.toolchains.learn(path)

    def digest(self, path: str) -> str | None:
        """Give the digest of a known compiler; the first time, this reads all that it consists of."""
        return self.toolchains.digest(path)

    def preprocesses(self, path: str) -> Preprocesses:
        """Say that the client's files lie here as they do there, save in the way of a whole system."""
        return "mapped" if self.toolchains.get(path).is_whole_system else "exact"

    def prepare(
        self, path: str, compilation: Compilation, source: Body
    ) -> AbstractContextManager[ConfinedJob]:
        """Make ready to compile `source` as `compilation` says, with the compiler at `path`."""
        name = f"source{compilation.language.preprocessed_suffix}"
        folder = working_directory(source.head(_HEAD))
        argv = serve_argv(compilation, path, name, OUTPUT)
        return self.enclose(self.toolchains.get(path), argv, name, source, folder)

    @contextmanager
    def enclose(
        self,
        seen: Toolchain,
        argv: Sequence[str],
        name: str,
        source: Body,
        folder: str | None = None,
    ) -> Iterator[ConfinedJob]:
        """Make ready to run `argv` where it sees the toolchain `seen`, and `source` as the file `name`.

        It runs in `folder`, if that can be; what it makes is called `OUTPUT`.
        """
        filtering = seccomp.program(os.uname().machine)
        walls = Walls(self.programs, seen.view, self.limits, filtering is not None, seen.is_whole_system)
        folder = walls.folder(folder)
        output = f"{self.spool}/object-{os.getpid()}-{next(_NUMBERS)}"
        with ExitStack() as held:
            stdout, stderr, status, times = (
                held.enter_context(Words(what)) for what in ("stdout", "stderr", "status", "times")
            )
            held.callback(_remove, output)
            command = Command(
                walls.argv(folder, name, source.length, argv),
                environ={**self.environ, "TMPDIR": folder},
                stdout=stdout.descriptor,
                stderr=stderr.descriptor,
                beside=(
                    status.descriptor,
                    NOTHING if filtering is None else _in_memory(filtering, held),
                    _opened(source, held),
                    _created(output, held),
                    times.descriptor,
                ),
                expendable=True,
            )
            yield ConfinedJob(command, stdout, stderr, status, times, output, self.spool)


@dataclass(frozen=True, slots=True)
class ConfinedJob:
    """A compile in its sandbox.

    Attributes:
        command: what to start.
        stdout, stderr: what it says.
        said: what bubblewrap says about it.
        times: what it used of the processors.
        output: the file that its object is written into.
        keep: the folder that large results lie in.
    """

    command: Command
    stdout: Words
    stderr: Words
    said: Words
    times: Words
    output: str
    keep: str

    def collect(self, ended: Ended) -> Reply:
        """Make the reply of what it left; see `Job`.

        Raises:
            LimitMetError: if it met a limit.
            SandboxFailedError: if it never ran.
        """
        status = self._status(ended)
        check_limits(status, self.stderr.last())
        made = self._made(status)
        return Reply(status, self.stderr.read(self.keep), self.stdout.read(self.keep), made)

    def cost(self, ended: Ended) -> float:
        """Give the seconds of processor time that it took; bubblewrap does not wait for its children."""
        own = ended.user + ended.system
        found = _TIMES.search(self.times.last())
        if found is None:
            return own
        minutes, seconds, more, rest = found.groups()
        return own + 60 * int(minutes) + float(seconds) + 60 * int(more) + float(rest)

    def _status(self, ended: Ended) -> int:
        """Give the compiler's wait status, of which bubblewrap makes an exit code, as a shell does."""
        found = _EXIT_CODE.search(self.said.last())
        if found is None:
            raise SandboxFailedError(self._why(ended))
        code = int(found[1])
        return code - _SIGNALLED if code > _SIGNALLED else code << 8

    def _why(self, ended: Ended) -> str:
        lines = self.stderr.last().decode(errors="replace").strip().splitlines()
        reason = lines[-1] if lines else f"bubblewrap ended with {ended.status:#x}"
        return f"this server cannot make a sandbox now: {reason}"

    def _made(self, status: int) -> Body:
        """Give the object; a compiler that failed has none, whatever it wrote."""
        if status:
            return EMPTY
        made = Body.adopt(self.output, self.keep)
        if not made.length:
            raise NothingMadeError
        return made


def _remove(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _in_memory(data: bytes, held: ExitStack) -> int:
    descriptor = os.memfd_create("data", os.MFD_CLOEXEC)
    held.callback(os.close, descriptor)
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _opened(source: Body, held: ExitStack) -> int:
    if source.path is None:
        return _in_memory(source.data or b"", held)
    descriptor = os.open(source.path, os.O_RDONLY | os.O_CLOEXEC)
    held.callback(os.close, descriptor)
    return descriptor


def _created(path: str, held: ExitStack) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    held.callback(os.close, descriptor)
    return descriptor
