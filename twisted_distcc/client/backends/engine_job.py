"""What a job looks like on an engine that uses the folder of inputs as the root of its workers' jobs.

`hermetic_job` takes a `Request` that has files, and the files of this machine's compiler, and returns
the `EngineJob` that runs the compiler on an engine as one of our servers would run it: the folder of
inputs is the root of the worker's file system, in which everything has the path that it has here.

A command that makes more than an object runs as it was typed, in the client's own folders.  These are
then asked for with all that is in them, so that a file which was not foreseen is noticed.

Engines know a file by its content and nothing else: the same content has one inode there, and all files
have one time.  So gcc may take two files for one that it tells apart here (`#pragma once`), and clang
does.  Units with such files are for other hosts.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from twisted_distcc.client.backends.host_faults import LackingHostError
from twisted_distcc.client.backends.session_inputs import TreeEntries, tree_entries
from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.environment import TEMPORARY
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.rewrite import serve_tree_argv
from twisted_distcc.content.body import Body
from twisted_distcc.content.merkle import Base, EncodedFolders, merkle
from twisted_distcc.errors import LocalProtocolError
from twisted_distcc.execution.inputs.links import Links
from twisted_distcc.jobs.commands import CompileCommand, command_of
from twisted_distcc.jobs.expected_outputs import ExpectedOutputs
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT, Request
from twisted_distcc.reapi.action import Action
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.storage import Blobs
from twisted_distcc.toolchain.travelling_tree import ToolFile, TravellingTree, environment_within

_OUTPUT: Final = "output.o"
_RULES: Final = "output.d"
# What has a preprocessor compare files: those that are to be read only once, however often included.
# A precompiled header of gcc's may have said so, too.
_ONCE: Final = re.compile(rb"\Agpch|#\s*pragma\s+once|_Pragma\s*\(\s*\"once|#\s*import\b")


@dataclass(frozen=True, slots=True)
class EngineJob:
    """A job for an engine.

    Attributes:
        action: what it is to run.
        outputs: the names of outputs in a reply, by their paths.
        inputs: the blobs of the inputs.
        folders: the absolute paths of the folders that are returned, by what they are called there.
        expected: what may have changed in these.
    """

    action: Action
    outputs: Mapping[str, str]
    inputs: Blobs
    folders: Mapping[str, str] = field(default_factory=dict)
    expected: ExpectedOutputs | None = None


@dataclass(frozen=True, slots=True)
class ToolInputs:
    """The files of a compiler as inputs.

    Attributes:
        base: the tree that units add to.
        blobs: those of the tree.
        environment: the variables by which the compiler finds its files there.
    """

    base: Base
    blobs: Blobs
    environment: Mapping[str, str]

    @classmethod
    def of(cls, tree: TravellingTree, environ: Mapping[str, str]) -> ToolInputs:
        """Return the inputs that the files of `tree` are, to a compiler that works here in `environ`."""
        links = [(os.fsencode(path), os.fsencode(target)) for path, target in tree.links]
        base = Base.of(map(_node, tree.files), links, map(_node, tree.programs))
        blobs: dict[BlobName, bytes | Body] = {
            BlobName(file.digest, file.size): Body(file.size, path=file.path)
            for file in (*tree.files, *tree.programs)
        }
        folders = base.tree.nodes.items()
        blobs |= {BlobName(digest, len(data)): data for digest, data in folders}
        return cls(base, blobs, environment_within(tree, environ))


def hermetic_job(
    request: Request,
    compiler: LocalCompiler,
    tools: ToolInputs,
    folders: EncodedFolders,
    platform: tuple[tuple[str, str], ...],
    *,
    is_kept: bool = True,
) -> EngineJob:
    """Return the job that compiles the files of `request` with `compiler`, which consists of `tools`.

    Args:
        request: has a tree of files.
        compiler: the compiler of this machine.
        tools: its files.
        folders: remembers the folders of earlier jobs.
        platform: properties that a worker needs.
        is_kept: whether results may be kept.

    Raises:
        LackingHostError: if it has files that an engine does not tell apart.
        LocalProtocolError: if it has a name that cannot be sent.
    """
    assert request.tree is not None
    command, compilation = understood(request)
    entries = tree_entries(request.tree)
    check_twins(entries, compilation.family)
    links = Links(entries.links)

    def follow(path: str) -> str:
        return os.fsdecode(links.follow(os.fsencode(path)) or b"/")

    directory = os.fsdecode(request.tree.directory)
    if follow(directory) != directory:
        raise LackingHostError("takes no working directory that is called by a link")
    own = _own_folder(entries, directory)
    place = os.path.join(directory, own)
    root, inputs = _laid(entries, tools, place, folders)
    argv = serve_tree_argv(compilation, compiler.path, f"{place}/{_OUTPUT}", f"{place}/{_RULES}")
    environment = _environment(tools, command, directory, place)
    outputs, returned, expected = {}, {}, None
    if compilation.runs_as_typed:
        expected = ExpectedOutputs.of(compilation, directory).laid(follow)
        made_in = map(follow, (*expected.folders, environment[TEMPORARY]))
        returned = returned_folders({directory, *made_in}, directory)
    else:
        outputs = {f"{own}/{_OUTPUT}": OBJECT}
        if compilation.dependencies is not None:
            outputs[f"{own}/{_RULES}"] = DEPENDENCIES
    action = Action(
        arguments=tuple(argv),
        environment=environment,
        root=root,
        directory=directory.lstrip("/"),
        outputs=tuple(outputs),
        platform=platform,
        is_kept=is_kept,
        folders=tuple(returned),
    )
    return EngineJob(action, outputs, inputs, returned, expected)


def returned_folders(folders: Collection[str], directory: str) -> dict[str, str]:
    """Return those of `folders` that are in no other one, by their paths relative to `directory`."""
    outer: list[str] = []
    for folder in sorted(folders):
        if not any(folder == one or folder.startswith(os.path.join(one, "")) for one in outer):
            outer.append(folder)
    return {os.path.relpath(folder, directory): folder for folder in outer}


def understood(request: Request) -> tuple[CompileCommand, Compilation]:
    """Return the command of `request`, as a server of ours would understand it.

    Raises:
        LocalProtocolError: if it is none that a server would take.
    """
    command = command_of(request)
    assert isinstance(command, CompileCommand)
    compilation = parse(tuple(map(os.fsdecode, command.arguments)))
    if isinstance(compilation, StayLocal):
        raise LocalProtocolError(compilation.reason)
    return command, compilation


def check_twins(entries: TreeEntries, family: Family) -> None:
    """Check that a compiler tells the files of a unit apart, though equal ones have one inode and time.

    Raises:
        LackingHostError: if it may not.
    """
    if len(entries.contents) == len(entries.files):
        return
    if family is not Family.GCC or any(map(_ONCE.search, entries.contents.values())):
        last = {digest: path for path, digest, _ in entries.files}
        twin = next(path for path, digest, _ in entries.files if last[digest] != path)
        raise LackingHostError(f"may take {os.fsdecode(twin)} for another file of the same content")


def _own_folder(entries: TreeEntries, directory: str) -> str:
    """Return a name for a folder in the working directory that the unit does not use."""
    inside = os.fsencode(os.path.join(directory, ""))
    paths = (
        *(path for path, *_ in entries.files),
        *(path for path, _ in entries.links),
        *entries.folders,
    )
    used = {path[len(inside) :].partition(b"/")[0] for path in paths if path.startswith(inside)}
    names = (f".tdistcc-{number}" for number in itertools.count())
    return next(name for name in names if os.fsencode(name) not in used)


def _laid(
    entries: TreeEntries, tools: ToolInputs, own: str, known: EncodedFolders
) -> tuple[BlobName, Blobs]:
    """Return the folder with the files of a unit and of its compiler, and all blobs in it."""
    links = [(path, _relative(path, target)) for path, target in entries.links]
    made = merkle(entries.files, links, [*entries.folders, os.fsencode(own)], known, tools.base)
    blobs = dict(tools.blobs)
    for digest, data in itertools.chain(entries.contents.items(), made.nodes.items()):
        blobs[BlobName(digest, len(data))] = data
    return BlobName(made.root, len(made.nodes[made.root])), blobs


def _node(file: ToolFile) -> tuple[bytes, bytes, int]:
    return os.fsencode(file.path), file.digest, file.size


def _relative(path: bytes, target: bytes) -> bytes:
    """Return a target that leads to the same file: engines may refuse one that is absolute."""
    return os.path.relpath(target, os.path.dirname(path)) if target.startswith(b"/") else target


def _environment(
    tools: ToolInputs, command: CompileCommand, directory: str, temporary: str
) -> dict[str, str]:
    told = {os.fsdecode(name): os.fsdecode(value) for name, value in command.variables.items()}
    return {TEMPORARY: temporary, **tools.environment, **told, "PWD": directory}
