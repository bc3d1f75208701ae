"""Compile in a sandbox.

`Sandbox` is the `Executor` whose jobs run in a sandbox of their own each.  The compiler's programs are
found when it is first asked for; a `Confiner` makes the sandbox.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.environment import TEMPORARY
from twisted_distcc.cmdline.preprocessed import working_directory
from twisted_distcc.cmdline.rewrite import serve_argv, serve_tree_argv
from twisted_distcc.content.body import Body
from twisted_distcc.execution.executor import Preprocesses
from twisted_distcc.execution.inputs.laid_tools import LaidTools
from twisted_distcc.execution.inputs.layout import Fixture
from twisted_distcc.execution.inputs.layouts import Layouts
from twisted_distcc.execution.inputs.links import Links
from twisted_distcc.execution.inputs.times import check_own, times_of
from twisted_distcc.execution.inputs.trees import Trees
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.confined_job import ConfinedJob, Handed
from twisted_distcc.execution.sandbox.enclosure import (
    DEPENDENCIES,
    OBJECT,
    OUTPUT,
    RULES,
    Confiner,
    Enclosure,
    folder_in,
)
from twisted_distcc.execution.sandbox.filters import kept_filter, whole_filter
from twisted_distcc.execution.sandbox.fixture import fixture_of
from twisted_distcc.jobs.expected_outputs import ExpectedOutputs
from twisted_distcc.jobs.model import Tools, Tree
from twisted_distcc.launcher.command import Command
from twisted_distcc.launcher.starting import NOTHING
from twisted_distcc.toolchain.digest import Part
from twisted_distcc.toolchain.discovery import Toolchain
from twisted_distcc.toolchain.known_toolchains import Toolchains

# Everything before the first line of the source proper fits into this.
_HEAD: Final = 8192


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Runs jobs in sandboxes.

    Attributes:
        confiner: the program that makes them.
        toolchains: what each compiler consists of.
        limits: how much a job may use.
        environ: the compilers' environment; `TMPDIR` is added.
        spool: the folder that objects are written to.
        trees: folders for the files that come with jobs.
        layouts: remembers where files of trees go.
        tools: the toolchain of a client, for jobs that bring one.
    """

    confiner: Confiner
    toolchains: Toolchains
    limits: Limits
    environ: Mapping[str, str]
    spool: str
    trees: Trees
    layouts: Layouts = field(default_factory=Layouts)
    tools: LaidTools | None = None

    @property
    def confines(self) -> bool:
        """Whether no file of a job can be executed in its sandbox."""
        return self.confiner.forbids_programs

    @property
    def takes_toolchains(self) -> bool:
        """Whether programs of clients can do no harm: only with every wall that there is."""
        return self.confiner.forbids_programs and whole_filter() is not None

    def bringing(self, tools: Tools) -> Sandbox:
        """Return what runs the jobs that bring `tools`."""
        assert isinstance(tools, LaidTools)
        return replace(self, tools=tools)

    def knows(self, path: str) -> bool:
        """Whether it is known what the compiler at `path` consists of."""
        return self.toolchains.knows(path)

    def learn(self, path: str) -> None:
        """Find out what the compiler at `path` consists of; this may block.

        Raises:
            DistccError: if it cannot be started.
            OSError: if it cannot be read.
        """
        self.toolchains.learn(path)

    def digest(self, path: str) -> str | None:
        """Return the digest of a known compiler; the first call reads everything it consists of."""
        return self.toolchains.digest(path)

    def parts(self, path: str) -> tuple[Part, ...]:
        """Return the files that a known compiler consists of."""
        return self.toolchains.get(path).parts()

    def preprocesses(self, path: str) -> Preprocesses:
        """Return `exact`, as files are at the client's paths, unless the whole system is in the way."""
        return "mapped" if self.toolchains.get(path).is_whole_system else "exact"

    def makes_all_outputs(self, path: str | None) -> bool:
        """Whether a job can change the client's folders for itself, and they are at their own paths."""
        is_exact = path is None or self.preprocesses(path) == "exact"
        return is_exact and self.confiner.keeps_changes(self.spool)

    def prepare(
        self, path: str, compilation: Compilation, source: Body, owner: str
    ) -> AbstractContextManager[ConfinedJob]:
        """Prepare to compile `source` as `compilation` says, with the compiler at `path`."""
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
        """Prepare to run `argv` with the toolchain `seen` visible, and `source` as the file `name`.

        It runs in `folder`, if possible; its output is called `OUTPUT`.
        """
        view = seen.view_for(makes_more=False)
        folder = folder_in(view, folder)
        enclosure = Enclosure(
            view,
            self.limits,
            folder,
            folder,
            self.limits.space + source.length,
            {OUTPUT: OBJECT},
            source=name,
            is_filtered=whole_filter() is not None,
            has_proc=seen.is_whole_system,
        )
        with closing(Handed(self.spool)) as handed:
            yield self._job(handed, enclosure, argv, self.environ, source)

    @contextmanager
    def prepare_tree(
        self,
        path: str,
        compilation: Compilation,
        tree: Tree,
        environ: Mapping[str, str],
        owner: str,
    ) -> Iterator[ConfinedJob]:
        """Prepare to compile with the files of `tree` at the client's paths; this blocks."""
        seen, fixture = self._seen(path)
        layout = self.layouts.of(tree, owner, fixture)
        times = times_of(layout, tree.contents)
        check_own(times, fixture.folders | fixture.files, fixture.within)
        own = os.fsdecode(layout.own)
        command = serve_tree_argv(compilation, path, f"{own}/{OUTPUT}", f"{own}/{DEPENDENCIES}")
        kind = os.path.realpath(path) if self.tools is None else self.tools.root.hex()
        # All names of one compiler are of one kind.
        laid = self.trees.laid(kind, layout, tree.contents, owner, times)
        with laid as root, closing(Handed(self.spool)) as handed:
            directory, changes = os.fsdecode(tree.directory), compilation.runs_as_typed
            view = seen.view_for(makes_more=changes)
            expected = None
            if changes:
                links = Links(layout.links.items())
                expected = ExpectedOutputs.of(compilation, directory).laid(
                    lambda folder: os.fsdecode(links.follow(os.fsencode(folder)) or b"/")
                )
            rules = {} if compilation.dependencies is None else {DEPENDENCIES: RULES}
            enclosure = Enclosure(
                replace(view, mounts=(*view.mounts, *map(os.fsdecode, layout.system))),
                self.limits,
                own,
                directory,
                self.limits.space,
                {} if changes else {OUTPUT: OBJECT, **rules},
                root=root,
                covers=tuple(map(os.fsdecode, layout.covers)),
                is_changeable=changes,
                is_filtered=whole_filter() is not None,
                has_proc=seen.is_whole_system,
            )
            environ = {**self.environ, **environ}
            yield self._job(handed, enclosure, command, environ, expected=expected)

    def _seen(self, path: str) -> tuple[Toolchain, Fixture]:
        """Return the toolchain of the compiler at `path`, and what jobs see of it."""
        if self.tools is not None:
            return self.tools.toolchain(path), self.tools.fixture
        seen = self.toolchains.get(path)
        return seen, fixture_of(seen, self.environ, confines=self.confines)

    def _job(
        self,
        handed: Handed,
        enclosure: Enclosure,
        argv: Sequence[str],
        environ: Mapping[str, str],
        source: Body | None = None,
        expected: ExpectedOutputs | None = None,
    ) -> ConfinedJob:
        """Return the job that runs `argv`, with descriptors for passing data in and out."""
        confiner = self.confiner
        own = environ.get(TEMPORARY) if enclosure.is_changeable else None
        temporary = own or enclosure.folder
        stdout, stderr, report = map(handed.words, ("stdout", "stderr", "report"))
        times = handed.words("times") if confiner.tells_times else None
        object_path, object_file = handed.created("object")
        has_rules = DEPENDENCIES in enclosure.outputs
        rules_path, rules_file = handed.created("rules") if has_rules else (None, NOTHING)
        standby, asked = confiner.standby(enclosure, argv) or (None, [])
        command = Command(
            confiner.argv(enclosure, argv),
            {**environ, "PWD": enclosure.directory, TEMPORARY: temporary},
            stdout=stdout.descriptor,
            stderr=stderr.descriptor,
            beside=(
                report.descriptor,
                kept_filter() if confiner.rereads else handed.in_memory(whole_filter() or b""),
                NOTHING if source is None else handed.opened(source),
                object_file,
                rules_file,
                NOTHING if times is None else times.descriptor,
                *confiner.beside,
            ),
            expendable=True,
            watch=confiner.watch(report, enclosure),
            standby=standby,
            asked=asked,
        )
        said, made = (stdout, stderr, report, times), (object_path, rules_path, expected, self.spool)
        return ConfinedJob(command, confiner, *said, *made)
