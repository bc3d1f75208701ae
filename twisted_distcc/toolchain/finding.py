"""Find compilers on this machine.

Functions turn the name in a command, with a search path, into the compiler's path.  Links to distcc, to
ourselves, to ccache and the like are skipped: they would come back to us.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from twisted_distcc.cmdline.compilers import Family, recognise
from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.errors import EXIT_COMPILER_MISSING
from twisted_distcc.policy.command_list import CommandList
from twisted_distcc.policy.verdict import Refused

# Programs that masquerade as a compiler and pass the command on.
WRAPPERS: Final = frozenset(
    {
        "tdistcc",
        "tdistcc-python",
        "distcc",
        "ccache",
        "sccache",
        "icecc",
        "icerun",
        "buildcache",
        "colorgcc",
        "fbuild",
    }
)

# How many links to follow from `cc` to a compiler: Debian's alternatives have three.
_LONGEST_CHAIN: Final = 10


def on_path(name: str, folders: Sequence[str]) -> Iterator[str]:
    """Return each executable file called `name` in `folders` that is not a masquerade link."""
    for folder in folders:
        candidate = os.path.join(folder, name)
        if is_executable(candidate) and not is_masquerade(candidate):
            yield candidate


def find_compiler(name: str, directory: str, path: str) -> str | None:
    """Find the program that a user in `directory`, with `path` as PATH, means by `name`.

    A name with a slash is that file; a masquerade link is replaced by what it hides.
    """
    if "/" in name:
        candidate = os.path.join(directory, name)
        if not is_masquerade(candidate):
            return candidate if is_executable(candidate) else None
    folders = [os.path.join(directory, folder) for folder in path.split(":")]
    return next(on_path(os.path.basename(name), folders), None)


def name_behind(name: str, path: str) -> str:
    """Return the name of the actual compiler for `cc` and `c++`, which are links at `path` to one.

    Any other name is returned unchanged, and so are these if they do not lead to a recognised name.
    """
    step = path if _is_generic(name) else ""
    for _ in range(_LONGEST_CHAIN):
        if recognise(step) is not None and not _is_generic(step):
            return os.path.basename(step)
        try:
            step = os.path.join(os.path.dirname(step), os.readlink(step))
        except OSError:
            break
    return name


def _is_generic(name: str) -> bool:
    compiler = recognise(name)
    return compiler is not None and compiler.family is Family.GENERIC


def not_found(name: str) -> str:
    """Return a message that says why `find_compiler` finds nothing for `name`."""
    if os.path.basename(name) in WRAPPERS:
        return f"{name} is a compiler wrapper: put it before tdistcc (for ccache, CCACHE_PREFIX=tdistcc)"
    return f"failed to exec {name}: it is not installed, or not on PATH"


def is_executable(path: str) -> bool:
    """Whether `path` is a regular file that we may execute."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode) and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


def is_masquerade(path: str) -> bool:
    """Whether `path` is, or leads to, a program that passes compiler commands on."""
    return os.path.basename(os.path.realpath(path)) in WRAPPERS


@dataclass(frozen=True, slots=True)
class Compilers:
    """The compilers that this server offers.

    Attributes:
        folders: where bare names are looked for, in this order.
        commands: the administrator's list, which replaces the rule of known names.
        any_command: whether names need not be those of compilers, and any path is allowed (distccd's
            `--enable-tcp-insecure`).
        root: a folder below which the search path and absolute paths are resolved (`--compiler-root`).
    """

    folders: tuple[str, ...]
    commands: CommandList | None = None
    any_command: bool = False
    root: str = ""

    def resolve(self, name: str) -> str | Refused:
        """Return the path of the compiler that a client calls `name`, or why it gets none."""
        if self.commands is not None:
            return self._listed(name, self.commands)
        if self.any_command and os.path.isabs(name) and is_executable(self.root + name):
            return self.root + name
        base = os.path.basename(name)
        if not self.any_command and recognise(base) is None:
            return _refused(f"{shown(name)} is not a compiler that this server knows")
        found = next(on_path(base, self.folders), None)
        if found is None:
            return _refused(f"this server has no {shown(base)}: it is not installed, or not on its PATH")
        if name in (base, found) or self._is_same(name, found):
            return found
        return _refused(f"this server's {base} is {found}, and {shown(name)} is another file or none")

    def why_not_brought(self, name: str) -> str | None:
        """Return why a client may not bring a compiler called `name` along; `None` if it may."""
        if self.commands is not None and self.commands.match(name) is None:
            return f"{shown(name)} is not on this server's list of commands"
        if recognise(os.path.basename(name)) is None or not name.isprintable():
            return f"{shown(name)} is not a compiler that this server knows"
        return None

    def _listed(self, name: str, commands: CommandList) -> str | Refused:
        command = commands.match(name)
        if command is None:
            return _refused(f"{shown(name)} is not on this server's list of commands")
        if not is_executable(self.root + command):
            return _refused(f"this server has no {command}, which is on its list of commands")
        return self.root + command

    def _is_same(self, name: str, found: str) -> bool:
        if not os.path.isabs(name):
            return False
        try:
            return os.path.samefile(self.root + name, found)
        except (OSError, ValueError):
            return False


def _refused(reason: str) -> Refused:
    return Refused((reason,), EXIT_COMPILER_MISSING)
