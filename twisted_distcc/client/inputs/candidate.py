"""Decide whether a compile may leave this machine, and as which command.

`Candidate.of` parses the command of an `Invocation`, or raises `StaysHere` with the reason;
`compiler_of` finds the compiler.  Hosts and slots come later.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from twisted_distcc.client.inputs.local_toolchains import LocalCompiler
from twisted_distcc.client.inputs.vouched_plugins import plugins_of
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.environment import (
    SEARCH_VARIABLES,
    environment_forbids,
    search_options,
)
from twisted_distcc.cmdline.parse import parse
from twisted_distcc.cmdline.reasons import StaysError
from twisted_distcc.errors import EXIT_COMPILER_MISSING, DistccError
from twisted_distcc.pump.callers import check_callers_own
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.search import included_files
from twisted_distcc.pump.unit import CallersOwnError, FileSystem
from twisted_distcc.toolchain.finding import find_compiler, name_behind, not_found


class StaysHere(Exception):  # noqa: N818  (an outcome, not an error)
    """The unit has to be compiled on this machine; the text is the reason."""


@dataclass(frozen=True)  # without slots, for what is found once
class Candidate:
    """A compile that may be done elsewhere.

    Attributes:
        invocation: what was typed, and where.
        compiler: the path of the compiler.
        compilation: the parsed command.
        explicit: the same, with options in place of environment variables for search folders.
        plugins: the plugins that the compiler loads; see `plugins_of`.
    """

    invocation: Invocation
    compiler: str
    compilation: Compilation
    explicit: Compilation
    plugins: tuple[str, ...] = ()

    @classmethod
    def of(cls, invocation: Invocation, compiler: str) -> Candidate:
        """Return the candidate for `invocation`, whose compiler is at the path `compiler`.

        Raises:
            StaysHere: if it has to be compiled on this machine.
        """
        compilation = _understood(_argv_for_servers(invocation, compiler), invocation)
        plugins = _plugins_of(compilation, invocation)
        if reason := environment_forbids(invocation.environ):
            raise StaysHere(reason)
        words = search_options(invocation.environ, compilation.language)
        argv = (compilation.compiler, *compilation.arguments, *words)
        explicit = _understood(argv, invocation) if words else compilation
        return cls(invocation, compiler, compilation, explicit, plugins)

    @property
    def explicit_environ(self) -> dict[str, str]:
        """The environment without the variables that `explicit` has as options."""
        environ = self.invocation.environ
        return {name: value for name, value in environ.items() if name not in SEARCH_VARIABLES}

    @cached_property
    def local_compiler(self) -> LocalCompiler:
        """The compiler, for comparison with those of servers."""
        return LocalCompiler.of(self.compiler, self.compilation.compiler, self.invocation.environ)

    def absolute(self, path: str) -> str:
        """Return the absolute form of `path`, a path in the command."""
        return os.path.join(self.invocation.directory, path)

    @property
    def output(self) -> str:
        """The absolute path of the object file."""
        return self.absolute(self.compilation.output)

    @property
    def dependencies(self) -> str | None:
        """The absolute path of the dependency file, if one is requested."""
        rules = self.compilation.dependencies
        return self.absolute(rules.path) if rules else None

    def check_inputs(self, files: FileSystem) -> None:
        """Check that others can open the files that the command itself names.

        Raises:
            CallersOwnError: if they cannot open one.
        """
        c = self.explicit
        named = [c.source, *included_files(c), *c.listed_inputs, *filter(os.path.isabs, self.plugins)]
        check_callers_own(map(self.absolute, named), files)


def compiler_of(invocation: Invocation) -> str:
    """Return the path of the compiler of `invocation`.

    Raises:
        DistccError: if there is none, with distcc's exit code for that.
    """
    name = invocation.argv[0]
    folders = invocation.environ.get("PATH", os.defpath).split(":")
    path = ":".join(invocation.absolute(folder) if folder else "" for folder in folders)
    called = invocation.absolute(name) if name.startswith("/proc/") else name
    compiler = find_compiler(called, invocation.directory, path)
    if compiler is None:
        error = DistccError(not_found(name))
        error.exit_code = EXIT_COMPILER_MISSING
        raise error
    return compiler


def read_text(path: str) -> str | None:
    """Return the text of the file `path`; `None` if it cannot be read."""
    try:
        return os.fsdecode(Path(path).read_bytes())
    except (OSError, ValueError):
        return None


def _read_words(path: str) -> str | None:
    """Return the text of a file of words for the compiler; `None` if it cannot be read.

    Raises:
        StaysHere: if only the caller can read it.
    """
    check_own(path, Disk())
    return read_text(path)


def check_own(path: str, files: FileSystem) -> None:
    """Check that others can open the file at `path`, one of `files`.

    Raises:
        StaysHere: if they cannot.
    """
    try:
        check_callers_own([path], files)
    except CallersOwnError as error:
        raise StaysHere(str(error)) from error


def _understood(argv: tuple[str, ...], invocation: Invocation) -> Compilation:
    directory = invocation.directory
    compilation = parse(argv, lambda path: _read_words(os.path.join(directory, path)), brings_tools=True)
    if isinstance(compilation, StayLocal):
        raise StaysHere(compilation.reason)
    return compilation


def _plugins_of(compilation: Compilation, invocation: Invocation) -> tuple[str, ...]:
    rules = compilation.driver_rules if compilation.family is not Family.CLANG else ()
    texts = (_read_words(path) or "" for path in rules if os.path.isabs(path))
    try:
        return plugins_of(compilation, invocation, texts)
    except StaysError as reason:
        raise StaysHere(str(reason)) from reason


def _argv_for_servers(invocation: Invocation, compiler: str) -> tuple[str, ...]:
    """Return the command as servers should see it.

    A masquerade link of ours is replaced by the bare name of the compiler.  `cc` may be a different
    compiler on another machine, so it is replaced by the name that it stands for here.
    """
    name, *arguments = invocation.argv
    if "/" in name and os.path.join(invocation.directory, name) != compiler:
        name = os.path.basename(name)
    return (name_behind(name, compiler), *arguments)
