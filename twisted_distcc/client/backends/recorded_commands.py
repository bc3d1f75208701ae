"""Check commands that the compiler itself writes down, into the object or another file.

clang's `-grecord-command-line`, `-frecord-command-line` and `-MJ` write down the compiler's path and
all words of the command.  So the result is exact only if a server is sent the very words that were
typed, and has the compiler at the same path:

    clang -grecord-gcc-switches -c w.c      /usr/lib/llvm-14/bin/clang -grecord-command-line -c w.c
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

from twisted_distcc.client.backends.host_faults import LackingHostError
from twisted_distcc.client.backends.likeness import Paths
from twisted_distcc.client.inputs.candidate import Candidate, StaysHere
from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.reasons import shown

# Whether clang follows links to its own program; the last one counts.
_PREFIXES: Final = {"-canonical-prefixes": True, "-no-canonical-prefixes": False}


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
    if typed.recording is not None and (more or sent.arguments != typed.arguments):
        raise StaysHere(f"{shown(typed.recording)} writes the command down, which servers get otherwise")


def check_path(candidate: Candidate, there: Paths | None) -> None:
    """Check that a host has the compiler `there` where we have it, if its path is written down.

    Raises:
        LackingHostError: if it has not, or has not said.
    """
    recording = candidate.compilation.recording
    if recording is not None and not (there is not None and _is_same(candidate, there)):
        name = candidate.compilation.compiler
        raise LackingHostError(f"has its {name} at another path, which {shown(recording)} writes down")


def _is_same(candidate: Candidate, there: Paths) -> bool:
    if _is_canonical(candidate.compilation):
        return there.real == os.path.realpath(candidate.compiler)
    typed = candidate.invocation.argv[0]
    return there.called == (typed if os.path.exists(candidate.absolute(typed)) else candidate.compiler)


def _is_canonical(c: Compilation) -> bool:
    return next((_PREFIXES[word] for word in reversed(c.arguments) if word in _PREFIXES), True)
