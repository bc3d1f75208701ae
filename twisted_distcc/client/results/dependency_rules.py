r"""Check a dependency file from a server before `make` reads it.

Unless its text is what a compiler writes for the files that were sent, `BadRulesError` is raised.
`make` runs commands that it finds there (`$(shell …)`, a recipe), and builds whatever is named as a
prerequisite, so a rule may name only the requested target and files that were sent, and nothing else is
allowed:

    hello.o: hello.c dir\ with\ blanks/costs$$.h \
     other.h
    other.h:

Both compilers put a backslash before a space and a `#`, and write `$` twice; the last line is what
`-MP` asks for.  They differ in where they fold lines, how they order targets, and in names with a
backslash or a control character, which is why files of such names are not sent where rules are asked for
(`laying.has_plain_names`).  All of it takes time in proportion to the text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property
from typing import Final

from twisted_distcc.client.inputs.sources import Found
from twisted_distcc.cmdline.compilation import Compilation, Dependencies
from twisted_distcc.cmdline.reasons import shown
from twisted_distcc.pump.callers import NULL
from twisted_distcc.pump.laying import MOST_LINKS
from twisted_distcc.pump.unit import FileSystem, Laid, Unit

# What compilers write between two targets: gcc folds as in the second, clang as in the third.
_BETWEEN: Final = (" ", " \\\n ", " \\\n  ")
_FOLD: Final = " \\\n "
# The space before a fold is not part of a name.
_NO_FOLD: Final = "\\ \\\n"
# Stands for a space in a name: no compiler writes it.
_SPACE: Final = "\0"
_LONGEST_PATH: Final = 4096
# Backslashes before a space, from the first of them: so this is linear.
_BLANK: Final = re.compile(r"(?<!\\)(\\*)([ \t])")
_HERE: Final = re.compile(r"\A(?:\./+)+")
# What clang's sanitizers are to leave alone, which it has read and lists.
_CLANGS_OWN: Final = re.compile(r"/share/(?:[a-z]+_)?(?:ignorelist|blacklist)\.txt\Z")


class BadRulesError(Exception):
    """The text is not the dependency file of this compile; the message says why."""


def check_dependencies(rules: bytes, c: Compilation, found: Found, files: FileSystem) -> None:
    """Check the dependency file that a server has made for `c` from the files `found`.

    Raises:
        BadRulesError: if no compiler would write it.
    """

    def is_file(name: str) -> bool:
        return files.stamp(os.path.join(found.directory, name)) is not None

    check_rules(rules, c, SentFiles(found.directory, found.unit, found.laid).has, is_file)


def check_rules(
    rules: bytes, c: Compilation, has: Callable[[str], bool], is_file: Callable[[str], bool]
) -> None:
    """Check the dependency file that `c` has made.

    Args:
        rules: its text.
        c: a compile that asks for one.
        has: whether a file was sent that the compiler may call so.
        is_file: whether there is such a file here.

    Raises:
        BadRulesError: if no compiler would write it.
    """
    assert c.dependencies is not None
    text = os.fsdecode(rules)
    end = _after_targets(text, c.dependencies)
    if _SPACE in text or text.find(_NO_FOLD, end) >= 0 or not text.endswith("\n"):
        raise BadRulesError("its dependency file is not one")
    listed, *lines = text[end:-1].replace(_FOLD, " ").replace("\\ ", _SPACE).split("\n")
    words = set(listed.split(" ")) - {""}
    if not words:
        raise BadRulesError("its dependency file names no source")
    for name in map(_name, words):
        if not has(name) and not (_may_be_clangs_own(name, c) and is_file(name)):
            raise BadRulesError(f"its dependency file names {shown(name)}, which was not sent")
    phony = {f"{word}:" for word in words} if "-MP" in c.dependencies.options else set()
    if more := set(lines) - phony - {""}:
        line = min(more).replace(_SPACE, " ")
        raise BadRulesError(f"its dependency file says {shown(line)}, which was not asked for")


def _name(word: str) -> str:
    """Return the file name that compilers write as `word`.

    Raises:
        BadRulesError: if they would write no name like that.
    """
    if "\\" in word or "$" in word or "#" in word:
        word = word.replace("\\:", ":")
        name = word.replace("\\#", "#").replace("$$", "$")
        if name.replace("$", "$$").replace("#", "\\#") != word or "\\" in name:
            raise BadRulesError(f"its dependency file has {shown(word)}, which is no name")
        word = name
    return word.replace(_SPACE, " ")


def _may_be_clangs_own(name: str, c: Compilation) -> bool:
    return bool(_CLANGS_OWN.search(name)) and any(word.startswith("-fsanitize") for word in c.arguments)


# Targets


def _after_targets(rules: str, dependencies: Dependencies) -> int:
    """Return the index where the prerequisites begin.

    Raises:
        BadRulesError: if they follow targets other than the requested ones.
    """
    for targets in _orders(dependencies):
        end = _after(rules, targets)
        if end is not None:
            return end
    raise BadRulesError("its dependency file has another target than was asked for")


def _after(rules: str, targets: Collection[str]) -> int | None:
    at = 0
    for target in targets:
        between = _BETWEEN if at else ("",)
        ends = [at + len(one + target) for one in between if rules.startswith(one + target, at)]
        if not ends:
            return None
        at = ends[0]
    return at + 1 if rules.startswith(": ", at) else None


def _orders(dependencies: Dependencies) -> Iterator[list[str]]:
    """Yield the orders in which compilers write the targets, each as a list."""
    asked = list(_asked(dependencies))
    yield [_as_target(*one) for one in asked]  # as clang does
    short = [(option, _HERE.sub("", name)) for option, name in asked]  # as gcc does
    verbatim = [_as_target(*one) for one in short if one[0] == "-MT"]
    targets = [_as_target(*one) for one in short if one[0] == "-MQ"]
    yield targets + verbatim
    for number, target in enumerate(verbatim):  # gcc 10 and later: those of -MT come first
        targets.append(target)
        targets[number], targets[-1] = targets[-1], targets[number]
    yield targets


def _asked(dependencies: Dependencies) -> Iterator[tuple[str, str]]:
    words = iter(dependencies.options)
    for word in words:
        if word.startswith(("-MT", "-MQ")):
            yield word[:3], word[3:] or next(words)


def _as_target(option: str, name: str) -> str:
    if option == "-MQ":
        name = _BLANK.sub(r"\1\1\\\2", name.replace("$", "$$").replace("#", "\\#"))
    return name


# Files


class SentFiles:
    """The files that were sent, under all names that a compiler may use for them.

    It may write `include/../lib/x.h`, and means what the kernel finds there, through links.

    Args:
        directory: the working directory.
        unit: the files, as the compiler opens them.
        laid: the same, as they are sent.
    """

    def __init__(self, directory: str, unit: Unit, laid: Laid) -> None:
        self._directory = directory
        self._unit = unit
        self._laid = laid
        self._walked: dict[str, str | None] = {}

    def has(self, name: str) -> bool:
        """Whether `name` is one of the files."""
        if name in self._unit.files:  # as headers of the system, and so most, are called
            return True
        if name == NULL:  # a server has its own
            return True
        path = os.path.join(self._directory, name)
        if path in self._unit.files:
            return True
        folder, _, last = path.rpartition("/")
        if len(path) > _LONGEST_PATH or last in {"", ".", ".."}:
            return False
        if folder not in self._walked:
            self._walked[folder] = self._walk("", folder)
        return self._walk(self._walked[folder], last) in self._files

    @cached_property
    def _files(self) -> frozenset[str]:
        return frozenset(self._laid.files)

    @cached_property
    def _links(self) -> Mapping[str, str]:
        return dict(self._laid.links)

    @cached_property
    def _folders(self) -> frozenset[str]:
        """All folders that exist where the files were sent."""
        folders = {"", *self._laid.folders}
        for path in (*self._laid.files, *self._links, *self._laid.folders):
            while (path := path.rpartition("/")[0]) not in folders:
                folders.add(path)
        return frozenset(folders)

    def _walk(self, folder: str | None, path: str, links: int = 0) -> str | None:
        """Return where `path` leads from `folder`, step by step; `None` if nowhere."""
        for name in path.split("/"):
            if folder is None:
                break
            folder = self._step(folder, name, links)
        return folder

    def _step(self, folder: str, name: str, links: int) -> str | None:
        if name in {"", "."}:
            return folder
        if name == "..":
            return folder.rpartition("/")[0] if folder in self._folders else None
        path = f"{folder}/{name}"
        target = self._links.get(path)
        if target is None:
            return path
        if links >= MOST_LINKS:
            return None
        return self._walk("" if target.startswith("/") else folder, target, links + 1)
