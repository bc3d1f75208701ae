"""Whether a request is served, and what with.

In: a whole request, and who sent it.  Out: the compiler and the compile that it asks for, on the
policy's terms, or a refusal with its reasons.  This module refuses to know how a request came, and to
run anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from twisted_distcc.cmdline.model import Compilation, StayLocal
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS
from twisted_distcc.execution.compilers import Compilers
from twisted_distcc.messages.model import Request
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import UNRULED, Decision, Wish, decide_without_rules
from twisted_distcc.policy.verdict import Refused


@dataclass(frozen=True, slots=True)
class Judged:
    """What is to be done for a request.

    Attributes:
        compiler: the compiler's own path.
        compilation: the command, understood.
        decision: what the policy says of it, and on which terms.
    """

    compiler: str
    compilation: Compilation
    decision: Decision = UNRULED


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
        """Say which compiler does what for `request`, or why none does."""
        if any(b"\0" in argument for argument in request.arguments):
            return Refused(("a word of the command holds a NUL",), EXIT_BAD_ARGUMENTS)
        argv = [os.fsdecode(argument) for argument in request.arguments]
        path = self.compilers.resolve(argv[0])
        if isinstance(path, Refused):
            return path
        compilation = parse(argv, arrived=True)
        if isinstance(compilation, StayLocal):
            return Refused((compilation.reason,), EXIT_BAD_ARGUMENTS)
        decision = self.decide(peer, Wish.of((path, os.path.realpath(path)), compilation))
        if isinstance(decision.verdict, Refused):
            return decision.verdict
        return Judged(path, compilation, decision)
