"""Which files a compile may read, found without preprocessing its source.

In: a compilation, the folder it runs in, and what its compiler said of its search folders.  Out: a
`Unit`; or why it cannot be told, or must not matter.  This module refuses to evaluate conditions: all
branches are followed, so a unit's files are those of every way that its text can be read.

Nothing that is remembered is believed before its stamp was looked at again in the very unit: a file by
its own, a header's absence by that of the folder it is absent from.
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
"""Sets of search folders under which a file is remembered, on average."""
_MOST_VIEWS = 500

_ATTEMPTS = 4
"""How often a unit is looked at anew because files come and go meanwhile."""


class Scanner:
    """The memory of builds: files, folders, and who includes whom; of at most `most_files` files."""

    def __init__(self, files: FileSystem, most_files: int = 50_000) -> None:
        self._files = files
        self._most_files = most_files
        self._folders = Folders(files, self._forget)
        self._scans = Scans(files)
        self._views: dict[Chains, View] = {}
        self._units = 0

    def unit(
        self,
        c: Compilation,
        directory: str,
        search: SearchPath,
        *,
        fixed_date: bool = False,
        listed: Iterable[str] = (),
    ) -> Unit:
        """Find the files that `c` may read when it runs in `directory`.

        `fixed_date` says that the environment fixes the date by `SOURCE_DATE_EPOCH`.  Files that the
        compiler has `listed` may have been missed: they are looked at as well.

        Raises:
            UndecidedError: if not all of them can be told; what is known is in `partial`.
            NotForServersError: if the object would not be the same elsewhere.
        """
        for _ in range(_ATTEMPTS):
            self._begin()
            looked = Looked()
            view = self._view(c, directory, search, looked)
            walk = Walk(self._files, self._folders, self._scans, view, looked)
            try:
                return walk.unit(c, directory, search, listed, fixed_date=fixed_date)
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
        # A folder that is left out because it is the same as another must be so elsewhere, too.
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
        """Forget what is known of these names, or all but the texts of files."""
        paths = self._scans.asking_for(names) if names is not None else None
        for view in self._views.values():
            view.forget(paths)

    def _trim(self) -> None:
        """Forget what was not used for longest, where there is too much."""
        self._folders.trim(self._most_files)
        if self._scans.trim(self._most_files):
            for view in self._views.values():
                view.keep(self._scans.known)
        remembered = sum(len(view.edges) for view in self._views.values())
        if remembered > _EDGES_A_FILE * self._most_files or len(self._views) > _MOST_VIEWS:
            oldest = sorted(self._views.items(), key=lambda item: item[1].used)
            for found, _ in oldest[: (len(oldest) + 1) // 2]:
                del self._views[found]
