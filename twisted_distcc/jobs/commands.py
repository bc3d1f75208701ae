"""Tell what a request asks for: a compile, or information about a compiler.

`command_of` turns a `Request` into a `CompileCommand` or a `CompilerQuestion`.  The first word of a
request's command line does not always name the compiler.  A client that lets the server preprocess puts
`env NAME=VALUE…` before it, and before its first job it asks whether the server has the same compiler:

    env LC_ALL=C gcc -c a.c         a compile by gcc, with LC_ALL set
    twisted-distccd about gcc       a question about gcc (doc/protocol.md has the answer)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TypeAlias

from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, DistccError
from twisted_distcc.jobs.model import Request


class NoCompilerError(DistccError):
    """The command line of a request has no compiler."""

    exit_code = EXIT_BAD_ARGUMENTS


@dataclass(frozen=True, slots=True)
class CompileCommand:
    """A job: run a compiler.

    Attributes:
        arguments: the compiler's command line, its name first, without the `env` that may precede it.
        variables: what that `env` sets for the compiler, as the client wrote it, unchecked.
    """

    arguments: tuple[bytes, ...]
    variables: Mapping[bytes, bytes] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the command on one line, fit for a log."""
        return " ".join(map(_shown, self.arguments))

    @property
    def compiler(self) -> bytes:
        """The compiler's name or path, as the client wrote it."""
        return self.arguments[0]


@dataclass(frozen=True, slots=True)
class CompilerQuestion:
    """A question rather than a job: does the server preprocess, and which compiler does it have?

    Attributes:
        compiler: the name or path of the compiler in question, as the client wrote it.
    """

    compiler: bytes

    def __str__(self) -> str:
        """Return the question on one line, fit for a log."""
        return f"question about {_shown(self.compiler)}"

    @classmethod
    def of(cls, request: Request) -> CompilerQuestion | None:
        """Return the question that `request` asks; `None` if it asks for something else."""
        match request.arguments:
            case (b"twisted-distccd", b"about", compiler):
                return cls(compiler)
            case _:
                return None

    def request(self) -> Request:
        """Return the request that asks this question."""
        return Request((b"twisted-distccd", b"about", self.compiler))


RequestedCommand: TypeAlias = CompileCommand | CompilerQuestion
"""What a request asks for."""


def command_of(request: Request) -> RequestedCommand:
    """Return what `request` asks for.

    Raises:
        NoCompilerError: if its command line is empty, or ends before a compiler is named.
    """
    if (question := CompilerQuestion.of(request)) is not None:
        return question
    variables, arguments = _split_env(request.arguments)
    if not arguments:
        raise NoCompilerError("the command line names no compiler")
    return CompileCommand(arguments, variables)


def _shown(word: bytes) -> str:
    return shown(os.fsdecode(word))


def _split_env(words: tuple[bytes, ...]) -> tuple[dict[bytes, bytes], tuple[bytes, ...]]:
    if words[:1] != (b"env",):
        return {}, words
    pairs = [word.partition(b"=") for word in takewhile(lambda word: b"=" in word, words[1:])]
    return {name: value for name, _, value in pairs}, words[1 + len(pairs) :]
