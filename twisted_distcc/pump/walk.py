"""Walk through one unit, from its source through everything that it asks for.

A `Walk` takes a compilation and the caches, and returns its `Unit`; it keeps nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_distcc.cmdline.travelling import OVERLAY
from twisted_distcc.pump.asked import LEAVES, Asked, Kind
from twisted_distcc.pump.callers import check_callers_own
from twisted_distcc.pump.laying import Links
from twisted_distcc.pump.pasting import makes_clock, makes_probe
from twisted_distcc.pump.probing import ODD
from twisted_distcc.pump.search import included_files
from twisted_distcc.pump.text import read_text
from twisted_distcc.pump.unit import NotForServersError, UndecidedError, Unit
from twisted_distcc.pump.unit_definitions import UnitDefinitions, defined_by, is_c90, redefined_by

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from twisted_distcc.cmdline.compilation import Compilation
    from twisted_distcc.pump.folders import Folders, Looked
    from twisted_distcc.pump.inclusions import Edges, View
    from twisted_distcc.pump.macros import Lookup
    from twisted_distcc.pump.pasting import Part
    from twisted_distcc.pump.scans import Scanned, Scans
    from twisted_distcc.pump.search import SearchPath
    from twisted_distcc.pump.text import Text
    from twisted_distcc.pump.unit import FileSystem, Stamp

_MOST_FILES = 20_000
"""The most files of one unit; one that seems to have more is not understood."""
_STAMPED = frozenset({b"__TIMESTAMP__"})
_CLOCKS = frozenset({b"__DATE__", b"__TIME__"}) | _STAMPED

_TRADITIONAL = ("-traditional", "-traditional-cpp")

_SECOND_NS = 1_000_000_000


class ChangedError(Exception):
    """A file is not what is cached for its folder."""


class Walk:
    """The walk through one unit."""

    def __init__(
        self, files: FileSystem, folders: Folders, scans: Scans, view: View, looked: Looked
    ) -> None:
        self._files = files
        self._folders = folders
        self._scans = scans
        self._view = view
        self._looked = looked
        self._found: dict[str, Stamp] = {}
        self._seen: set[str] = set()
        self._leaves: set[str] = set()
        self._checked: set[frozenset[str]] = set()
        self._once: set[str] = set()
        self._precompiled: frozenset[str] = frozenset()
        self._imports = False
        self._reasons: list[str] = []
        self._undecided: list[str] = []
        self._computing: list[tuple[str, Kind, bytes]] = []
        self._cannot_compute = ""
        self._clock: list[tuple[str, frozenset[bytes]]] = []
        self._parts: frozenset[Part] = frozenset()
        self._probes: frozenset[bytes] = frozenset()

    def unit(self, c: Compilation, directory: str, search: SearchPath, listed: Iterable[str]) -> Unit:
        """Walk from the source of `c`, and from the files that the compiler has `listed`."""
        also = map(self._clean, listed)
        roots = {self._source(c, directory), *self._roots(c, directory), *also}
        self._need(search)
        self._seen.update(roots)
        self._leaves.update(self._clean(_absolute(path, directory)) for path in c.listed_inputs)
        self._note_command(c)
        self._follow(list(roots))
        self._compute(c, search)
        self._stamp_leaves()
        self._check_probes()
        scanned = self._found.keys() & self._scans.known.keys()
        if not search.clang:  # which knows files by their inodes
            self._check_twins(scanned if self._imports else self._once)
        elif c.language.is_assembler and c.debug:
            self._check_lines(scanned)
        says = self._says_time(c, _CLOCKS), self._says_time(c, _STAMPED)
        precompiled = frozenset() if search.clang else self._precompiled
        unit = Unit(self._found, self._all_folders(), *says, precompiled)
        if self._reasons:
            raise NotForServersError(self._reasons[0])
        if self._undecided:
            raise UndecidedError(self._undecided[0], unit)
        return unit

    # Where it begins

    def _clean(self, path: str) -> str:
        return self._folders.clean(path, self._looked)

    def _source(self, c: Compilation, directory: str) -> str:
        source = self._clean(_absolute(c.source, directory))
        if self._files.stamp(source) is None:
            raise UndecidedError(f"there is no file {c.source}")
        return source

    def _roots(self, c: Compilation, directory: str) -> Iterator[str]:
        """Yield the files that are read before the source; names are looked up in `directory` first."""
        asked = [Asked(Kind.ANGLED, "stdc-predef.h")]  # gcc reads it unasked
        asked += [Asked(Kind.QUOTED, name) for name in included_files(c)]
        edges = self._view.find(self._clean(directory), asked)
        self._looked.folders |= edges.folders
        self._note(edges)
        yield from edges.children

    def _need(self, search: SearchPath) -> None:
        if any(self._folders.look(folder) is not None for folder in search.absent):
            self._undecided.append("a folder has appeared in which the compiler looks for headers")
        if search.frameworks:
            self._undecided.append("it looks for headers in frameworks")
        self._leaves.update(map(self._clean, search.needed))

    # The way

    def _follow(self, waiting: list[str]) -> None:
        """Scan these files and everything they lead to.  This is the hot loop."""
        found, seen, checked = self._found, self._seen, self._checked
        stamp_of, known, edges_of = self._files.stamp, self._scans.known, self._view.edges
        number = self._view.used
        while waiting:
            path = waiting.pop()
            stamp = stamp_of(path)
            if stamp is None:
                raise ChangedError
            scanned = known.get(path)
            if (
                scanned is None
                or not scanned.settled
                or (scanned.stamp is not stamp and scanned.stamp != stamp)
            ):
                scanned = self._scans.scan(path, stamp, self._folders.now_ns)
            scanned.used = number
            text = scanned.text
            edges = edges_of.get(path)
            if edges is None or edges.text is not text:
                edges = self._view.resolve(path, text)
            elif edges.folders not in checked:
                edges = self._checked_edges(path, edges, scanned)
            checked.add(edges.folders)
            found[path] = stamp
            if text.special:
                self._note_text(path, scanned)
            if edges.special:
                self._note(edges)
            new = edges.children - seen
            if new:
                seen |= new
                waiting.extend(new)
        if len(found) > _MOST_FILES:
            raise NotForServersError(f"it seems to read more than {_MOST_FILES} files")

    def _checked_edges(self, path: str, edges: Edges, scanned: Scanned) -> Edges:
        """Check the folders that these edges depend on; a change there may have invalidated them."""
        for folder in edges.folders:
            self._folders.look(folder)
        still = self._view.edges.get(path)
        return still if still is not None else self._view.resolve(path, scanned.text)

    def _note_command(self, c: Compilation) -> None:
        """Note what is special about overlays, and about the macros that the command defines."""
        if any(option.name == OVERLAY for option in c.options):
            self._undecided.append("an overlay says where files are")
        if any(option.name.endswith(_TRADITIONAL) for option in c.options):
            self._reasons.append("traditional preprocessing has rules of its own")
        defined = defined_by(c)
        if b"__" in defined:
            text = read_text(defined.replace(b"\n", b"\n#define "))
            self._note_special("the command", text)
            if text.asked or text.computed:
                self._reasons.append(f"the command: {ODD}")

    def _note_text(self, path: str, scanned: Scanned) -> None:
        text = scanned.text
        if text.once:
            self._once.add(path)
        self._imports |= text.imports
        self._note_special(path, text)
        self._computing += [(path, kind, words.rstrip()) for kind, words in text.computed]

    def _note_special(self, path: str, text: Text) -> None:
        self._probes |= text.probes
        self._parts |= text.parts
        if text.forbids:
            self._reasons.append(f"{path}: {text.forbids}")
        if text.clock:
            self._clock.append((path, text.clock))

    def _note(self, edges: Edges) -> None:
        self._leaves |= edges.leaves
        self._precompiled |= edges.precompiled
        for path in edges.odd:
            if self._files.stamp(path) is not None:
                raise ChangedError
        check_callers_own(edges.odd, self._files)

    # Names that macros make

    def _compute(self, c: Compilation, search: SearchPath) -> None:
        """Follow computed names until they lead to no new ones."""
        if not self._computing:
            return
        constant = (defined_by(c), self._scans.predefined(search))
        if is_c90(constant[1]):
            self._cannot_compute = "an #include is computed, and // may not begin a comment"
        new: set[str] = set(self._found)
        while new:
            before = set(self._found)
            self._scans.define(new)
            self._compute_all(UnitDefinitions(self._scans, before, constant))
            new = self._found.keys() - before

    def _compute_all(self, lookup: Lookup) -> None:
        known: dict[tuple[Kind, bytes], frozenset[Asked]] = {}
        for path, kind, words in list(self._computing):
            headers = known.get((kind, words))
            if headers is None:
                try:
                    headers = self._headers(kind, words, lookup)
                except UndecidedError as error:
                    # No list of what a compiler reads has what it only asks for.
                    told = self._reasons if kind in LEAVES else self._undecided
                    told.append(f"{path}: {error}")
                    headers = frozenset()
                known[kind, words] = headers
            self._follow_computed(path, headers)

    def _headers(self, kind: Kind, words: bytes, lookup: Lookup) -> frozenset[Asked]:
        if self._cannot_compute:
            raise UndecidedError(self._cannot_compute)
        return self._scans.computed.headers(kind, words, lookup)

    def _follow_computed(self, path: str, asked: frozenset[Asked]) -> None:
        edges = self._view.find_computed(path.rpartition("/")[0] or "/", asked)
        self._checked.add(edges.folders)
        self._note(edges)
        new = edges.children - self._seen
        self._seen |= new
        self._follow(list(new))

    # The end

    def _stamp_leaves(self) -> None:
        for path in self._leaves.difference(self._found):
            stamp = self._files.stamp(path)
            if stamp is None:
                raise ChangedError
            self._found[path] = stamp

    def _all_folders(self) -> frozenset[str]:
        folders = self._looked.folders.union(self._view.folders, *self._checked)
        return frozenset(path for path in folders if self._folders.look(path) is not None)

    def _says_time(self, c: Compilation, macros: frozenset[bytes]) -> str:
        """Return why the unit may use one of `macros`; those that the command redefines do not count."""
        says = macros - redefined_by(c)
        for path, words in self._clock:
            for word in sorted(words & says):
                return f"{path} uses {word.decode('ascii')}, which depends on where it is read"
        if says and makes_clock(self._parts):
            return "it may paste together a macro that gives the time"
        return ""

    def _check_twins(self, paths: Iterable[str]) -> None:
        """Check for files that gcc would treat as one: read once, and alike to it."""
        seen: dict[tuple[int, int, int], str] = {}
        for path in paths:
            stamp, digest = self._found[path], self._scans.known[path].digest
            other = seen.setdefault((stamp.size, stamp.mtime_ns // _SECOND_NS, digest), path)
            if path != other and Links(self._files).real(path) != Links(self._files).real(other):
                self._reasons.append(f"{path} and {other} are the same and are read once")

    def _check_lines(self, paths: Iterable[str]) -> None:
        """Check for `.include`, behind which clang's line numbers depend on where it is in memory."""
        for path in paths:
            if any(one.kind is Kind.ASSEMBLER for one in self._scans.known[path].text.asked):
                self._reasons.append(f"{path}: the line numbers that clang notes behind .include vary")

    def _check_probes(self) -> None:
        if makes_probe(self._parts):
            self._reasons.append(f"it may put together the name of a macro: {ODD}")
        if self._probes and (path := self._scans.calling_oddly(self._found, self._probes)):
            self._reasons.append(f"{path}: {ODD}")


def _absolute(path: str, directory: str) -> str:
    return path if path.startswith("/") else f"{directory}/{path}"
