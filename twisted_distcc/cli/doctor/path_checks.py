"""Checks of PATH: what `gcc` leads to, and in which order wrappers stand in for it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cli.doctor.findings import Finding, fault, warning
from twisted_distcc.toolchain.finding import WRAPPERS, is_executable

_OURS: Final = frozenset({"tdistcc", "tdistcc-python"})
_CACHES: Final = frozenset({"ccache", "sccache", "buildcache"})
_SCRIPT: Final = b"#!"
_HEAD: Final = 4096


@dataclass(frozen=True, slots=True)
class _Step:
    """A program on PATH that has a compiler's name.

    Attributes:
        path: where it is.
        wrapper: what it stands in for the compiler as; "" if it is a compiler.
    """

    path: str
    wrapper: str

    @property
    def folder(self) -> str:
        return os.path.dirname(self.path)


def compilers_on_path(environ: Mapping[str, str], names: Sequence[str]) -> Iterator[Finding]:
    """Yield what is wrong with the way from each name to its compiler."""
    folders = environ.get("PATH", os.defpath).split(":")
    for name in names:
        steps = _steps(name, folders)
        compilers = [step for step in steps if not step.wrapper]
        wrappers = [step for step in steps if step.wrapper]
        if not compilers:
            yield from _nothing_behind(name, wrappers)
            continue
        yield from _scripts(name, compilers[0])
        before = steps[: steps.index(compilers[0])]
        yield from _order(name, before)


def _steps(name: str, folders: Sequence[str]) -> list[_Step]:
    paths = [os.path.join(folder or ".", name) for folder in dict.fromkeys(folders)]
    return [_Step(path, _wrapper(path)) for path in paths if is_executable(path)]


def _wrapper(path: str) -> str:
    program = os.path.basename(os.path.realpath(path))
    return program if program in WRAPPERS else ""


def _nothing_behind(name: str, wrappers: Sequence[_Step]) -> Iterator[Finding]:
    if wrappers:
        yield fault(
            f"{name} on PATH is only {_all_of(wrappers)}: behind it there is no compiler",
            f"apt-get install {name}    # or add the folder of the real {name} to PATH",
        )


def _scripts(name: str, compiler: _Step) -> Iterator[Finding]:
    """Yield the finding that what tdistcc takes for the compiler calls tdistcc again."""
    called = _called_by_script(compiler.path)
    if called in _OURS or called == "distcc":
        yield fault(
            f"{compiler.path} is a script that starts {called}, which starts {name} on PATH: a loop",
            f"rm {shlex.quote(compiler.path)}; twisted-distcc masquerade ~/distcc-links"
            "    # links are recognised, scripts are not",
        )


def _called_by_script(path: str) -> str:
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return ""
    if not head.startswith(_SCRIPT):
        return ""
    words = {os.path.basename(word) for word in os.fsdecode(head).replace('"', " ").split()}
    return next((name for name in sorted(WRAPPERS & words)), "")


def _order(name: str, before: Sequence[_Step]) -> Iterator[Finding]:
    """Yield what is wrong with the wrappers before the compiler."""
    ours = next((step for step in before if step.wrapper in _OURS), None)
    if ours is None:
        return
    later = before[before.index(ours) + 1 :]
    cache = next((step for step in later if step.wrapper in _CACHES), None)
    if cache is not None:
        yield warning(
            f"{name} on PATH is tdistcc before {cache.wrapper}, which is never asked:"
            f" {ours.folder} comes before {cache.folder}",
            f'export PATH={shlex.quote(cache.folder)}:"$PATH"',
        )
    first = before[0]
    if first.wrapper == "distcc":
        yield warning(
            f"{name} on PATH is C distcc's: {first.folder} comes before {ours.folder}",
            f'export PATH={shlex.quote(ours.folder)}:"$PATH"',
        )


def _all_of(wrappers: Sequence[_Step]) -> str:
    return " and ".join(f"{step.path}, a link to {step.wrapper}," for step in wrappers).rstrip(",")


def prefixes(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is wrong with the command that ccache starts compilers by."""
    prefix = os.path.basename(environ.get("CCACHE_PREFIX", ""))
    if prefix == "distcc":
        yield warning("CCACHE_PREFIX=distcc has ccache start C distcc", "export CCACHE_PREFIX=tdistcc")
