"""Prepare a compile on this machine, and collect its outputs once somebody has run it.

An `Executor` takes a command that was accepted, and its source, and returns a `Job`: what to start, and
what to do when it has ended.  Who may ask for what is decided before; how a job is kept from doing harm
is up to the executor; whoever runs it may wait with or without Twisted.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.content.body import Body
from twisted_distcc.content.output_capture import MOST_OUTPUT, OutputCapture
from twisted_distcc.errors import EXIT_COMPILER_CRASHED, DistccError
from twisted_distcc.jobs.model import Reply, Tools, Tree
from twisted_distcc.launcher.command import Command, Ended

if TYPE_CHECKING:
    from twisted_distcc.toolchain.digest import Part

# The end of a compiler's message, in plain English, when its disk is full.
_NO_SPACE: Final = os.strerror(errno.ENOSPC).encode()

Preprocesses: TypeAlias = Literal["exact", "mapped", "no"]
"""How a compiler preprocesses a client's files: at the client's paths, at other paths, or not at all."""


class NothingMadeError(DistccError):
    """A compiler reported success, but made no object file."""

    exit_code = EXIT_COMPILER_CRASHED

    def __init__(self) -> None:
        super().__init__("the compiler ended without a complaint, but made no object file")


class LongRulesError(DistccError):
    """A compiler made a dependency file that is too long for a reply."""

    exit_code = EXIT_COMPILER_CRASHED

    def __init__(self) -> None:
        super().__init__(f"the compiler made a dependency file of more than {MOST_OUTPUT} bytes")


class Job(Protocol):
    """A compile that is ready to be started."""

    @property
    def command(self) -> Command:
        """The command to start."""
        ...

    def cost(self, ended: Ended) -> float:
        """Return its processor time in seconds."""
        ...

    def collect(self, ended: Ended) -> Reply:
        """Return the reply with its outputs, once it has ended.

        Raises:
            NothingMadeError: if it succeeded without an object file.
            OSError: if the disk takes no more.
        """
        ...


class Executor(Protocol):
    """Where jobs run."""

    @property
    def confines(self) -> bool:
        """Whether a job can run nothing but the compiler's programs, and harm nothing."""
        ...

    @property
    def takes_toolchains(self) -> bool:
        """Whether clients may bring programs of their own, as these can do no harm here."""
        ...

    def bringing(self, tools: Tools) -> Executor:
        """Return what runs the jobs that bring `tools`, which are laid out here.

        It has to take toolchains.
        """
        ...

    def knows(self, path: str) -> bool:
        """Whether jobs of the compiler at `path` can be prepared now."""
        ...

    def learn(self, path: str) -> None:
        """Find out what it takes to run the compiler at `path`; this may block.

        Raises:
            OSError: if it cannot be read or started.
        """
        ...

    def digest(self, path: str) -> str | None:
        """Return the SHA-256, in hexadecimal, of everything that decides a known compiler's output.

        `None` if that cannot be determined.  This may block.
        """
        ...

    def parts(self, path: str) -> tuple[Part, ...]:
        """Return the files that this digest is made from; none if that cannot be determined.

        This may block.

        Raises:
            OSError: if one does not exist.
        """
        ...

    def preprocesses(self, path: str) -> Preprocesses:
        """Return how a known compiler preprocesses the files of a client here."""
        ...

    def makes_all_outputs(self, path: str | None) -> bool:
        """Whether commands that make more than an object run here; to ask may wait.

        `path` is that of the compiler; `None` stands for those that clients bring.
        """
        ...

    def prepare(
        self, path: str, compilation: Compilation, source: Body, owner: str
    ) -> AbstractContextManager[Job]:
        """Prepare to compile `source` as `compilation` says, with the known compiler at `path`.

        Nobody but `owner` may learn of the job.  Leaving the context releases what the job held,
        whatever its outcome.

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
        """Prepare to compile the files of `tree` as `compilation` says, as if at the client.

        `environ` is set for the compiler as well; nobody but `owner` may learn of the tree.  To enter
        and to leave the context may wait.

        Raises:
            DistccError: if the tree cannot be laid out.
            OSError: if the disk takes no more.
        """
        ...


def adopt_rules(path: str, keep: str | None = None) -> Body:
    """Turn a dependency file into a body, as `Body.adopt` does.

    Raises:
        LongRulesError: if it exceeds the limit on a compiler's messages, which are kept in memory, too.
    """
    check_rules_length(os.stat(path).st_size)
    return Body.adopt(path, keep)


def check_rules_length(length: int) -> None:
    """Raise `LongRulesError` if a dependency file of so many bytes is too long."""
    if length > MOST_OUTPUT:
        raise LongRulesError


def check_room(ended: Ended, stderr: OutputCapture) -> None:
    """Raise `OSError` if a compiler failed because the disk is full, which is not the code's fault.

    The client should then try elsewhere.  A source that merely prints the same (`#error`) is also tried
    elsewhere, and finally compiled by its owner.
    """
    if ended.status and stderr.ended_with(_NO_SPACE):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
