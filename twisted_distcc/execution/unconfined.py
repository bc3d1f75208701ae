"""Compiling in a folder of its own, with nothing but that folder's name to keep a compiler in.

In: a command that was found good, and its source.  Out: a `Job`.  Whoever may have jobs run here can do
what the server's user can, within limits if there are any: `sandbox` is the place that keeps compilers
from it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cmdline.model import Compilation
from twisted_distcc.cmdline.rewrite import serve_argv
from twisted_distcc.execution.compilation import NothingMadeError, Preprocesses, check_room
from twisted_distcc.execution.limits import Limits, check_limits
from twisted_distcc.execution.words import Words
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.launcher.command import CannotStartError, Command, Ended
from twisted_distcc.messages.body import EMPTY, Body
from twisted_distcc.messages.model import Reply

_SHELL: Final = "/bin/sh"


@dataclass(frozen=True, slots=True)
class Unconfined:
    """A place without walls.

    Attributes:
        workspaces: the folders of the jobs, and of their large results.
        environ: what a compiler gets to see; `TMPDIR` is added.
        limits: how much a job may use; `None` is all that its user may.
    """

    workspaces: Workspaces
    environ: Mapping[str, str]
    limits: Limits | None = None

    def knows(self, path: str) -> bool:
        """Say that any compiler can run here."""
        return True

    def learn(self, path: str) -> None:
        """There is nothing to find out."""

    def digest(self, path: str) -> str | None:
        """Say that it is not known what a compiler consists of."""
        return None

    def preprocesses(self, path: str) -> Preprocesses:
        """Say that the client's files lie elsewhere here, and that their names are mapped."""
        return "mapped"

    @contextmanager
    def prepare(self, path: str, compilation: Compilation, source: Body) -> Iterator[OpenJob]:
        """Make ready to compile `source` as `compilation` says, with the compiler at `path`."""
        workspace = self.workspaces.new()
        try:
            source_path = workspace.place(f"source{compilation.language.preprocessed_suffix}")
            source.save(source_path)
            with Words("stdout") as stdout, Words("stderr") as stderr:
                output = workspace.place("output.o")
                command = Command(
                    self._limited(serve_argv(compilation, path, source_path, output)),
                    environ={**self.environ, "TMPDIR": workspace.path},
                    directory=workspace.path,
                    stdout=stdout.descriptor,
                    stderr=stderr.descriptor,
                    expendable=True,
                )
                limited = self.limits is not None
                yield OpenJob(command, stdout, stderr, output, self.workspaces.spool, limited)
        except CannotStartError:
            # It may be running all the same, and nobody watches it, if what starts programs is gone.
            workspace.remove()
            raise
        finally:
            self.workspaces.take_back(workspace)

    def _limited(self, argv: list[str]) -> list[str]:
        if self.limits is None:
            return argv
        script = self.limits.script(own_processes=False) + '\nexec "$@"'
        return [_SHELL, "-c", script, "sh", *argv]


@dataclass(frozen=True, slots=True)
class OpenJob:
    """A compile in its folder.

    Attributes:
        command: what to start.
        stdout, stderr: what it says.
        output: where its object will lie.
        keep: the folder that large results are moved to.
        limited: whether it runs within limits.
    """

    command: Command
    stdout: Words
    stderr: Words
    output: str
    keep: str
    limited: bool

    def collect(self, ended: Ended) -> Reply:
        """Make the reply of what it left; see `Job`."""
        check_room(ended, self.stderr)
        if self.limited:
            check_limits(ended.status, self.stderr.last())
        made = self._made(ended)
        return Reply(ended.status, self.stderr.read(self.keep), self.stdout.read(self.keep), made)

    def cost(self, ended: Ended) -> float:
        """Give the seconds of processor time that it took."""
        return ended.user + ended.system

    def _made(self, ended: Ended) -> Body:
        """Give the object; a compiler that failed has none, whatever it wrote."""
        if ended.status:
            return EMPTY
        if not os.path.isfile(self.output):
            raise NothingMadeError
        return Body.adopt(self.output, self.keep)
