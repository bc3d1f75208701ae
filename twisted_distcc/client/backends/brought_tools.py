"""Requests that bring our own compiler along, for servers that have none, or another one.

A server asks for those files of it that it lacks, so they are sent once.  It starts the compiler by the
path that it has here, in our environment as far as that decides what a compiler consists of.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from twisted_distcc.bounded import Bounded
from twisted_distcc.client.backends.host_faults import AnotherCompilerError, LackingHostError
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.client.inputs.travelling_toolchains import TravellingToolchains
from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.content.body import Body
from twisted_distcc.content.directories import Node
from twisted_distcc.content.merkle import Base
from twisted_distcc.errors import DistccError
from twisted_distcc.jobs.commands import CompileCommand, command_of
from twisted_distcc.jobs.model import Request, Tools
from twisted_distcc.runtime.threads import ReactorThreads
from twisted_distcc.toolchain.plugin_files import plugin_tree
from twisted_distcc.toolchain.travelling_tree import ToolFile, TravellingTree
from twisted_distcc.wire.limits import Limits

_MOST: Final = 50
_LARGEST: Final = Limits().source  # as it may go in one upload


@dataclass(frozen=True, slots=True)
class _Loading:
    """Plugins, and the same with the compiler that loads them."""

    plugins: TravellingTree
    whole: TravellingTree


class BroughtTools:
    """The compilers of one process that servers are sent."""

    def __init__(self) -> None:
        self._toolchains: TravellingToolchains | None = None
        self._tools: Bounded[TravellingTree, Tools] = Bounded(_MOST)
        self._loading: Bounded[tuple[TravellingTree, tuple[str, ...]], _Loading] = Bounded(_MOST)

    def toolchains(self, reactor: Any) -> TravellingToolchains:
        """Return the files of the compilers here, which engines are sent as well."""
        if self._toolchains is None:
            self._toolchains = TravellingToolchains(reactor, ReactorThreads(reactor))
        return self._toolchains

    async def request(
        self,
        request: Request,
        compiler: LocalCompiler,
        digest: str,
        language: Language,
        plugins: tuple[str, ...],
        reactor: Any,
    ) -> Request:
        """Return `request`, which has files in a `language`, with `compiler`, which has this `digest`.

        The compiler loads `plugins`: absolute paths, and names of files in its own folder.

        Raises:
            HostError: if it cannot be brought.
        """
        if request.tree is None:
            raise LackingHostError("takes our compiler along with files, not with preprocessed text")
        tree = await self.toolchains(reactor).tree(compiler, digest, language)
        if tree is None:
            raise AnotherCompilerError(f"cannot have {compiler.name}, which is no compiler by itself")
        if plugins:
            tree = await self._with_plugins(plugins, compiler, tree, reactor)
        if tree.size > _LARGEST:
            raise AnotherCompilerError(f"cannot have {compiler.name}, which is too large to be brought")
        tools = self._tools.get(tree)
        if tools is None:
            tools = self._tools[tree] = tools_of(tree)
        return replace(request, arguments=_arguments(request, compiler), tools=tools)

    async def _with_plugins(
        self, plugins: tuple[str, ...], compiler: LocalCompiler, tree: TravellingTree, reactor: Any
    ) -> TravellingTree:
        """Return `tree` with `plugins`, which a build may have made a moment ago.

        Raises:
            HostError: if they cannot be found.
        """
        known = self._loading.get((tree, plugins))
        if known is None or not known.plugins.is_current():
            work = partial(plugin_tree, plugins, compiler.path, tree, dict(compiler.environ))
            try:
                found = await ReactorThreads(reactor)(work)
            except (DistccError, OSError, ValueError) as error:
                raise LackingHostError(f"cannot have {compiler.name} with plugins: {error}") from error
            known = self._loading[tree, plugins] = _Loading(found, tree.joined(found))
        return known.whole


def tools_of(tree: TravellingTree) -> Tools:
    """Return the toolchain that the files of `tree` are."""
    links = [(os.fsencode(path), os.fsencode(target)) for path, target in tree.links]
    files = (*tree.files, *tree.programs)
    made = Base.of(map(_node, files), links, ()).tree
    contents = {file.digest: Body(file.size, path=file.path) for file in files}
    return Tools(made.root, {**contents, **made.nodes})


def _node(file: ToolFile) -> Node:
    return os.fsencode(file.path), file.digest, file.size


def _arguments(request: Request, compiler: LocalCompiler) -> tuple[bytes, ...]:
    """Return the command of `request` with the path of `compiler`, in its environment."""
    command = command_of(request)
    assert isinstance(command, CompileCommand)
    own = {os.fsencode(name): os.fsencode(value) for name, value in compiler.environ}
    variables = (b"%b=%b" % pair for pair in {**own, **command.variables}.items())
    return (b"env", *variables, os.fsencode(compiler.path), *command.arguments[1:])
