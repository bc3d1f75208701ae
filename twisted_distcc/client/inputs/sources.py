"""Find the files of compiles, and build trees of them, with caches that last from build to build.

`Sources.find` takes a `Candidate`, and returns `Found`, the files that it may read; `Sources.tree` then
packs these into a `Tree`.  Nothing cached is used without checking the files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from twisted_distcc.client.inputs.candidate import Candidate
from twisted_distcc.client.inputs.date_macros import DateMacros
from twisted_distcc.client.inputs.dates_for_servers import DatesForServers
from twisted_distcc.client.inputs.depfile_listing import Listings
from twisted_distcc.client.inputs.file_cache import CachedFile, FileCache, FileChangedError
from twisted_distcc.client.inputs.found_by_files import overlaid, with_unscanned
from twisted_distcc.client.inputs.locales import has_locale
from twisted_distcc.client.inputs.named_inputs import check_named, preprocessed_unit, with_needed
from twisted_distcc.client.inputs.own_processor import RULES, OwnProcessors
from twisted_distcc.client.inputs.precompiled_headers import PrecompiledHeaders
from twisted_distcc.client.inputs.search_paths import SearchPaths
from twisted_distcc.client.inputs.temporary_folders import told_of_folder
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.cmdline.compilation import Compilation, StayLocal
from twisted_distcc.cmdline.compilers import Family
from twisted_distcc.cmdline.environment import DATE, environment_for_servers
from twisted_distcc.content.local_content import LocalContent
from twisted_distcc.jobs.file_times import TIMES, write_times
from twisted_distcc.jobs.model import FOLDER_MARK, InputFile, InputLink, Tree
from twisted_distcc.pump.callers import check_laid
from twisted_distcc.pump.folder_links import Layer
from twisted_distcc.pump.laying import has_plain_names
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.scanner import Scanner
from twisted_distcc.pump.snapshots import Snapshots
from twisted_distcc.pump.unit import (
    CallersOwnError,
    Laid,
    NotForServersError,
    Stamp,
    UndecidedError,
    Unit,
)
from twisted_distcc.runtime.processes import Spawner
from twisted_distcc.runtime.threads import Threads

# A source that includes more than this with `#embed` or `.incbin` is sent as text, or not at all.
_MOST_BYTES: Final = 256 * 1024 * 1024

_NOTHING: Final = LocalContent(b"")

Turn = Callable[[], AbstractAsyncContextManager[None]]
"""Waits until one more preprocessor may run here."""


@dataclass(frozen=True, slots=True)
class Found:
    """The files of one compile, found but not read yet.

    Attributes:
        directory: the working directory, by the compiler's name for it.
        unit: the files, as the compiler opens them.
        laid: the same, as they are sent.
        environment: the variables to compile them with.
        compilation: what servers are asked to do with them.
        rules: the contents of a file that is none of this machine's; see `own_processor`.
    """

    directory: str
    unit: Unit
    laid: Laid
    environment: dict[str, str]
    compilation: Compilation
    rules: bytes | None = None

    @property
    def demanding(self) -> str | None:
        """What only a server takes that has the jail; as typed, or a precompiled header."""
        return self.compilation.demanding or next(iter(sorted(self.unit.precompiled)), None)

    @property
    def compares_times(self) -> bool:
        """Whether the compiler compares the times of its files."""
        is_clang = self.compilation.family is Family.CLANG
        return self.compilation.precompiles or (is_clang and bool(self.unit.precompiled))


class Sources:
    """Finds and packs the files of compiles; one process has one of these.

    Args:
        spawn: starts compilers, to query them.
        threads: runs the compression of many or large files in a thread.

    Attributes:
        files: the files.
    """

    def __init__(self, spawn: Spawner, threads: Threads) -> None:
        self.files = Snapshots()
        self._scanner = Scanner(self.files)
        self._searches = SearchPaths(self.files, spawn)
        self._listings = Listings(self.files, spawn)
        self._clocks = DateMacros(self.files, spawn)
        self._dates = DatesForServers(self.files, spawn)
        self._processors = OwnProcessors(self.files, spawn)
        self._precompiled = PrecompiledHeaders(self.files, spawn, self._scanner, self._searches)
        self._layer = Layer(self.files)
        self._cache = FileCache(Disk(), threads)

    async def find(self, candidate: Candidate, turn: Turn) -> Found:
        """Find the files that `candidate` may read, waiting for `turn` if a preprocessor is needed.

        Raises:
            NotForServersError: if it has to be preprocessed on this machine.
            CallersOwnError: if only its caller can read it.
            CannotStartError: if its compiler cannot be started.
        """
        candidate.check_inputs(self.files)
        directory = directory_as_called(candidate.invocation)
        told = environment_for_servers(candidate.invocation.environ, has_locale)
        if isinstance(told, StayLocal):
            raise NotForServersError(told.reason)
        check_named(candidate, self.files)
        if candidate.explicit is not candidate.compilation and _warns_of_folders(candidate):
            raise NotForServersError("servers would warn of folders that the environment names")
        unit = await self._unit(candidate, directory, turn)
        unit = await self._precompiled.added(candidate, directory, unit, turn)
        unit = with_unscanned(unit, candidate.compilation, directory, self.files)
        if temporary := told_of_folder(candidate):
            told, unit = told | temporary, replace(unit, folders=unit.folders.union(temporary.values()))
        if sum(stamp.size for stamp in unit.files.values()) > _MOST_BYTES:
            raise NotForServersError("it may read too much to be sent")
        laid = self._layer.lay(unit)
        check_laid(laid)
        if candidate.dependencies is not None and not has_plain_names(unit, laid):
            raise NotForServersError("compilers disagree on how its dependency file is written")
        if candidate.compilation.family is Family.CLANG and _has_twins(unit, laid):
            raise NotForServersError("clang would take two of its files for one, by their inode")
        if unit.clock:
            told |= await self._date(candidate, directory, unit, turn, is_fixed=DATE in told)
        processor = await self._processors.told(candidate)
        if processor is None:
            return Found(directory, unit, laid, told, candidate.explicit)
        return Found(directory, unit, laid, told, processor.applied(candidate.explicit), processor.rules)

    async def check_callers_own(self, candidate: Candidate) -> None:
        """Check everything that `candidate` may read, as far as a scan can tell, before preprocessing.

        Raises:
            CallersOwnError: if only its caller can read it.
            CannotStartError: if its compiler cannot be started.
        """
        if candidate.compilation.language.is_preprocessed:
            return
        try:
            search = await self._searches.of(candidate)
            unit = self._scanner.unit(candidate.explicit, candidate.invocation.directory, search)
        except UndecidedError as undecided:
            unit = undecided.partial
        except CallersOwnError:
            raise
        except NotForServersError:
            return
        check_laid(self._layer.lay(unit))

    async def tree(self, found: Found, *, packed: bool) -> Tree:
        """Return the tree of `found`, with its contents `packed` for version 3 of the protocol.

        Raises:
            FileChangedError: if a file has changed, or is gone.
        """
        stamps = self._stamps(found)
        files = await self._cache.of(stamps, packed=packed)
        tree = assemble(found.directory, found.laid, files)
        more = []
        if found.rules is not None:
            more.append(InputFile(os.fsencode(RULES), LocalContent(found.rules)))
        if found.compares_times:
            more.append(InputFile(TIMES, LocalContent(_times(stamps))))
        return replace(tree, entries=(*tree.entries, *more)) if more else tree

    async def _unit(self, candidate: Candidate, directory: str, turn: Turn) -> Unit:
        if candidate.compilation.language.is_preprocessed:
            unit = preprocessed_unit(candidate.compilation, directory, self.files)
            if candidate.compilation.family is not Family.CLANG:
                return unit
            return with_needed(unit, await self._searches.of(candidate), self.files)
        search = await self._searches.of(candidate)
        roots = overlaid(candidate, directory, self.files)
        scan = partial(self._scanner.unit, candidate.explicit, directory, search)
        try:
            return scan(listed=roots)
        except UndecidedError as undecided:
            scanned = undecided.partial
        listed = self._listings.known(candidate, directory, scanned)
        if listed is None:
            async with turn():
                listed = await self._listings.ask(candidate, directory, scanned)
        try:  # what these files ask for besides is in no list
            return scan(listed=[*listed.files, *roots])
        except UndecidedError as undecided:
            return listed.with_(undecided.partial)

    async def _date(
        self, candidate: Candidate, directory: str, unit: Unit, turn: Turn, *, is_fixed: bool
    ) -> dict[str, str]:
        """Return what servers have to be told of the date, beyond what they are told anyway.

        Raises:
            NotForServersError: if `unit` uses the date, or the time of a file, and they cannot be told.
        """
        is_tellable = not unit.stamped and await self._dates.is_tellable(candidate)
        if is_fixed and is_tellable:
            return {}
        if not await self._uses_clock(candidate, directory, unit, turn):
            return {}
        if not is_tellable:
            raise NotForServersError(unit.stamped or unit.clock)
        return {DATE: await self._dates.now(candidate)}

    async def _uses_clock(self, candidate: Candidate, directory: str, unit: Unit, turn: Turn) -> bool:
        known = self._clocks.known(candidate, directory, unit)
        if known is not None:
            return known
        async with turn():
            return await self._clocks.ask(candidate, directory, unit)

    def _stamps(self, found: Found) -> dict[str, Stamp]:
        """Return the files as they are sent, with their stamps at the time they were found."""
        called = found.unit.files
        with suppress(KeyError):  # nearly always all are called by their real paths
            return {path: called[path] for path in found.laid.files}
        scanned = {(stamp.device, stamp.inode): stamp for stamp in called.values()}
        stamps = {}
        for path in found.laid.files:
            stamp = called.get(path)
            if stamp is None:  # it was called by a name that leads over links
                now = self.files.stamp(path)
                stamp = scanned.get((now.device, now.inode)) if now is not None else None
            if stamp is None:
                raise FileChangedError(f"{path} is gone, or another file")
            stamps[path] = stamp
        return stamps


def directory_as_called(invocation: Invocation) -> str:
    """Return the working directory by the compilers' name for it: `$PWD`, if that leads there.

    Raises:
        NotForServersError: if servers could not have a folder of that name.
    """
    called = invocation.environ.get("PWD", "")
    if called.startswith("/proc/"):  # it says the same of every process, and leads each to its own
        raise NotForServersError(f"PWD is {called}, which no other process can have")
    if not called.startswith("/") or not _is_same(called, invocation.directory):
        return invocation.directory
    if os.path.normpath(called) != called:
        raise NotForServersError(f"PWD is {called}, which is not a plain path")
    return called


def assemble(directory: str, laid: Laid, files: Sequence[CachedFile]) -> Tree:
    """Make a tree of `files`, and of the links and folders of `laid`."""
    entries: list[InputFile | InputLink] = [one.file for one in files]
    for folder in laid.folders:
        entries.append(InputFile(os.path.join(os.fsencode(folder), FOLDER_MARK), _NOTHING))
    for name, target in laid.links:
        entries.append(InputLink(os.fsencode(name), os.fsencode(target)))
    return Tree(os.fsencode(directory), tuple(entries))


def _times(stamps: Mapping[str, Stamp]) -> bytes:
    seconds = {os.fsencode(path): stamp.mtime_ns // 1_000_000_000 for path, stamp in stamps.items()}
    written = write_times(seconds)
    if written is None:
        raise NotForServersError("the times of its files cannot be told")
    return written


def _warns_of_folders(candidate: Candidate) -> bool:
    return any("missing-include-dirs" in word for word in candidate.compilation.arguments)


def _has_twins(unit: Unit, laid: Laid) -> bool:
    """Whether any file has two names that are not symbolic links."""
    return len({(stamp.device, stamp.inode) for stamp in unit.files.values()}) < len(laid.files)


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False
