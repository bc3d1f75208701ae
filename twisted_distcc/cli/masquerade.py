"""`twisted-distcc masquerade DIR`: links that make an unmodified build send its compiles to the farm.

It makes one symbolic link to the installed `tdistcc` per compiler name, and prints the PATH line to use.
It replaces and removes nothing but such links.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from twisted_distcc.cli.compiled import is_our_program, make_program
from twisted_distcc.cli.installed import installed_command
from twisted_distcc.errors import DistccError
from twisted_distcc.own_folders import make_own_folder

_PROGRAM = "tdistcc"
# The script that starts `tdistcc`; if linked beside the others it needs no `readlink`, which takes 1 ms.
_START = "twisted-distcc-python"
# gcc, g++-12, x86_64-linux-gnu-gcc, clang++-14, ...; not gcc-ar, gcc-ranlib or clang-cpp.
_COMPILER_NAME = re.compile(r"(?:[\w.]+-)*(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(?:-\d+(?:\.\d+)*)?")


class MasqueradeError(DistccError):
    """A link cannot be made, or must not be."""


def main(arguments: Sequence[str]) -> int:
    """Make or remove the links, say how to use them, and return the exit status."""
    options = _parser().parse_args(arguments)
    folder = Path(os.path.abspath(options.folder))
    try:
        if options.remove:
            _report_removal(folder, remove_links(folder, options.names))
        else:
            names = options.names or compilers_on_path(os.get_exec_path(), folder)
            tdistcc = installed_command(_PROGRAM)
            _report_links(folder, make_links(folder, names, tdistcc, compiled=options.compiled))
    except (DistccError, OSError) as error:
        print(f"twisted-distcc masquerade: {error}", file=sys.stderr)
        return 1
    return 0


def make_links(
    folder: Path, names: Iterable[str], tdistcc: Path, *, compiled: bool = False
) -> list[Path]:
    """Create a link to `tdistcc` in `folder` for each of `names`, or raise without changing anything.

    If `compiled`, the links lead to a compiled program of their own in `folder`, which is there even
    when the installation is gone.
    """
    links = [folder / _plain_name(name) for name in names]
    if not links:
        raise MasqueradeError("no compiler was found on PATH; name those to stand in for")
    for link in links:
        if os.path.lexists(link) and not is_our_link(link):
            raise MasqueradeError(f"{link} is not a link to tdistcc; it was left as it is")
    make_own_folder(folder)
    start = _start_of(tdistcc)
    if compiled:
        _check_start(folder, start)
        make_program(folder / _PROGRAM, tdistcc)
        tdistcc = folder / _PROGRAM
    if start.exists() and (is_our_link(folder / _START) or not os.path.lexists(folder / _START)):
        _replace(folder / _START, start)
    for link in links:
        _replace(link, tdistcc)
    return links


def _start_of(tdistcc: Path) -> Path:
    """Return what starts Python for `tdistcc`: it is beside it, or beside what a link leads to."""
    beside = tdistcc.with_name(_START)
    return beside if beside.exists() else Path(os.path.realpath(tdistcc)).with_name(_START)


def _check_start(folder: Path, start: Path) -> None:
    """Raise unless a program in `folder` can find the installation of `start` by a link beside it."""
    link = folder / _START
    if start.parent == folder or not start.exists():
        raise MasqueradeError(f"{start} belongs to no installation; remove {folder} from PATH first")
    if os.path.lexists(link) and not is_our_link(link):
        raise MasqueradeError(f"{link} is not a link to tdistcc; it was left as it is")


def _replace(link: Path, target: Path) -> None:
    """Replace a link atomically: a build may be using it."""
    new = link.with_name(f"{link.name}.{os.getpid()}")
    new.symlink_to(target)
    new.rename(link)


def remove_links(folder: Path, names: Iterable[str]) -> list[Path]:
    """Remove our links from `folder`, all of them or those named, and nothing else.

    Removing all of them also removes the program that was compiled for them.
    """
    wanted = set(names)
    ours = filter(is_our_link, sorted(folder.iterdir()))
    links = [link for link in ours if not wanted or link.name in wanted]
    for link in links:
        link.unlink()
    program = folder / _PROGRAM
    if not wanted and is_our_program(program):
        program.unlink()
    return [link for link in links if link.name != _START]


def is_our_link(path: Path) -> bool:
    """Whether `path` is a symbolic link to a `tdistcc`, wherever that is or was installed."""
    return path.is_symlink() and os.path.basename(os.readlink(path)) in (_PROGRAM, _START)


def compilers_on_path(folders: Iterable[str], masquerade: Path) -> list[str]:
    """Return the names of the compilers in `folders`, in order, without duplicates or our links."""
    found = (
        name
        for folder in folders
        if os.path.abspath(folder) != os.fspath(masquerade)
        for name in sorted(_executables(folder))
        if _COMPILER_NAME.fullmatch(name)
    )
    return list(dict.fromkeys(found))


def _executables(folder: str) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        return  # a PATH often names folders that do not exist
    for name in names:
        path = Path(folder, name)
        if os.access(path, os.X_OK) and not path.is_dir() and not is_our_link(path):
            yield name


def _plain_name(name: str) -> str:
    if name in {"", ".", "..", _PROGRAM} or "/" in name:
        raise MasqueradeError(f"{name!r} is not the name of a compiler")
    return name


def _report_links(folder: Path, links: Sequence[Path]) -> None:
    print(f"{len(links)} links in {folder}: {' '.join(link.name for link in links)}")
    print("Put this folder first on the PATH of your build:")
    print(f"""    export PATH={shlex.quote(os.fspath(folder))}:"$PATH\"""")


def _report_removal(folder: Path, links: Sequence[Path]) -> None:
    print(f"{len(links)} links removed from {folder}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="twisted-distcc masquerade",
        description="Make links named like compilers that send compiles to the farm.",
    )
    parser.add_argument("folder", metavar="DIR", help="the folder for the links; made if missing")
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        default=(),  # without one an error about DIR names this as required, too
        help="names to stand in for (default: every gcc, g++, cc, c++, clang, clang++ found on "
        "PATH, with their versioned and cross-compiling variants)",
    )
    parser.add_argument(
        "--compiled",
        action="store_true",
        help="point the links at a compiled tdistcc of their own, which compiles locally once the "
        "installation is gone",
    )
    parser.add_argument("--remove", action="store_true", help="remove the links again")
    return parser
