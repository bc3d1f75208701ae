"""Files that the GNU assembler writes besides the object: listings and dependencies.

Compilers pass on what asks for them: `-Wa,-adhln=w.lst`, `-Wa,--MD,w.d`.  All options for a listing are
about one listing, whose last name counts; without a name it goes to standard output.

Both may contain the name of the temporary file that the assembler reads, which is another one each time:
dependencies name it, it heads each page of a listing that has pages (the letter `n` turns them off), and
says where symbols are defined (the letter `s`).  A server of gcc's makes it in the folder in which the
client's would be; the rest of the name is by chance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twisted_distcc.cmdline.compilation import Language
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.reasons import StaysError, shown
from twisted_distcc.cmdline.travelling import VERBOSE_ASSEMBLY
from twisted_distcc.cmdline.written import pieces

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from twisted_distcc.cmdline.compilation import Option

_PASSING: Final = ("-Wa,", "-Xassembler")
_LISTING: Final = "-a"
_DEPENDENCIES: Final = "--MD"
_WITHOUT_PAGES: Final = "n"
_SYMBOLS: Final = "s"
_SOURCE_LINES: Final = "h"
# What is shown if no letter says what.
_DEFAULT: Final = "hls"
# With these the assembler reads a pipe, or a file that has a name of its own.
_SAVING: Final = "-save-temps"
_WITHOUT_TEMPORARY_FILE: Final = ("-pipe", _SAVING)
_MOVING: Final = ("-prefix-map=", "-compilation-dir")


def written_by_assembler(option: Option) -> Iterator[str]:
    """Yield the names of the files that an option for the assembler has it write."""
    rest = iter(pieces(option))
    for piece in rest:
        if piece == _DEPENDENCIES:
            yield next(rest, "")
        elif piece.startswith(_DEPENDENCIES):
            yield piece.removeprefix(_DEPENDENCIES).removeprefix("=")
        elif _is_listing(piece) and "=" in piece:
            yield piece.partition("=")[2]


def check_listings(options: Sequence[Option], language: Language, family: Family) -> None:
    """Check that what the assembler writes besides the object is the same elsewhere.

    Raises:
        StaysError: if it is not.
    """
    asking = _asking(options)
    if not asking:
        return
    typed = shown(" ".join(asking[-1].words))
    if family is not Family.GCC and names_temporary_file(options, language):
        raise StaysError(f"{typed} has the assembler write the name of a temporary file")
    if _SOURCE_LINES in _letters(_parts(asking)) and _may_show_others(options, language):
        raise StaysError(f"{typed} shows sources that may be other files elsewhere")


def check_verbose(options: Sequence[Option], *, is_assembly: bool) -> None:
    """Check that no assembly is left, or listed, in which gcc says how much memory it may use.

    Raises:
        StaysError: if it is.
    """
    names = {option.name for option in options}
    if VERBOSE_ASSEMBLY not in names:
        return
    if is_assembly or _asking(options) or any(name.startswith(_SAVING) for name in names):
        raise StaysError(f"{VERBOSE_ASSEMBLY} writes into the assembly how much memory this machine has")


def names_temporary_file(options: Sequence[Option], language: Language) -> bool:
    """Whether the assembler writes down the name of the temporary file that it reads."""
    asking = _asking(options)
    return bool(asking) and _has_temporary_names(_parts(asking)) and _is_temporary(options, language)


def _asking(options: Sequence[Option]) -> list[Option]:
    return [option for option in options if option.role is Role.MAKES and option.name in _PASSING]


def _parts(options: Sequence[Option]) -> list[str]:
    return [piece for option in options for piece in pieces(option)]


def _has_temporary_names(parts: Sequence[str]) -> bool:
    letters = _letters(parts)
    is_listed = bool(letters) and (_WITHOUT_PAGES not in letters or _SYMBOLS in letters)
    return is_listed or any(piece.startswith(_DEPENDENCIES) for piece in parts)


def _letters(parts: Sequence[str]) -> str:
    """Return what a listing shows; empty if there is none."""
    listings = [piece.partition("=")[0] for piece in parts if _is_listing(piece)]
    letters = "".join(piece.removeprefix(_LISTING) for piece in listings)
    return letters or (_DEFAULT if listings else "")


def _is_listing(piece: str) -> bool:
    return piece.startswith(_LISTING)


def _is_temporary(options: Iterable[Option], language: Language) -> bool:
    named = any(option.name.startswith(_WITHOUT_TEMPORARY_FILE) for option in options)
    return not named and language is not Language.ASSEMBLER


def _may_show_others(options: Iterable[Option], language: Language) -> bool:
    """Whether the assembler may know sources by other names than those which the compiler opened."""
    return language.is_assembler or any(part in one.name for one in options for part in _MOVING)
