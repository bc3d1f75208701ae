"""Environment variables that change what a compiler does.

Some keep a compile local (`environment_forbids`).  Others are sent to a server that preprocesses, in a
command that begins with `env NAME=VALUE… COMPILER …`, which the server parses in turn.  A server accepts
few variables, and few values of those: the rest of what a preprocessor reads there (`CPATH` …) becomes
options.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.compilation import Language, StayLocal
from twisted_distcc.cmdline.reasons import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_FORBIDDING = {
    "DEPENDENCIES_OUTPUT": "asks the compiler to add to a dependency file",
    "SUNPRO_DEPENDENCIES": "asks the compiler to add to a dependency file",
    "GCC_EXEC_PREFIX": "says where gcc's own programs are on this machine",
    "COMPILER_PATH": "says where gcc's own programs are on this machine",
    "GCC_ROOT": "says where gcc's own files are on this machine",
    "G++_ROOT": "says where gcc's own files are on this machine",
    "BINUTILS_ROOT": "says where gcc's own files are on this machine",
    **dict.fromkeys(
        (
            "MACOSX_DEPLOYMENT_TARGET",
            "IPHONEOS_DEPLOYMENT_TARGET",
            "TVOS_DEPLOYMENT_TARGET",
            "WATCHOS_DEPLOYMENT_TARGET",
            "SDKROOT",
        ),
        "says which system of Apple's clang compiles for",
    ),
    "GCC_COMPARE_DEBUG": "makes gcc compile twice and compare",
    "CLANG_NO_DEFAULT_CONFIG": "has clang read none of its own configuration files",
    "CCC_OVERRIDE_OPTIONS": "edits clang's command line",
    "CC_PRINT_OPTIONS": "makes clang write its command line into a file",
    "CC_PRINT_HEADERS": "makes clang write the names of headers into a file",
    "CC_LOG_DIAGNOSTICS": "makes clang write its diagnostics into a file",
    "CC_PRINT_PROC_STAT": "makes clang write statistics into a file",
}


def environment_forbids(env: Mapping[str, str]) -> str | None:
    """Return the reason why a compile in the environment `env` stays local, or None."""
    for name, what in _FORBIDDING.items():
        if env.get(name):
            return f"the environment variable {name} {what}"
    return None


DATE = "SOURCE_DATE_EPOCH"
"""The variable that fixes the values of `__DATE__` and `__TIME__`, in seconds since 1970."""

TEMPORARY = "TMPDIR"
"""The variable that says where temporary files are made."""

_LINKS = re.compile(r"no|st|bel|")
# The variables that are sent to a server that preprocesses, and those that it accepts.
_FOR_SERVERS = {
    "LC_ALL": re.compile(r"C|POSIX|C\.UTF-8"),
    DATE: re.compile(r"[0-9]{1,12}"),
    # Heeded in a sandbox where the job has a folder of that name to itself.
    TEMPORARY: re.compile(r"/(?!(?:dev|proc|sys)(?:/|\Z))[\w.+-][\w./+-]{0,500}", re.ASCII),
    # How gcc's messages look: colours, how links end, and whether fix-its are printed for programs.
    "GCC_COLORS": re.compile(r"(?:[a-z0-9-]{1,24}(?:=[0-9;]{0,24})?(?::|\Z)){0,40}"),
    "GCC_URLS": _LINKS,
    "TERM_URLS": _LINKS,
    "GCC_EXTRA_DIAGNOSTIC_OUTPUT": re.compile(r"fixits-v[12]"),
}
_ANYTHING = re.compile(r"(?s).*")
_OF_MESSAGES = frozenset({"GCC_COLORS", "GCC_URLS", "TERM_URLS", "GCC_EXTRA_DIAGNOSTIC_OUTPUT"})
_UTF_8 = re.compile(r"(?i)\.utf-?8(?:@|\Z)")

_SEARCHED_BY = {
    Language.C: "C_INCLUDE_PATH",
    Language.ASSEMBLER_WITH_CPP: "C_INCLUDE_PATH",
    Language.CXX: "CPLUS_INCLUDE_PATH",
    Language.OBJC: "OBJC_INCLUDE_PATH",
    Language.OBJCXX: "OBJCPLUS_INCLUDE_PATH",
}

DECIDING = ("PATH", "LD_LIBRARY_PATH", "HOME", "CLANG_NO_DEFAULT_CONFIG")
"""The variables that decide what a compiler consists of: where it finds its assembler, its libraries and
its configuration."""

SEARCH_VARIABLES = frozenset({"CPATH", *_SEARCHED_BY.values()})
"""The variables that `search_options` turns into options."""


def environment_for_servers(
    env: Mapping[str, str], has_locale: Callable[[str], bool]
) -> dict[str, str] | StayLocal:
    """Return the variables of `env` for a server that preprocesses; `has_locale` says what is installed
    here.

    Of a locale, only its character set is sent: it decides how compilers quote.
    """
    has_utf_8 = is_utf_8(env) and has_locale(locale_for(env, "LC_CTYPE"))
    told = {"LC_ALL": "C.UTF-8" if has_utf_8 else "C"}
    epoch = env.get(DATE)
    if epoch is not None:
        if not _FOR_SERVERS[DATE].fullmatch(epoch):
            return StayLocal(f"{DATE} is {shown(epoch)}, which is not a time")
        told[DATE] = epoch
    return told | _told_of_messages(env)


def temporary_folder_for_servers(
    env: Mapping[str, str], is_writable: Callable[[str], bool]
) -> str | StayLocal:
    """Return the folder in which gcc makes temporary files, by the variables of `env`.

    `is_writable` says whether there is such a folder here.
    """
    folders = (*(env.get(name, "") for name in (TEMPORARY, "TMP", "TEMP")), "/tmp", "/var/tmp")  # noqa: S108
    found = next((folder for folder in folders if folder and is_writable(folder)), "")
    if not _FOR_SERVERS[TEMPORARY].fullmatch(found):
        return StayLocal(f"temporary files are made in {shown(found)}, which servers cannot be told")
    return found


def is_utf_8(env: Mapping[str, str]) -> bool:
    """Whether the locale of `env`, installed or not, says that terminals use UTF-8."""
    return bool(_UTF_8.search(locale_for(env, "LC_CTYPE")))


def tells_all_of_messages(env: Mapping[str, str]) -> bool:
    """Whether servers are sent all variables that shape messages if there is no terminal."""
    return _told_of_messages(env).keys() == env.keys() & _OF_MESSAGES


def _told_of_messages(env: Mapping[str, str]) -> dict[str, str]:
    names = sorted(env.keys() & _OF_MESSAGES)
    return {name: env[name] for name in names if _FOR_SERVERS[name].fullmatch(env[name])}


def locale_for(env: Mapping[str, str], category: str) -> str:
    """Return the name of the locale that `env` sets for a category, such as `LC_CTYPE`."""
    names = (env.get(name) for name in ("LC_ALL", category, "LANG"))
    return next(filter(None, names), "C")


def split_environment(
    argv: Sequence[str], *, brings_tools: bool = False
) -> tuple[dict[str, str], Sequence[str]] | StayLocal:
    """Separate a command from the variables that `env` before it sets, if it begins with `env`.

    A client that `brings_tools` may say as well how these find one another.
    """
    if argv[:1] != ["env"]:
        return {}, argv
    told: dict[str, str] = {}
    for number, word in enumerate(argv[1:], 1):
        name, sign, value = word.partition("=")
        if not sign:
            return told, argv[number:]
        form = _ANYTHING if brings_tools and name in DECIDING else _FOR_SERVERS.get(name)
        if form is None or not form.fullmatch(value):
            return StayLocal(f"{shown(word)} is not for a server to set")
        told[name] = value
    return told, ()


def search_options(env: Mapping[str, str], language: Language) -> list[str]:
    """Return options, to follow all others, that search where `env` makes a preprocessor search."""
    return [
        *_for_each(env.get("CPATH", ""), "-I"),
        *_for_each(env.get(_SEARCHED_BY.get(language, ""), ""), "-isystem"),
    ]


def _for_each(folders: str, option: str) -> Iterator[str]:
    """Yield `option` for each folder; an empty one is the working directory (gcc manual, CPATH)."""
    for folder in folders.split(":") if folders else ():
        yield from (option, folder or ".")
