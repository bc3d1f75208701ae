"""One compile on this machine: made ready, run by somebody else, and its results collected.

In: a command that was found good, and its source.  Out: a `Job`, which is what to start and what to do
when it has ended.  Who may ask for what is decided before; how a job is kept from doing harm is the
business of the `Executor` that it runs in; whoever runs it may wait with Twisted or without.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final, Literal, Protocol, TypeAlias

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.content.body import Body
from twisted_distcc.content.output_capture import MOST_OUTPUT, OutputCapture
from twisted_distcc.errors import EXIT_COMPILER_CRASHED, DistccError
from twisted_distcc.jobs.model import Reply, Tree
from twisted_distcc.launcher.command import Command, Ended

# What a compiler, in plain English, ends with when its disk is full.
_NO_SPACE: Final = os.strerror(errno.ENOSPC).encode()

Preprocesses: TypeAlias = Literal["exact", "mapped", "no"]
"""How a compiler preprocesses the files of a client: where they lie there, elsewhere, or not at all."""


class NothingMadeError(DistccError):
    """A compiler says that all is well, but made no object file."""

    exit_code = EXIT_COMPILER_CRASHED

    def __init__(self) -> None:
        super().__init__("the compiler ended without a complaint, but made no object file")


class LongRulesError(DistccError):
    """A compiler made a dependency file that no reply can hold."""

    exit_code = EXIT_COMPILER_CRASHED

    def __init__(self) -> None:
        super().__init__(f"the compiler made a dependency file of more than {MOST_OUTPUT} bytes")


class Job(Protocol):
    """A compile that is ready to be started."""

    @property
    def command(self) -> Command:
        """What to start."""
        ...

    def cost(self, ended: Ended) -> float:
        """Return the seconds of processor time that it took."""
        ...

    def collect(self, ended: Ended) -> Reply:
        """Make the reply of what it left, once it has ended.

        Raises:
            NothingMadeError: if it succeeded without an object file.
            OSError: if the disk takes no more.
        """
        ...


class Executor(Protocol):
    """Where jobs run."""

    def knows(self, path: str) -> bool:
        """Whether jobs of the compiler at `path` can be prepared now."""
        ...

    def learn(self, path: str) -> None:
        """Find out what it takes to run the compiler at `path`; this may wait.

        Raises:
            OSError: if it cannot be read or started.
        """
        ...

    def digest(self, path: str) -> str | None:
        """Return the SHA-256 of all that decides what a known compiler makes, in hexadecimal.

        `None` is one of which that cannot be told.  This may wait.
        """
        ...

    def preprocesses(self, path: str) -> Preprocesses:
        """Say how a known compiler preprocesses the files of a client here."""
        ...

    def prepare(
        self, path: str, compilation: Compilation, source: Body, owner: str
    ) -> AbstractContextManager[Job]:
        """Make ready to compile `source` as `compilation` says, with the known compiler at `path`.

        Nobody but `owner` may learn of the job.  Leaving the context gives up what the job held,
        whatever became of it.

        Raises:
            OSError: if the disk takes no more.
        """
        ...

    def prepare_tree(
        self,
        path: str,
        compilation: Compilation,
        tree: Tree,
        environ: Mapping[str, str],
        owner: str,
    ) -> AbstractContextManager[Job]:
        """Make ready to compile the files of `tree` as `compilation` says, as if at the client.

        `environ` is set for the compiler as well; nobody but `owner` may learn of the tree.  To enter
        and to leave the context may wait.

        Raises:
            DistccError: if the tree cannot be laid out.
            OSError: if the disk takes no more.
        """
        ...


def adopt_rules(path: str, keep: str | None = None) -> Body:
    """Make a body of a dependency file, as `Body.adopt` does.

    Raises:
        LongRulesError: if it is longer than what a compiler may say, which is kept in memory as well.
    """
    if os.stat(path).st_size > MOST_OUTPUT:
        raise LongRulesError
    return Body.adopt(path, keep)


def check_room(ended: Ended, stderr: OutputCapture) -> None:
    """Raise `OSError` if a compiler failed for want of room: the code is not at fault then.

    The client is to ask elsewhere.  A source that merely says so (`#error`) is asked about elsewhere as
    well, and in the end compiled by its owner.
    """
    if ended.status and stderr.ended_with(_NO_SPACE):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
