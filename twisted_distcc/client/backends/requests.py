"""What hosts are asked for one compile.

In: a `Sendable`, and its text or its tree.  Out: a `Request`.  This module refuses to know who is asked.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from twisted_distcc.client.inputs.candidate import Sendable
from twisted_distcc.client.inputs.preprocessing import Preprocessed
from twisted_distcc.cmdline.rewrite import remote_argv, tree_argv
from twisted_distcc.jobs.model import Request, Tree
from twisted_distcc.wire.grammar import COMPRESSED, FILES, PLAIN


def text_request(sendable: Sendable, text: Preprocessed, *, compress: bool) -> Request:
    """Ask for a compile of preprocessed text."""
    argv = remote_argv(sendable.compilation, sendable.invocation.directory)
    return Request(tuple(map(os.fsencode, argv)), text.source, COMPRESSED if compress else PLAIN)


def tree_request(
    sendable: Sendable, tree: Tree, environment: Mapping[str, str], options: Sequence[str] = ()
) -> Request:
    """Ask for a compile of a tree, with more `options` than were typed.

    C distccd does not understand an `environment`.
    """
    variables = [f"{name}={value}" for name, value in environment.items()]
    words = [*(("env", *variables) if variables else ()), *tree_argv(sendable.explicit), *options]
    return Request(tuple(map(os.fsencode, words)), version=FILES, tree=tree)
