"""Find the files that a compile may read, without preprocessing its source.

`Scanner.unit` takes a compilation, the folder it runs in, and the compiler's search path, and returns a
`Unit`, or raises with the reason why not.  Conditions are not evaluated: all branches are followed, so a
unit has every file that may be read in any of them.

Nothing cached is used in a unit before its stamp was checked again: a file's by its own, and the absence
of a header by the stamp of the folder that lacks it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted_distcc.pump.chains import chains, possible_folders
from twisted_distcc.pump.folders import Folders, Looked
from twisted_distcc.pump.inclusions import View
from twisted_distcc.pump.scans import Scans
from twisted_distcc.pump.unit import NotForServersError
from twisted_distcc.pump.walk import ChangedError, Walk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from twisted_distcc.cmdline.compilation import Compilation
    from twisted_distcc.pump.chains import Chains
    from twisted_distcc.pump.search import SearchPath
    from twisted_distcc.pump.unit import FileSystem, Stamp, Unit

_EDGES_A_FILE = 4
"""Sets of search folders for which a file is cached, on average."""
_MOST_VIEWS = 500

_ATTEMPTS = 4
"""How often a unit is scanned again because files come and go meanwhile."""


class Scanner:
    """Scans units, caching files, folders and the include graph of up to `most_files` files."""

    def __init__(self, files: FileSystem, most_files: int = 50_000) -> None:
        self._files = files
        self._most_files = most_files
        self._folders = Folders(files, self._forget)
        self._scans = Scans(files)
        self._views: dict[Chains, View] = {}
        self._units = 0

    def unit(
        self, c: Compilation, directory: str, search: SearchPath, listed: Iterable[str] = ()
    ) -> Unit:
        """Find the files that `c` may read when it runs in `directory`.

        Files that the compiler has `listed` may have been missed, so they are scanned as well.

        Raises:
            UndecidedError: if not all of them can be determined; `partial` has what is known.
            NotForServersError: if the object would not be the same elsewhere.
        """
        for _ in range(_ATTEMPTS):
            self._begin()
            looked = Looked()
            view = self._view(c, directory, search, looked)
            walk = Walk(self._files, self._folders, self._scans, view, looked)
            try:
                return walk.unit(c, directory, search, listed)
            except ChangedError:
                self._forget(None)
        raise NotForServersError("files that it includes come and go")

    def _begin(self) -> None:
        self._units += 1
        self._trim()
        self._folders.begin()

    def _view(self, c: Compilation, directory: str, search: SearchPath, looked: Looked) -> View:
        def clean(folder: str) -> str:
            return self._folders.clean(folder, looked)

        folders = possible_folders(c, directory, search).each(clean)
        # A folder that is dropped because it is the same as another must be so elsewhere, too.
        looked.folders.update(folders.quote, folders.bracket, folders.system)
        found = chains(folders, clean(directory), self._folder_stamp)
        view = self._views.get(found)
        if view is None:
            view = self._views[found] = View(found, self._folders)
        view.used = self._units
        return view

    def _folder_stamp(self, path: str) -> Stamp | None:
        stamp = self._folders.stamp(path)
        if stamp is None and self._files.stamp(path) is not None:  # gcc warns of it, clang may read it
            raise NotForServersError(f"{path} is no folder, and headers are to be looked for there")
        return stamp

    def _forget(self, names: frozenset[str] | None) -> None:
        """Forget what is cached for these names, or everything but the texts of files."""
        paths = self._scans.asking_for(names) if names is not None else None
        for view in self._views.values():
            view.forget(paths)

    def _trim(self) -> None:
        """Drop the least recently used entries where there are too many."""
        self._folders.trim(self._most_files)
        if self._scans.trim(self._most_files):
            for view in self._views.values():
                view.keep(self._scans.known)
        remembered = sum(len(view.edges) for view in self._views.values())
        if remembered > _EDGES_A_FILE * self._most_files or len(self._views) > _MOST_VIEWS:
            oldest = sorted(self._views.items(), key=lambda item: item[1].used)
            for found, _ in oldest[: (len(oldest) + 1) // 2]:
                del self._views[found]
