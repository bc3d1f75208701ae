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

# The driver of a C++ compiler compiles these as C++.
_AS_CXX = {Language.C: Language.CXX, Language.PREPROCESSED_C: Language.PREPROCESSED_CXX}

_HEADER_SUFFIXES = frozenset({".h", ".H", ".hh", ".hp", ".hpp", ".HPP", ".hxx", ".h++", ".tcc"})
_MODULE_SUFFIXES = frozenset({".cppm", ".ixx", ".ccm", ".cxxm", ".c++m", ".iim", ".pcm"})

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
        return _language_named(names[-1])
    language = _language_of_suffix(source, family)
    # g++ leaves the suffix its meaning once any -x is given, clang++ never does.
    if cxx and (not names or family is Family.CLANG):
        return _AS_CXX.get(language, language)
    return language


def _language_named(name: str) -> Language:
    if name in _HEADER_LANGUAGES:
        raise StaysError(f"-x {shown(name)} makes a precompiled header")
    try:
        return Language(name)
    except ValueError:
        raise StaysError(f"-x {shown(name)} is not a language that is distributed") from None


def _language_of_suffix(source: str, family: Family) -> Language:
    suffix = os.path.splitext(source)[1]
    if suffix in _HEADER_SUFFIXES:
        raise StaysError(f"{shown(source)} is a header: it would make a precompiled header")
    if suffix in _MODULE_SUFFIXES:
        raise StaysError(f"{shown(source)} is the interface of a module")
    language = LANGUAGE_OF_SUFFIX.get(suffix)
    if language is None or (family is Family.CLANG and suffix in _SUFFIXES_OF_GCC_ALONE):
        raise StaysError(f"{shown(source)} is not a source in a language that is distributed")
    return language
