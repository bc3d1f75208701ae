"""The folders that one compile looks in, in the compiler's order.

In: a compilation, what its compiler answered, and which folders there are.  Out: `Chains`.  This module
refuses to look for headers.

gcc and clang drop what is not there.  Of folders that are the same, by whatever name, the first stays;
but a system folder wins over the same folder of `-I`, and with gcc over that of `-iquote` too.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from typing import TYPE_CHECKING

from twisted_distcc.pump.search import asks_for_all_folders, named_folders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from twisted_distcc.cmdline.compilation import Compilation
    from twisted_distcc.pump.search import SearchPath
    from twisted_distcc.pump.unit import Stamp


@dataclass(frozen=True, slots=True)
class PossibleFolders:
    """Folders as the command and the compiler name them, absolute, whether they exist or not."""

    quote: tuple[str, ...]
    bracket: tuple[str, ...]
    system: tuple[str, ...]
    clang: bool

    def each(self, clean: Callable[[str], str]) -> PossibleFolders:
        """Give the same with another name for each folder."""
        quote, bracket, system = (
            tuple(map(clean, folders)) for folders in (self.quote, self.bracket, self.system)
        )
        return PossibleFolders(quote, bracket, system, self.clang)


@dataclass(frozen=True, slots=True)
class Chains:
    """Folders that exist, each once.

    Attributes:
        quote: for `"name"` alone, after the folder of the file that asks.
        angled: for `<name>`, and then for `"name"`.
        assembler: what the assembler looks in.
    """

    quote: tuple[str, ...]
    angled: tuple[str, ...]
    assembler: tuple[str, ...]


def possible_folders(c: Compilation, directory: str, search: SearchPath) -> PossibleFolders:
    """Give the folders that a compile in `directory` would look in."""
    if asks_for_all_folders(c):
        return PossibleFolders(search.quote, (), search.angled, search.clang)
    named = {
        kind: tuple(os.path.join(directory, folder) for folder in folders)
        for kind, folders in named_folders(c).items()
    }
    return PossibleFolders(
        quote=named["-iquote"],
        bracket=named["-I"],
        system=(*named["-isystem"], *search.angled, *named["-idirafter"]),
        clang=search.clang,
    )


def chains(found: PossibleFolders, directory: str, stamp: Callable[[str], Stamp | None]) -> Chains:
    """Leave out what is not there, or is there twice."""
    system = _without_twins(found.system, stamp, set())
    system_ids = set(system)
    bracket = _without_twins(found.bracket, stamp, system_ids)
    quote = _without_twins(found.quote, stamp, set() if found.clang else system_ids)
    return Chains(
        quote=tuple(quote.values()),
        angled=(*bracket.values(), *system.values()),
        assembler=(directory, *bracket.values()),
    )


def _without_twins(
    folders: Iterable[str], stamp: Callable[[str], Stamp | None], others: set[tuple[int, int]]
) -> dict[tuple[int, int], str]:
    kept: dict[tuple[int, int], str] = {}
    for folder in folders:
        found = stamp(folder)
        if found is not None and (found.device, found.inode) not in others:
            kept.setdefault((found.device, found.inode), folder)
    return kept
