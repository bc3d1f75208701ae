"""Read the files by which clang finds other files: overlays, and maps of modules.

`overlaid_files` takes the text of an overlay (`-ivfsoverlay`), which says what is found where, and
returns the files that are found so; `mapped_files` takes a map of modules (`-fmodule-map-file=`), and
returns the names in it, of headers, and of further maps.  Both raise `StaysError` at what they do not
understand: what clang itself makes of it, nobody else has to know.

An overlay is YAML, of which this reads what tools write, which is JSON, also with single quotes::

    {'version': 0, 'roots': [{'name': '/p', 'type': 'directory', 'contents': [
        {'name': 'a.h', 'type': 'file', 'external-contents': '/real/a.h'}]}]}
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from twisted_distcc.cmdline.reasons import StaysError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")
_Value: TypeAlias = "str | list[_Value] | dict[str, _Value]"

_TOKEN: Final = re.compile(
    r"""(?:\s|\#[^\n]*)*+(?:(?P<mark>[{}\[\],:])|'(?P<single>[^'\\\n]*)'|"(?P<double>[^"\\\n]*)"|(?P<bare>[\w.+-]+)
    |(?P<end>\Z))""",
    re.ASCII | re.VERBOSE,
)
_DEEPEST: Final = 200
_SETTINGS: Final = frozenset(
    {"version", "case-sensitive", "use-external-names", "overlay-relative", "fallthrough"}
)
_OF_ENTRIES: Final = frozenset({"name", "type", "contents", "external-contents", "use-external-name"})
_TRUE: Final = frozenset({"true", "on", "yes", "1"})

_MAP_STRING: Final = re.compile(
    r'(?P<extern>\bextern\s+module\s+(?:"[^"\n]*"|[\w.]+)\s*)?"(?P<name>[^"\n]*)"'
)
# Nothing in a string begins a comment, and nothing in a comment a string.
_MAP_COMMENT: Final = re.compile(r'(?P<kept>"[^"\n]*")|//[^\n]*|/\*(?s:.*?)\*/')
_UMBRELLA: Final = re.compile(r"\bumbrella\b")


def overlaid_files(text: str, folder: str) -> list[str]:
    """Return the files that the overlay `text`, which is in `folder`, has in place of others.

    Raises:
        StaysError: if it is not understood.
    """
    overlay = _Reader(text).document()
    roots = overlay.pop("roots", None)
    if not isinstance(roots, list) or not overlay.keys() <= _SETTINGS:
        raise StaysError("the overlay has something that is not understood")
    is_relative = overlay.get("overlay-relative") in _TRUE
    return [f"{folder}/{path}" if is_relative else path for root in roots for path in _found_in(root)]


def mapped_files(text: str) -> tuple[list[str], list[str]]:
    """Return the headers that a map of modules may name, and the further maps.

    Raises:
        StaysError: if it means all headers of a folder, or is not understood.
    """
    if _UMBRELLA.search(text) or "\\" in text:
        raise StaysError("the map of modules means the headers of a folder, or is not understood")
    names: tuple[list[str], list[str]] = [], []
    code = _MAP_COMMENT.sub(lambda found: found["kept"] or " ", text)
    for found in _MAP_STRING.finditer(code):
        names[found["extern"] is not None].append(found["name"])
    return names


def _found_in(entry: _Value) -> Iterator[str]:
    """Yield the files in an entry of an overlay."""
    if not isinstance(entry, dict) or not entry.keys() <= _OF_ENTRIES:
        raise StaysError("the overlay has an entry that is not understood")
    contents, external = entry.get("contents"), entry.get("external-contents")
    if entry.get("type") == "file" and isinstance(external, str) and contents is None:
        yield external
    elif entry.get("type") == "directory" and isinstance(contents, list) and external is None:
        for one in contents:
            yield from _found_in(one)
    else:
        raise StaysError(f"the overlay has a {shown(str(entry.get('type')))} that is not understood")


class _Reader:
    """Reads one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def document(self) -> dict[str, _Value]:
        """Return what the whole text says."""
        value = self._value()
        if not isinstance(value, dict) or self._next().lastgroup != "end":
            raise self._fault()
        return value

    def _next(self) -> re.Match[str]:
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._fault()
        self._at = found.end()
        return found

    def _fault(self) -> StaysError:
        line = self._text.count("\n", 0, self._at) + 1
        return StaysError(f"line {line} of the overlay is not understood")

    def _value(self) -> _Value:
        found = self._next()
        if found["mark"] == "{":
            return dict(self._items("}", self._pair))
        if found["mark"] == "[":
            return list(self._items("]", self._value))
        return self._scalar(found)

    def _scalar(self, found: re.Match[str]) -> str:
        if found.lastgroup in {"mark", "end", None}:
            raise self._fault()
        return found[str(found.lastgroup)]

    def _pair(self) -> tuple[str, _Value]:
        key = self._scalar(self._next())
        if self._next()["mark"] != ":":
            raise self._fault()
        return key, self._value()

    def _items(self, end: str, read: Callable[[], T]) -> Iterator[T]:
        """Yield what `read` returns, item by item, up to `end`; a comma may be last."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._fault()
        while not self._ends(end):
            yield read()
            if self._ends(end):
                break
            if self._next()["mark"] != ",":
                raise self._fault()
        self._depth -= 1

    def _ends(self, end: str) -> bool:
        before = self._at
        if self._next()["mark"] == end:
            return True
        self._at = before
        return False
