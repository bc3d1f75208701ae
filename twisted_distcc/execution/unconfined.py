"""Compile in a folder of its own, without a sandbox.

`Unconfined` is the `Executor` whose jobs are confined by nothing: whoever may run jobs here can do
whatever the server's user can, within limits if there are any; `sandbox` prevents that.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.rewrite import serve_argv, serve_tree_argv
from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.execution.executor import Executor, NothingMadeError, Preprocesses, check_room
from twisted_distcc.execution.inputs.mapped_tree import Moved, lay_open
from twisted_distcc.execution.path_mapping import moved
from twisted_distcc.execution.resource_limits import Limits, check_limits
from twisted_distcc.execution.workspace import Workspace, Workspaces
from twisted_distcc.jobs.model import Reply, Tools, Tree
from twisted_distcc.launcher.command import CannotStartError, Command, Ended
from twisted_distcc.toolchain.search_folders import search_folders

if TYPE_CHECKING:
    from twisted_distcc.toolchain.digest import Part

_SHELL: Final = "/bin/sh"
_OUTPUT: Final = "output.o"
_RULES: Final = "output.d"


@dataclass(frozen=True, slots=True)
class Unconfined:
    """Runs jobs without a sandbox.

    Attributes:
        workspaces: the folders of the jobs, and of their large outputs.
        environ: the compilers' environment; `TMPDIR` is added.
        limits: how much a job may use; `None` for no limits beyond its user's.
    """

    workspaces: Workspaces
    environ: Mapping[str, str]
    limits: Limits | None = None

    @property
    def confines(self) -> bool:
        """Return False: jobs can do what their user can."""
        return False

    @property
    def takes_toolchains(self) -> bool:
        """Return False: a client's programs could do what their user can."""
        return False

    def bringing(self, tools: Tools) -> Executor:
        """Do not return: no job that brings tools comes here."""
        raise AssertionError("this takes no toolchains")

    def knows(self, path: str) -> bool:
        """Return True: any compiler can run here."""
        return True

    def learn(self, path: str) -> None:
        """Do nothing: there is nothing to find out."""

    def digest(self, path: str) -> str | None:
        """Return the digest of a compiler; the first call reads everything it consists of."""
        from twisted_distcc.toolchain.known_toolchains import identify  # twistd-stdio seldom needs it

        return identify(path, self.environ)

    def parts(self, path: str) -> tuple[Part, ...]:
        """Return the files that a compiler consists of."""
        from twisted_distcc.toolchain.known_toolchains import parts_in

        return parts_in(path, self.environ)

    def preprocesses(self, path: str) -> Preprocesses:
        """Return `mapped`: the client's files are at other paths here, and their names are mapped."""
        return "mapped"

    def makes_all_outputs(self, path: str | None) -> bool:
        """Return False: the client's paths are other paths here."""
        return False

    def prepare(
        self, path: str, compilation: Compilation, source: Body, owner: str
    ) -> AbstractContextManager[OpenJob]:
        """Prepare to compile `source` as `compilation` says, with the compiler at `path`."""

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
        """Prepare to compile the files of `tree` in a folder that stands for the root; this blocks."""

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
        command: the command to start.
        stdout, stderr: what it writes.
        output: the path of its object.
        keep: the folder that large outputs are moved to.
        limited: whether it runs within limits.
        moved: how the client's paths are mapped, if it came with files.
    """

    command: Command
    stdout: OutputCapture
    stderr: OutputCapture
    output: str
    keep: str
    limited: bool
    moved: Moved | None = None

    def collect(self, ended: Ended) -> Reply:
        """Return the reply with its outputs; see `Job`."""
        check_room(ended, self.stderr)
        if self.limited:
            check_limits(ended.status, self.stderr.last())
        made = self._made(ended)
        reply = Reply(ended.status, self.stderr.read(self.keep), self.stdout.read(self.keep), made)
        return reply if self.moved is None else self.moved.restore(reply, self.keep)

    def cost(self, ended: Ended) -> float:
        """Return its processor time in seconds."""
        return ended.user + ended.system

    def _made(self, ended: Ended) -> Body:
        """Return the object; it is empty if the compiler failed, whatever it wrote."""
        if ended.status:
            return EMPTY
        if not os.path.isfile(self.output):
            raise NothingMadeError
        return Body.adopt(self.output, self.keep)
