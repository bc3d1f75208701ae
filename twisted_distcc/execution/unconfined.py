"""Compiling in a folder of its own, with nothing but that folder's name to keep a compiler in.

In: a command that was found good, and its source, or the files that it reads.  Out: a `Job`.  Whoever
may have jobs run here can do what the server's user can, within limits if there are any: `sandbox` is
the place that keeps compilers from it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.rewrite import serve_argv, serve_tree_argv
from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.execution.executor import NothingMadeError, Preprocesses, check_room
from twisted_distcc.execution.inputs.mapped_tree import Moved, lay_open
from twisted_distcc.execution.path_mapping import moved
from twisted_distcc.execution.resource_limits import Limits, check_limits
from twisted_distcc.execution.workspace import Workspace, Workspaces
from twisted_distcc.jobs.model import Reply, Tree
from twisted_distcc.launcher.command import CannotStartError, Command, Ended
from twisted_distcc.toolchain.search_folders import search_folders

_SHELL: Final = "/bin/sh"
_OUTPUT: Final = "output.o"
_RULES: Final = "output.d"


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
        """Return the digest of a compiler; the first time, this reads all that it consists of."""
        from twisted_distcc.toolchain.known_toolchains import identify  # twistd-stdio seldom needs it

        return identify(path, self.environ)

    def preprocesses(self, path: str) -> Preprocesses:
        """Say that the client's files lie elsewhere here, and that their names are mapped."""
        return "mapped"

    def prepare(
        self, path: str, compilation: Compilation, source: Body, owner: str
    ) -> AbstractContextManager[OpenJob]:
        """Make ready to compile `source` as `compilation` says, with the compiler at `path`."""

        def command(workspace: Workspace) -> tuple[list[str], Moved | None]:
            name = workspace.path_of(f"source{compilation.language.preprocessed_suffix}")
            source.save(name)
            return serve_argv(compilation, path, name, workspace.path_of(_OUTPUT)), None

        return self._job(command, {}, owner)

    def prepare_tree(
        self,
        path: str,
        compilation: Compilation,
        tree: Tree,
        environ: Mapping[str, str],
        owner: str,
    ) -> AbstractContextManager[OpenJob]:
        """Make ready to compile the files of `tree` in a folder that stands for the root; this waits."""

        def command(workspace: Workspace) -> tuple[list[str], Moved | None]:
            root = workspace.path_of("root")
            searched = search_folders(path, compilation.language, self.environ)
            site = lay_open(tree, root, searched)
            here = moved(compilation, root, site.locate, searched)
            rules = workspace.path_of(_RULES)
            argv = serve_tree_argv(here, path, workspace.path_of(_OUTPUT), rules)
            kept = None if compilation.dependencies is None else rules
            return argv, Moved(root, site.directory, kept, compilation.family)

        return self._job(command, environ, owner)

    @contextmanager
    def _job(
        self,
        make: Callable[[Workspace], tuple[list[str], Moved | None]],
        environ: Mapping[str, str],
        owner: str,
    ) -> Iterator[OpenJob]:
        workspace = self.workspaces.new(owner)
        try:
            argv, files = make(workspace)
            directory = workspace.path
            if files is not None:  # compilers believe it where it leads to the same folder
                directory = files.directory
                environ = {**environ, "PWD": directory}
            with OutputCapture("stdout") as stdout, OutputCapture("stderr") as stderr:
                command = Command(
                    self._limited(argv),
                    environ={**self.environ, **environ, "TMPDIR": workspace.path},
                    directory=directory,
                    stdout=stdout.descriptor,
                    stderr=stderr.descriptor,
                    expendable=True,
                )
                limited = self.limits is not None
                output, keep = workspace.path_of(_OUTPUT), self.workspaces.spool
                yield OpenJob(command, stdout, stderr, output, keep, limited, files)
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
        moved: where the client's files lie, if it has brought some.
    """

    command: Command
    stdout: OutputCapture
    stderr: OutputCapture
    output: str
    keep: str
    limited: bool
    moved: Moved | None = None

    def collect(self, ended: Ended) -> Reply:
        """Make the reply of what it left; see `Job`."""
        check_room(ended, self.stderr)
        if self.limited:
            check_limits(ended.status, self.stderr.last())
        made = self._made(ended)
        reply = Reply(ended.status, self.stderr.read(self.keep), self.stdout.read(self.keep), made)
        return reply if self.moved is None else self.moved.restore(reply, self.keep)

    def cost(self, ended: Ended) -> float:
        """Return the seconds of processor time that it took."""
        return ended.user + ended.system

    def _made(self, ended: Ended) -> Body:
        """Return the object; a compiler that failed has none, whatever it wrote."""
        if ended.status:
            return EMPTY
        if not os.path.isfile(self.output):
            raise NothingMadeError
        return Body.adopt(self.output, self.keep)
