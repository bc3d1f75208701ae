"""A cache of scanned files, each read once while its stamp is unchanged.

For each path it has what the file asks for, and the macros that it defines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_distcc.pump.computed import Computed
from twisted_distcc.pump.definitions import Definitions, definitions_in
from twisted_distcc.pump.folders import settled
from twisted_distcc.pump.probing import calls_oddly
from twisted_distcc.pump.text import read_text
from twisted_distcc.pump.unit import NotForServersError
from twisted_distcc.pump.variants import variants

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted_distcc.pump.search import SearchPath
    from twisted_distcc.pump.text import Text
    from twisted_distcc.pump.unit import FileSystem, Stamp


_MOST_PREDEFINED = 100


class Scanned:
    """One file's text as of this stamp."""

    __slots__ = ("digest", "settled", "stamp", "text", "used")

    def __init__(self, stamp: Stamp, digest: int, text: Text) -> None:
        self.stamp = stamp
        self.digest = digest
        self.text = text
        self.settled = False
        self.used = 0


class Scans:
    """Scanned files, by path."""

    def __init__(self, files: FileSystem) -> None:
        self._files = files
        self.known: dict[str, Scanned] = {}
        self.definitions = Definitions()
        self.computed = Computed()
        self._defined: dict[str, Text] = {}
        self._predefined: dict[SearchPath, bytes] = {}
        self._odd: dict[tuple[str, frozenset[bytes]], tuple[Text, bool]] = {}

    def scan(self, path: str, stamp: Stamp, now_ns: int) -> Scanned:
        """Read the file that has this stamp, even if it is cached."""
        contents = self._files.read(path)
        if contents is None:
            raise NotForServersError(f"{path} cannot be read")
        digest = hash(contents)
        scanned = self.known.get(path)
        if scanned is None or scanned.digest != digest or scanned.stamp.size != stamp.size:
            scanned = self.known[path] = Scanned(stamp, digest, read_text(contents))
        scanned.stamp = stamp
        scanned.settled = settled(stamp, now_ns)
        return scanned

    def define(self, paths: Iterable[str]) -> None:
        """Make sure that the definitions in these files are known; they must have just been scanned."""
        for path in paths:
            text = self.known[path].text
            if self._defined.get(path) is not text:
                self.definitions.put(path, definitions_in(self._files.read(path) or b""))
                self._defined[path] = text

    def calling_oddly(self, paths: Iterable[str], names: frozenset[bytes]) -> str | None:
        """Return a file that calls one of these macros in a way that is not understood."""
        return next((path for path in paths if path in self.known and self._is_odd(path, names)), None)

    def _is_odd(self, path: str, names: frozenset[bytes]) -> bool:
        text = self.known[path].text
        told = self._odd.get((path, names))
        if told is None or told[0] is not text:
            contents = self._files.read(path) or b""
            told = self._odd[path, names] = text, any(calls_oddly(v, names) for v in variants(contents))
        return told[1]

    def predefined(self, search: SearchPath) -> bytes:
        """Return the compiler's predefined macros."""
        if search not in self._predefined:
            if len(self._predefined) >= _MOST_PREDEFINED:
                self._predefined.clear()
            self._predefined[search] = definitions_in(search.macros)
        return self._predefined[search]

    def asking_for(self, components: frozenset[str]) -> list[str]:
        """Return the files that ask for a name with one of these components."""
        return [
            path
            for path, scanned in self.known.items()
            if not scanned.text.components.isdisjoint(components)
        ]

    def trim(self, most: int) -> bool:
        """Forget the least recently used files, if there are more than `most`."""
        if len(self.known) <= most:
            return False
        self._odd.clear()
        oldest = sorted(self.known, key=lambda path: self.known[path].used)
        for path in oldest[: len(oldest) - most // 2]:
            del self.known[path]
            self._defined.pop(path, None)
            self.definitions.drop(path)
        self.computed = Computed()
        return True
