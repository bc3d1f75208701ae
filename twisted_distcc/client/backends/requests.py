"""Build the requests that hosts are sent.

A `Candidate`, with its text or its tree, makes a `Request`, which is the same for every host.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.preprocessing import Preprocessed
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.rewrite import remote_argv, tree_argv
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.jobs.expected_outputs import ExpectedOutputs
from twisted_distcc.jobs.model import FOLDER_MARK, InputFile, InputLink, Request, Tree
from twisted_distcc.wire.grammar import COMPRESSED, FILES, PLAIN

# Folders and links; the kernel follows forty links, of which each may lead through some folders.
_LONGEST_WAY: Final = 1000
_NOTHING: Final = LocalContent(b"")


def text_request(candidate: Candidate, text: Preprocessed, *, compress: bool) -> Request:
    """Return a request for a compile of preprocessed text."""
    argv = remote_argv(candidate.compilation, candidate.invocation.directory)
    return Request(tuple(map(os.fsencode, argv)), text.source, COMPRESSED if compress else PLAIN)


def tree_request(
    c: Compilation, tree: Tree, environment: Mapping[str, str], options: Sequence[str] = ()
) -> Request:
    """Return a request for the compile `c` of a tree, with further `options`.

    C distccd does not understand an `environment`.
    """
    variables = [f"{name}={value}" for name, value in environment.items()]
    words = [*(("env", *variables) if variables else ()), *tree_argv(c), *options]
    if c.runs_as_typed:
        tree = _with_folders_of_outputs(tree, c)
    arguments = tuple(map(os.fsencode, words))
    return Request(arguments, version=FILES, tree=tree, makes_more=c.runs_as_typed)


def _with_folders_of_outputs(tree: Tree, c: Compilation) -> Tree:
    """Return `tree` with the folders that outputs go to, and links to them: compilers make none."""
    expected = ExpectedOutputs.of(c, os.fsdecode(tree.directory))
    marks: set[bytes] = set()
    links: set[InputLink] = set()
    for folder in expected.folders:
        real = os.path.realpath(folder)
        marks.add(os.fsencode(os.path.join(real, "")) + FOLDER_MARK)
        if real != folder:
            links.update(_links_on_the_way(folder))
    links -= {entry for entry in tree.entries if isinstance(entry, InputLink)}
    folders = [InputFile(mark, _NOTHING) for mark in sorted(marks)]
    return replace(tree, entries=(*tree.entries, *folders, *sorted(links)))


def _links_on_the_way(folder: str) -> Iterator[InputLink]:
    """Yield the links that lead to an absolute `folder`, by paths without links."""
    here, left = "/", folder.split("/")[::-1]
    for _ in range(_LONGEST_WAY):
        if not left:
            return
        there = os.path.normpath(os.path.join(here, left.pop() or "."))
        if not os.path.islink(there):
            here = there
            continue
        target = os.readlink(there)
        yield InputLink(os.fsencode(there), os.fsencode(target))
        left.extend(target.split("/")[::-1])
        here = "/" if target.startswith("/") else here
