"""Whether a request is served, and what with.

In: a whole request, and who sent it.  Out: the compiler and the compile that it asks for, on the
policy's terms, or a refusal with its reasons.  This module refuses to know how a request came, and to
run anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.compilers import recognise
from twisted_distcc.cmdline.environment import split_environment
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS
from twisted_distcc.jobs.model import Request
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import UNRULED, Decision, Wish, decide_without_rules
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.toolchain.finding import Compilers, name_behind


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be done for a request.

    Attributes:
        compiler: the compiler's own path.
        compilation: the command, understood.
        decision: what the policy says of it, and on which terms.
        environ: the variables that it sets for the compiler.
    """

    compiler: str
    compilation: Compilation
    decision: Decision = UNRULED
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judge:
    """Says what is done for whom.

    Attributes:
        compilers: which compilers there are.
        decide: says what the policy is.
    """

    compilers: Compilers
    decide: Callable[[Peer, Wish], Decision] = decide_without_rules

    def __call__(self, request: Request, peer: Peer) -> Judged | Refused:
        """Return which compiler does what for `request`, or why none does."""
        if any(b"\0" in argument for argument in request.arguments):
            return Refused(("a word of the command holds a NUL",), EXIT_BAD_ARGUMENTS)
        argv = [os.fsdecode(argument) for argument in request.arguments]
        return self.command(argv, peer, with_files=request.tree is not None)

    def command(self, argv: Sequence[str], peer: Peer, *, with_files: bool) -> Judged | Refused:
        """Judge the command `argv`, whose source comes preprocessed, or with the files it includes."""
        split = split_environment(argv) if with_files else ({}, argv)
        if isinstance(split, StayLocal):
            return _refused(split)
        environ, argv = split
        path = self.compilers.resolve(argv[0] if argv else "")
        if isinstance(path, Refused):
            return path
        compilation = _understood(argv, path, with_files=with_files)
        if isinstance(compilation, StayLocal):
            return _refused(compilation)
        wish = Wish.of((path, os.path.realpath(path)), compilation)
        decision = self.decide(peer, wish)
        if isinstance(decision.verdict, Refused):
            return decision.verdict
        return Judged(path, compilation, decision, environ)


def _understood(argv: Sequence[str], path: str, *, with_files: bool) -> Compilation | StayLocal:
    if not with_files:
        return parse(argv, arrived=True)
    # Of dependencies the two families make different rules, so for `cc` it counts which it is here.
    compiler = recognise(name_behind(argv[0], path))
    family = None if compiler is None else compiler.family
    return parse(argv, family=family, arrived=True, with_files=True)


def _refused(stays: StayLocal) -> Refused:
    return Refused((stays.reason,), EXIT_BAD_ARGUMENTS)
