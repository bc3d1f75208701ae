"""Decide whether a request is served, and by which compiler.

A `Judge` turns a whole request and its sender into the compiler and the compile, on the policy's terms,
or a refusal with its reasons.  How the request arrived does not matter, and nothing is run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.compilers import recognise
from twisted_distcc.cmdline.environment import split_environment
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_BAD_ARGUMENTS, EXIT_COMPILER_MISSING
from twisted_distcc.execution.inputs.laid_tools import LaidTools
from twisted_distcc.jobs.model import Request, Tools
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.rules import UNRULED, Decision, Wish, decide_without_rules
from twisted_distcc.policy.toolchains import obstacle
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.toolchain.finding import Compilers, name_behind

_NO_PROGRAMS: Final = "its compiler would load code of the client's: no rule says `programs = true`"


@dataclass(frozen=True, slots=True)
class Judged:
    """The decision to serve a request.

    Attributes:
        compiler: the compiler's own path.
        compilation: the parsed command.
        decision: the policy's answer, with its terms.
        environ: the variables that the client sets for the compiler.
        tools: the digest of the toolchain that it brings; empty if it brings none.
    """

    compiler: str
    compilation: Compilation
    decision: Decision = UNRULED
    environ: Mapping[str, str] = field(default_factory=dict)
    tools: str = ""


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides what is done for whom.

    Attributes:
        compilers: the compilers that exist.
        decide: asks the policy.
        confined: whether compilers can do no harm, whatever they run.
        takes_toolchains: whether programs of clients can do no harm.
    """

    compilers: Compilers
    decide: Callable[[Peer, Wish], Decision] = decide_without_rules
    confined: bool = False
    takes_toolchains: bool = False

    def __call__(self, request: Request, peer: Peer) -> Judged | Refused:
        """Return which compiler does what for `request`, or why none does."""
        if any(b"\0" in argument for argument in request.arguments):
            return Refused(("a word of the command contains a NUL",), EXIT_BAD_ARGUMENTS)
        argv = [os.fsdecode(argument) for argument in request.arguments]
        if request.tools is not None:
            return self._with_tools(argv, peer, request.tools)
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

    def _with_tools(self, argv: Sequence[str], peer: Peer, tools: Tools) -> Judged | Refused:
        """Judge the command `argv`, which comes with its files and with the toolchain that it runs."""
        split = split_environment(argv, brings_tools=True)
        if isinstance(split, StayLocal):
            return _refused(split)
        environ, argv = split
        path = argv[0] if argv else ""
        real = self._brought(path, tools)
        if isinstance(real, Refused):
            return real
        # `cc` leads to the one or the other.
        compiler = recognise(os.path.basename(real)) or recognise(os.path.basename(path))
        family = None if compiler is None else compiler.family
        compilation = parse(
            argv,
            family=family,
            arrived=True,
            with_files=True,
            confined=self.confined,
            brings_tools=True,
        )
        if isinstance(compilation, StayLocal):
            return _refused(compilation)
        decision = self.decide(peer, Wish.of((path, real), compilation))
        root = tools.root.hex()
        if (refused := _unwelcome(decision, peer, root, compilation)) is not None:
            return refused
        return Judged(path, compilation, decision, environ, root)

    def _brought(self, path: str, tools: Tools) -> str | Refused:
        """Return what the path of a compiler leads to in `tools`, or why it is not started."""
        if not self.takes_toolchains:
            return _no_tools("it has no jail in which they can do no harm")
        reason = self.compilers.why_not_brought(path)
        if reason is None and isinstance(tools, LaidTools):
            reason = tools.fault(path)
        if reason is not None:
            return Refused((reason,), EXIT_COMPILER_MISSING)
        return tools.real(path) if isinstance(tools, LaidTools) else path

    def _understood(
        self, argv: Sequence[str], path: str, *, with_files: bool
    ) -> Compilation | StayLocal:
        if not with_files:
            return parse(argv, arrived=True)
        # The two families write different dependency rules, so it matters which of them `cc` is here.
        compiler = recognise(name_behind(argv[0], path))
        family = None if compiler is None else compiler.family
        return parse(argv, family=family, arrived=True, with_files=True, confined=self.confined)


def _unwelcome(decision: Decision, peer: Peer, root: str, compilation: Compilation) -> Refused | None:
    """Return why the job, or what comes with it, is not welcome: the toolchain of the digest `root`."""
    if isinstance(decision.verdict, Refused):
        return decision.verdict
    if (why := obstacle(decision.terms, peer, root)) is not None:
        return _no_tools(why)
    if compilation.loads_code and not decision.terms.programs:
        return Refused((_NO_PROGRAMS,), EXIT_ACCESS_DENIED)
    return None


def _no_tools(why: str) -> Refused:
    return Refused((f"this server takes no toolchains from this client: {why}",), EXIT_COMPILER_MISSING)


def _refused(stays: StayLocal) -> Refused:
    return Refused((stays.reason,), EXIT_BAD_ARGUMENTS)
