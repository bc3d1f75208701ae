"""Which language a source is in: as `-x` says, or as its suffix and the compiler's name imply.

gcc and clang differ in both: in the suffixes that they know, and in what `g++` and `clang++` make of a
suffix after a `-x`.
"""

from __future__ import annotations

import itertools
import os.path
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.compilation import LANGUAGE_OF_SUFFIX, Language, Option
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.option_rules import Role
from twisted_distcc.cmdline.reasons import StaysError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUFFIXES_OF_GCC_ALONE = frozenset({".sx"})
_SUFFIXES_OF_CLANG_ALONE = frozenset({".ll", ".bc"})

# The driver of a C++ compiler compiles these as C++.
_AS_CXX = {Language.C: Language.CXX, Language.PREPROCESSED_C: Language.PREPROCESSED_CXX}

_HEADER_SUFFIXES = frozenset({".h", ".H", ".hh", ".hp", ".hpp", ".HPP", ".hxx", ".h++", ".tcc"})
_MODULE_SUFFIXES = frozenset({".cppm", ".ixx", ".ccm", ".cxxm", ".c++m", ".iim", ".pcm"})

_BY_MODULES = "whose sources name modules, which are other files, and make some"
_BY_UNITS = "which looks for other sources by the names of units"
_FOR_DEVICES = "which is compiled once for each kind of processor"
# Other languages of these compilers: their suffixes and their names for -x, and what keeps them here.
_STAYING = {
    f"Fortran, {_BY_MODULES}": (
        ".f .for .ftn .f90 .f95 .f03 .f08 .F .FOR .fpp .FPP .FTN .F90 .F95 .F03 .F08 "
        "f77 f95 f77-cpp-input f95-cpp-input"
    ),
    f"Ada, {_BY_UNITS}": ".adb .ads ada",
    f"D, {_BY_UNITS}": ".d .di .dd d",
    f"Go, {_BY_UNITS}": ".go go",
    f"Modula-2, {_BY_UNITS}": ".mod modula-2",
    f"CUDA, {_FOR_DEVICES}": ".cu .cui cuda cuda-cpp-output",
    f"HIP, {_FOR_DEVICES}": ".hip .hipi hip hip-cpp-output",
}
_WHY_STAYS = {word: why for why, words in _STAYING.items() for word in words.split()}
_PRECOMPILED = "of which gcc makes another each time"

# Headers that clang precompiles, by what it takes them for.
_PRECOMPILED_BY_CLANG = {
    f"{one.value}-header": one
    for one in (Language.C, Language.CXX, Language.OBJC, Language.OBJCXX)
}  # fmt: skip
# Languages of these compilers for -x that do not result in one object from one source.
_HEADER_LANGUAGES = frozenset(
    {"c-header", "c++-header", "objective-c-header", "objective-c++-header"}
    | {"c++-system-header", "c++-user-header"}
)


def language_of(options: Sequence[Option], source: str, family: Family, *, cxx: bool) -> Language:
    """Return the language of the source: by the last -x before it, or by its suffix.

    Raises:
        StaysError: if that is not one that is distributed.
    """
    before = itertools.takewhile(lambda option: option.role is not Role.SOURCE, options)
    names = [option.value for option in before if option.role is Role.LANGUAGE]
    if names and names[-1] != "none":
        return _language_named(names[-1], family)
    language = _language_of_suffix(source, family)
    # g++ leaves the suffix its meaning once any -x is given, clang++ never does.
    if cxx and (not names or family is Family.CLANG):
        return _AS_CXX.get(language, language)
    return language


def makes_header(options: Sequence[Option], family: Family) -> bool:
    """Whether a command precompiles a header, for which it needs no `-c`.

    Raises:
        StaysError: if that is not done elsewhere.
    """
    languages = [option.value for option in options if option.role is Role.LANGUAGE]
    if family is Family.CLANG and languages and languages[-1] in _PRECOMPILED_BY_CLANG:
        return True
    for option in options:
        if option.role is Role.LANGUAGE:
            _check_no_header_language(option.value)
        elif option.role is Role.SOURCE:
            _check_no_header_suffix(option.value)
    return False


def _check_no_header_language(name: str) -> None:
    if name in _HEADER_LANGUAGES:
        raise StaysError(f"-x {shown(name)} makes a precompiled header, {_PRECOMPILED}")


def _check_no_header_suffix(source: str) -> None:
    if os.path.splitext(source)[1] in _HEADER_SUFFIXES:
        raise StaysError(f"{shown(source)} is a header: it would make a precompiled one, {_PRECOMPILED}")


def _language_named(name: str, family: Family) -> Language:
    if family is Family.CLANG and name in _PRECOMPILED_BY_CLANG:
        return _PRECOMPILED_BY_CLANG[name]
    _check_no_header_language(name)
    if name.startswith("c++-module"):
        raise StaysError(f"-x {shown(name)} makes the interface of a module")
    if why := _WHY_STAYS.get(name):
        raise StaysError(f"-x {name} is {why}")
    known = {one.value: one for one in Language if family is Family.CLANG or one is not Language.LLVM}
    if name not in known:
        raise StaysError(f"-x {shown(name)} is not a language that is distributed")
    return known[name]


def _language_of_suffix(source: str, family: Family) -> Language:
    suffix = os.path.splitext(source)[1]
    _check_no_header_suffix(source)
    if suffix in _MODULE_SUFFIXES:
        raise StaysError(f"{shown(source)} is the interface of a module")
    if why := _WHY_STAYS.get(suffix):
        raise StaysError(f"{shown(source)} is {why}")
    language = LANGUAGE_OF_SUFFIX.get(suffix)
    others = _SUFFIXES_OF_GCC_ALONE if family is Family.CLANG else _SUFFIXES_OF_CLANG_ALONE
    if language is None or suffix in others:
        raise StaysError(f"{shown(source)} is not a source in a language that is distributed")
    return language
