"""Compiling within walls.

In: a command that was found good, and its source, or the files that it reads.  Out: a `Job` that runs in
a sandbox of its own.  The compiler's programs are found when it is first asked for; how the walls are
made is `bubblewrap`'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.preprocessed import working_directory
from twisted_distcc.cmdline.rewrite import serve_argv, serve_tree_argv
from twisted_distcc.content.body import Body
from twisted_distcc.execution.executor import Preprocesses
from twisted_distcc.execution.inputs.layout import lay_out
from twisted_distcc.execution.inputs.trees import Trees
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox import seccomp
from twisted_distcc.execution.sandbox.bubblewrap import DEPENDENCIES, OUTPUT, Programs, Walls
from twisted_distcc.execution.sandbox.confined_job import ConfinedJob, FileCount, Handed
from twisted_distcc.execution.sandbox.fixture import fixture_of
from twisted_distcc.jobs.model import Tree
from twisted_distcc.launcher.command import Command
from twisted_distcc.launcher.starting import NOTHING
from twisted_distcc.toolchain.discovery import Toolchain
from twisted_distcc.toolchain.known_toolchains import Toolchains

# What comes before the first line of a source's own fits into this.
_HEAD: Final = 8192


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A place with walls.

    Attributes:
        programs: what builds them.
        toolchains: what each compiler consists of.
        limits: how much a job may use.
        environ: what a compiler gets to see; `TMPDIR` is added.
        spool: the folder that objects are written into.
        trees: folders for the files that jobs bring.
    """

    programs: Programs
    toolchains: Toolchains
    limits: Limits
    environ: Mapping[str, str]
    spool: str
    trees: Trees

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
        """Return the digest of a known compiler; the first time, this reads all that it consists of."""
        return self.toolchains.digest(path)

    def preprocesses(self, path: str) -> Preprocesses:
        """Say that the client's files lie here as they do there, save in the way of a whole system."""
        return "mapped" if self.toolchains.get(path).is_whole_system else "exact"

    def prepare(
        self, path: str, compilation: Compilation, source: Body, owner: str
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
        walls = self._walls(seen)
        folder = walls.folder(folder)
        with closing(Handed(self.spool)) as handed:
            words = walls.argv(folder, name, source.length, argv)
            yield self._job(handed, words, self.environ, folder, source)

    @contextmanager
    def prepare_tree(
        self,
        path: str,
        compilation: Compilation,
        tree: Tree,
        environ: Mapping[str, str],
        owner: str,
    ) -> Iterator[ConfinedJob]:
        """Make ready to compile with the files of `tree`, where the client has them; this waits."""
        seen = self.toolchains.get(path)
        layout = lay_out(tree, fixture_of(seen, self.environ))
        own = os.fsdecode(layout.own)
        command = serve_tree_argv(compilation, path, f"{own}/{OUTPUT}", f"{own}/{DEPENDENCIES}")
        # All names of one compiler are of one kind.
        laid = self.trees.laid(os.path.realpath(path), layout, tree.contents, owner)
        with laid as root, closing(Handed(self.spool)) as handed:
            system = [os.fsdecode(folder) for folder in layout.system]
            argv = self._walls(seen).argv_over(root, system, own, os.fsdecode(tree.directory), command)
            rules = compilation.dependencies is not None
            yield self._job(handed, argv, {**self.environ, **environ}, own, rules=rules)

    def _walls(self, seen: Toolchain) -> Walls:
        is_filtered = seccomp.program(os.uname().machine) is not None
        return Walls(self.programs, seen.view, self.limits, is_filtered, seen.is_whole_system)

    def _job(
        self,
        handed: Handed,
        argv: Sequence[str],
        environ: Mapping[str, str],
        folder: str,
        source: Body | None = None,
        *,
        rules: bool = False,
    ) -> ConfinedJob:
        """Return the job that runs `argv`, with what is handed into its sandbox and out of it.

        It can write to `folder`, as it sees it, and nowhere else.
        """
        stdout, stderr, status, times = map(handed.words, ("stdout", "stderr", "status", "times"))
        filtering = seccomp.program(os.uname().machine)
        object_path, object_file = handed.created("object")
        rules_path, rules_file = handed.created("rules") if rules else (None, NOTHING)
        command = Command(
            argv,
            {**environ, "TMPDIR": folder},
            stdout=stdout.descriptor,
            stderr=stderr.descriptor,
            beside=(
                status.descriptor,
                NOTHING if filtering is None else handed.in_memory(filtering),
                NOTHING if source is None else handed.opened(source),
                object_file,
                times.descriptor,
                rules_file,
            ),
            expendable=True,
            watch=FileCount(status, folder, self.limits.files),
        )
        return ConfinedJob(command, stdout, stderr, status, times, object_path, rules_path, self.spool)
