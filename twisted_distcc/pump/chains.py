"""The folders that one compile searches for headers, in the compiler's order.

`Chains` follow from a compilation, the compiler's own search path, and which folders exist.

gcc and clang drop folders that do not exist.  Of several names for the same folder the first is kept;
but a system folder wins over the same folder in `-I`, and with gcc over that in `-iquote`, too.
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
    """Absolute folders as the command and the compiler name them, whether or not they exist."""

    quote: tuple[str, ...]
    bracket: tuple[str, ...]
    system: tuple[str, ...]
    clang: bool

    def each(self, clean: Callable[[str], str]) -> PossibleFolders:
        """Return the same with `clean` applied to each folder."""
        quote, bracket, system = (
            tuple(map(clean, folders)) for folders in (self.quote, self.bracket, self.system)
        )
        return PossibleFolders(quote, bracket, system, self.clang)


@dataclass(frozen=True, slots=True)
class Chains:
    """Existing folders, each listed once.

    Attributes:
        quote: searched only for `"name"`, after the folder of the including file.
        angled: searched for `<name>`, and then for `"name"`.
        assembler: searched by the assembler.
    """

    quote: tuple[str, ...]
    angled: tuple[str, ...]
    assembler: tuple[str, ...]


def possible_folders(c: Compilation, directory: str, search: SearchPath) -> PossibleFolders:
    """Return the folders that a compile in `directory` would search."""
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
    """Return the chains of `found`, without folders that do not exist, and without duplicates."""
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
