"""Running one compiler over one preprocessed source.

In: a command that was found good, and the source.  Out: what the compiler answered, as a `Reply`, and
what it cost.  Who may ask for what is decided before; this module runs what it is given.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from twisted_distcc.cmdline.model import Compilation
from twisted_distcc.cmdline.rewrite import serve_argv
from twisted_distcc.errors import EXIT_COMPILER_CRASHED, DistccError
from twisted_distcc.execution.workspace import Workspace
from twisted_distcc.messages.body import EMPTY, PIECE, Body, Spool
from twisted_distcc.messages.model import Reply
from twisted_distcc.processes import Command, Ended, Spawner, run

# What a compiler, in plain English, ends with when its disk is full.
_NO_SPACE: Final = os.strerror(errno.ENOSPC).encode()
# What a compiler may say; C++ at its worst says some hundred kilobytes.
_MOST_WORDS: Final = 16 * 1024 * 1024
_LAST_WORDS: Final = 64 * 1024


class Words:
    """What a compiler says on one stream: a file in memory, which costs nothing while it is empty."""

    def __init__(self, name: str) -> None:
        self.descriptor = os.memfd_create(name, os.MFD_CLOEXEC)

    def read(self, directory: str) -> Body:
        """Give what was said; if it is much, it is put into `directory`, and if it is too much, cut."""
        length = os.fstat(self.descriptor).st_size
        spool = Spool(directory)
        for start in range(0, min(length, _MOST_WORDS), PIECE):
            spool.write(os.pread(self.descriptor, min(PIECE, length - start), start))
        if length > _MOST_WORDS:
            spool.write(b"\n(%d bytes more are left out)\n" % (length - _MOST_WORDS))
        return spool.finish()

    def ended_with(self, words: bytes) -> bool:
        """Whether these words are in the last of what was said."""
        length = os.fstat(self.descriptor).st_size
        return words in os.pread(self.descriptor, _LAST_WORDS, max(0, length - _LAST_WORDS))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.descriptor)


class NothingMadeError(DistccError):
    """A compiler says that all is well, but made no object file."""

    exit_code = EXIT_COMPILER_CRASHED


@dataclass(frozen=True, slots=True)
class Compiler:
    """A compiler on this machine, ready to run.

    Attributes:
        spawn: starts it.
        environ: what it gets to see; `TMPDIR` is added.
        keep: the folder that large results are moved to, out of the job's own.
    """

    spawn: Spawner
    environ: Mapping[str, str]
    keep: str

    async def compile(
        self, path: str, compilation: Compilation, source: Body, workspace: Workspace
    ) -> tuple[Reply, Ended]:
        """Compile `source` as `compilation` says, with the compiler at `path`, in `workspace`.

        Cancelling kills the compiler and all that it started.

        Raises:
            CannotStartError: if the compiler cannot be started.
            NothingMadeError: if it succeeds without an object file.
            OSError: if the disk takes no more.
        """
        suffix = compilation.language.preprocessed_suffix
        source_path, output_path = workspace.place(f"source{suffix}"), workspace.place("output.o")
        source.save(source_path)
        argv = serve_argv(compilation, path, source_path, output_path)
        with Words("stdout") as stdout, Words("stderr") as stderr:
            command = Command(
                argv,
                environ={**self.environ, "TMPDIR": workspace.path},
                directory=workspace.path,
                stdout=stdout.descriptor,
                stderr=stderr.descriptor,
            )
            ended = await run(self.spawn, command)
            if ended.status and stderr.ended_with(_NO_SPACE):
                # The code is not at fault: the client is to ask elsewhere.  A source that merely says
                # so (`#error`) is asked about elsewhere as well, and in the end compiled by its owner.
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            made = self._made(ended, output_path)
            said = stderr.read(self.keep), stdout.read(self.keep)
        return Reply(ended.status, *said, made), ended

    def _made(self, ended: Ended, output: str) -> Body:
        """Give the object; a compiler that failed has none, whatever it wrote."""
        if ended.status:
            return EMPTY
        if not os.path.isfile(output):
            raise NothingMadeError("the compiler ended without a complaint, but made no object file")
        return Body.adopt(output, self.keep)
