"""Build a sandbox and try it out, or find the reason why this machine cannot have one.

`build` takes limits, and the server's environment for compilers, and returns a `Sandbox`, or raises
`NoSandboxError`, whose text says what is missing and how to get it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.errors import EXIT_BAD_ARGUMENTS, EXIT_PRIVILEGES, DistccError
from twisted_distcc.execution.inputs.trees import Trees
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.execution.sandbox.bubblewrap import Bubblewrap
from twisted_distcc.execution.sandbox.causes import advised
from twisted_distcc.execution.sandbox.confined import Sandbox
from twisted_distcc.execution.sandbox.enclosure import OUTPUT, Confiner
from twisted_distcc.execution.sandbox.jail import PROGRAM, Jail
from twisted_distcc.execution.sandbox.shared_network import shared_network
from twisted_distcc.execution.sandbox.trial import attempt
from twisted_distcc.toolchain.discovery import Toolchain, discover, whole_system
from twisted_distcc.toolchain.elf import needed
from twisted_distcc.toolchain.known_toolchains import Toolchains
from twisted_distcc.toolchain.view import View

_FOLDERS: Final = ("/usr/local/bin", "/usr/bin", "/bin")

_NO_BUBBLEWRAP: Final = (
    "bubblewrap is not installed: `apt-get install bubblewrap` or `dnf install bubblewrap`"
)
_NO_JAIL: Final = (
    "the jail was not built when twisted_distcc was installed: install a C compiler, and then"
    " twisted_distcc again, or take bubblewrap"
)

_SOURCE: Final = "source"
_MOST_SAID: Final = 500


class NoSandboxError(DistccError):
    """No sandbox can be made on this machine; the text says why, and what would help."""

    exit_code = EXIT_PRIVILEGES


class BadLimitsError(DistccError):
    """Some `--sandbox-…` is too low, or more than the system can give."""

    exit_code = EXIT_BAD_ARGUMENTS


def build(
    limits: Limits,
    environ: Mapping[str, str],
    spool: str,
    *,
    careful: bool = True,
    program: str | None = None,
) -> Sandbox:
    """Return a sandbox that works here; this blocks for some milliseconds.

    Args:
        limits: how much a job may use.
        environ: the compilers' environment.
        spool: the folder that objects are written to.
        careful: whether to try each compiler when it is found.
        program: the confiner to use, `jail` or `bubblewrap`; `None` for the first one that works.

    Raises:
        NoSandboxError: if there is none.
        BadLimitsError: if there would be one with other limits.
    """

    def learn(path: str) -> Toolchain:
        return _learn(sandbox, path, careful)

    shell = _find("sh")
    if shell is None:
        raise NoSandboxError("this system has no sh, with which a sandbox is tried out")
    toolchains, trees = Toolchains(learn), Trees(spool)
    reasons: list[NoSandboxError] = []
    for confiner in _confiners(program, careful):
        sandbox = Sandbox(confiner, toolchains, limits, environ, spool, trees)
        try:
            _try_walls(sandbox, shell)
        except NoSandboxError as error:
            if limits != Limits() and _works(replace(sandbox, limits=Limits()), shell):
                raise BadLimitsError(f"no compiler can run within these limits: {error}") from error
            reasons.append(error)
        else:
            return sandbox
    raise reasons[-1] if reasons else NoSandboxError(_NO_JAIL if program == "jail" else _NO_BUBBLEWRAP)


def _confiners(program: str | None, careful: bool) -> Iterator[Confiner]:
    """Yield the confiners that are installed here, the preferred one first.

    What is not `careful` has few jobs, which share nothing.
    """
    if program in (None, "jail") and os.access(PROGRAM, os.X_OK):
        yield Jail(PROGRAM, (shared_network(PROGRAM) if careful else None) or ())
    bubblewrap, shell, cat = (_find(name) for name in ("bwrap", "sh", "cat"))
    if program in (None, "bubblewrap") and bubblewrap and shell and cat:
        yield Bubblewrap(bubblewrap, shell, cat)


def _find(name: str) -> str | None:
    paths = (f"{folder}/{name}" for folder in _FOLDERS)
    return next((path for path in paths if os.access(path, os.X_OK)), None)


def _try_walls(sandbox: Sandbox, program: str) -> None:
    """Run the shell `program` in the sandbox, as a compiler would run."""
    programs = (program, *sandbox.confiner.within)
    try:
        libraries = (library for one in programs for library in needed(one))
        view = View.of([*programs, *libraries])
        shell = Toolchain((program,), view, is_whole_system=False)
        argv = [program, "-c", f"echo >{OUTPUT}"]
        with sandbox.enclose(shell, argv, _SOURCE, EMPTY) as job:
            reply = attempt(job)
    except (DistccError, OSError) as error:
        raise NoSandboxError(advised(str(error))) from error
    if reply.status:
        said = os.fsdecode(reply.stderr.head(_MOST_SAID)).strip()
        raise NoSandboxError(f"a shell fails within it: {said}")


def _works(sandbox: Sandbox, shell: str) -> bool:
    try:
        _try_walls(sandbox, shell)
    except NoSandboxError:
        return False
    return True


def _learn(sandbox: Sandbox, path: str, careful: bool) -> Toolchain:
    """Find out what a compiler consists of; if that does not suffice, show it the whole system."""
    found = discover(path, sandbox.environ, sandbox.confiner.within)
    if not careful or found.is_whole_system or _compiles(sandbox, found):
        return found
    return whole_system(path)


def _compiles(sandbox: Sandbox, toolchain: Toolchain) -> bool:
    """Whether the compiler can make an object from C or from C++."""
    return any(
        _compiles_language(sandbox, toolchain, language) for language in ("cpp-output", "c++-cpp-output")
    )


def _compiles_language(sandbox: Sandbox, toolchain: Toolchain, language: str) -> bool:
    argv = [toolchain.compiler, "-x", language, "-c", _SOURCE, "-o", OUTPUT]
    try:
        with sandbox.enclose(toolchain, argv, _SOURCE, Body.of(b"int x;\n")) as job:
            return not attempt(job).status
    except (DistccError, OSError):
        return False
