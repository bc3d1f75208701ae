"""Arrange the files of one compile for a C distccd, within what C distcc's client can express.

`shape_of` takes a compile, its files, and the compiler's own folders, and returns a `Shape` of files,
links and folders, or raises with the reason why C distcc has to preprocess the source itself.  It writes
no files, and does not know where they are kept.

A C distccd writes the files below a folder of its own, and makes the compiler look there for whatever
the command names by an absolute path; headers in the compiler's own folders are the server's.  So those
folders are sent as links that lead out to the server's own, by more `..` than a path has folders; and a
file that is found by an absolute name gets a `#line` with that name, which the compiler would otherwise
see changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.sources import Found
from twisted_distcc.pump.calling import Called, absolute_folders, names_of
from twisted_distcc.pump.text import Text
from twisted_distcc.pump.unit import NotForServersError

# C distccd's own folder is never deeper than this, whatever its TMPDIR is.
_OUT = "../" * 20
# Suffixes that C distcc's client strips from the names that it is given.
_TAKEN_OFF = (".lzo", ".lzo.abs")


@dataclass(frozen=True, slots=True)
class Copy:
    """A file of a shape.

    Attributes:
        path: its real path.
        line: the name for its `#line`, if it needs one.
    """

    path: str
    line: str | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """Files, links with their targets, and folders that have to exist."""

    copies: tuple[Copy, ...]
    links: tuple[tuple[str, str], ...]
    folders: tuple[str, ...]


def shape_of(
    candidate: Candidate,
    found: Found,
    own: Sequence[str],
    real: Callable[[str], str],
    text: Callable[[str], Text],
) -> Shape:
    """Return the shape of the files of `candidate`.

    Args:
        candidate: the compile.
        found: its files.
        own: the real paths of the compiler's own folders, none of them inside another.
        real: returns the real path of a path.
        text: returns the text of the file at a path.

    Raises:
        NotForServersError: if C distcc should preprocess it.
    """
    is_own = Below(own)
    _check_command(candidate, found, is_own)
    paths = {path: real(path) for path in found.unit.files}
    inside = {path for path, where in paths.items() if is_own(where)}
    called = names_of(candidate.compilation, found.directory, paths, inside, text)
    _check_named(paths.keys() - inside - {one.path for one in called}, candidate)
    lines = _lines((one for one in called if one.path not in inside), paths)
    links = [(name, _bounded(name, to)) for name, to in found.laid.links if not is_own(name)]
    _check_links(links)
    return Shape(
        copies=tuple(Copy(path, lines.get(path)) for path in found.laid.files if not is_own(path)),
        links=(*links, *((folder, _OUT + "../" * folder.count("/") + folder[1:]) for folder in own)),
        folders=tuple(folder for folder in found.laid.folders if not is_own(folder)),
    )


class Below:
    """A predicate: whether a path is one of some folders, or inside one."""

    def __init__(self, folders: Collection[str]) -> None:
        self._beginnings = tuple(f"{folder}/" for folder in folders)

    def __call__(self, path: str) -> bool:
        return f"{path}/".startswith(self._beginnings)


def _check_command(candidate: Candidate, found: Found, is_own: Below) -> None:
    if is_own(found.directory):
        raise NotForServersError("it runs in one of the compiler's own folders")
    if candidate.explicit is not candidate.compilation:
        raise NotForServersError("the environment names folders for headers, which does not travel")


def _check_named(unknown: Collection[str], candidate: Candidate) -> None:
    """Refuse files whose names come from macros, if such a name may be absolute."""
    is_there = Below(absolute_folders(candidate.compilation))
    for path in unknown:
        if is_there(path) or any(path in word for word in candidate.compilation.arguments):
            raise NotForServersError(f"nobody can tell by which name {path} is found")


def _check_links(links: Iterable[tuple[str, str]]) -> None:
    for name, _ in links:
        if name.endswith(_TAKEN_OFF):
            raise NotForServersError(f"{name} is a link by a name that C distcc cannot send")


def _lines(called: Iterator[Called], paths: Mapping[str, str]) -> dict[str, str]:
    """Return the absolute names by which files are found, keyed by their real paths."""
    names: dict[str, set[str]] = {}
    for one in called:
        names.setdefault(paths[one.path], set()).add(one.name)
        if one.name.startswith("/") and not one.is_text:
            raise NotForServersError(f"{one.name} is read as data, by its absolute name")
    lines = {}
    for path, known in names.items():
        if any(name.startswith("/") for name in known):
            if len(known) > 1:
                raise NotForServersError(f"{path} may be found as {' and as '.join(sorted(known))}")
            [lines[path]] = known
            if "\n" in lines[path]:
                raise NotForServersError(f"no #line can say {lines[path]!r}")
    return lines


def _bounded(name: str, target: str) -> str:
    """Return a target for the link `name` that stays valid when `/` is another folder."""
    if target.startswith("/"):
        return target
    deep = name.count("/") - 1
    steps = target.split("/")
    while steps and steps[0] in {"", ".", ".."}:
        deep -= steps.pop(0) == ".."
    return target if deep >= 0 else "/" + "/".join(steps)
