"""Decide whether a request is served, and by which compiler.

A `Judge` turns a whole request and its sender into the compiler and the compile, on the policy's terms,
or a refusal with its reasons.  How the request arrived does not matter, and nothing is run.
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
    """The decision to serve a request.

    Attributes:
        compiler: the compiler's own path.
        compilation: the parsed command.
        decision: the policy's answer, with its terms.
        environ: the variables that the policy sets for the compiler.
    """

    compiler: str
    compilation: Compilation
    decision: Decision = UNRULED
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides what is done for whom.

    Attributes:
        compilers: the compilers that exist.
        decide: asks the policy.
        confined: whether compilers can do no harm, whatever they run.
    """

    compilers: Compilers
    decide: Callable[[Peer, Wish], Decision] = decide_without_rules
    confined: bool = False

    def __call__(self, request: Request, peer: Peer) -> Judged | Refused:
        """Return which compiler does what for `request`, or why none does."""
        if any(b"\0" in argument for argument in request.arguments):
            return Refused(("a word of the command contains a NUL",), EXIT_BAD_ARGUMENTS)
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
        compilation = self._understood(argv, path, with_files=with_files)
        if isinstance(compilation, StayLocal):
            return _refused(compilation)
        wish = Wish.of((path, os.path.realpath(path)), compilation)
        decision = self.decide(peer, wish)
        if isinstance(decision.verdict, Refused):
            return decision.verdict
        return Judged(path, compilation, decision, environ)

    def _understood(
        self, argv: Sequence[str], path: str, *, with_files: bool
    ) -> Compilation | StayLocal:
        if not with_files:
            return parse(argv, arrived=True)
        # The two families write different dependency rules, so it matters which of them `cc` is here.
        compiler = recognise(name_behind(argv[0], path))
        family = None if compiler is None else compiler.family
        return parse(argv, family=family, arrived=True, with_files=True, confined=self.confined)


def _refused(stays: StayLocal) -> Refused:
    return Refused((stays.reason,), EXIT_BAD_ARGUMENTS)
