"""Check the file that clang writes the command itself to (`-MJ`), for a database of commands.

It has the compiler's path and all words of the command, so it is exact only if a server is sent the very
words that were typed, and has the compiler at the same path.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Final

from twisted_distcc.client.inputs.candidate import Candidate, StaysHere
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.content.body import EMPTY
from twisted_distcc.jobs.model import Reply

# The compiler's path comes first among the words, after the names of folder, source and object.
_HEAD: Final = 64 * 1024


def check_words(candidate: Candidate, sent: Compilation, more: Sequence[str]) -> None:
    """Check that a command that is written down is sent as it was typed.

    Args:
        candidate: the compile.
        sent: the command that a server is sent.
        more: options that are added to it.

    Raises:
        StaysHere: if it is not.
    """
    typed = candidate.compilation
    if typed.fragment is not None and (more or sent.arguments != typed.arguments):
        raise StaysHere("-MJ writes the command down, and servers would be sent other words")


def check_compiler(candidate: Candidate, reply: Reply) -> None:
    """Check that a server which has written the command down has the compiler at the path that we have.

    Raises:
        StaysHere: if it has not; `reply` is discarded.
    """
    fragment = candidate.compilation.fragment
    if fragment is None or reply.status:
        return
    name = os.path.normpath(candidate.absolute(fragment))
    words = b'"arguments": [' + json.dumps(os.path.realpath(candidate.compiler)).encode() + b","
    if words not in reply.outputs.get(name, EMPTY).head(_HEAD):
        reply.discard()
        raise StaysHere("-MJ writes the compiler's path down, which is another one on the server")
