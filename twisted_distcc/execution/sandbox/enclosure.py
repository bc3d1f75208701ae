"""What a job in a sandbox can see and use: an `Enclosure`, and a `Confiner`, which makes it real.

What an enclosure does not show does not exist for the job.  Its root is a tree that came with the job,
or is empty; over it stand the toolchain, read-only, two devices, and the job's folder, a file system in
memory that ends with the job.  Its outputs leave by descriptors that were passed in, so nothing outside
ever follows a name that a compiler has made.

There is no `/proc`: compilers do without, and it would tell of the machine (its mounts, its memory, its
kernel's command line).  Only a compiler that cannot be narrowed down gets one, of the job's processes.

Two confiners exist: `jail`, our own program, and `bubblewrap`, for machines that lack it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.execution.resource_limits import Limits
from twisted_distcc.launcher.command import Ended, Standby, Watch
from twisted_distcc.toolchain.view import View

# Descriptors that a confiner gets, in addition to the standard streams.
REPORT: Final = 3
FILTER: Final = 4
SOURCE: Final = 5
OBJECT: Final = 6
RULES: Final = 7
TIMES: Final = 8
MORE: Final = 9

OUTPUT: Final = "output.o"
DEPENDENCIES: Final = "output.d"
ELSEWHERE: Final = "/build"
"""The job's folder, if the client's own path cannot be used."""

DEVICES: Final = ("/dev/null", "/dev/urandom")
_MOST: Final = 256  # folders, and compilers, that are remembered
_OWN: Final = ("/proc/", "/dev/")
TEMPORARY: Final = "/tmp"  # noqa: S108  (the job's own, in its own root)


@dataclass(frozen=True, slots=True)
class Enclosure:
    """What one job can see and use.

    Attributes:
        view: what is shown of this machine, at its own paths.
        limits: how much can be used.
        folder: the job's folder, the only place where it can write.
        directory: its working directory.
        space: the bytes that fit into its folder.
        outputs: descriptors by the names of files in its folder, which are written there after success.
        source: the name of the file in its folder that gets the data from `SOURCE`, if there is one.
        root: the folder of a tree that is its root.  It has mount points for everything that is mounted
            over it, without links on the way.  `None` is an empty root.
        covers: folders of a tree that can be mounted whole in place of all that is in them of the view.
        is_changeable: whether it may change its root, for itself; what it has changed is written to
            `OBJECT` after success, in place of outputs.
        is_filtered: whether a seccomp filter is passed on the descriptor `FILTER`.
        has_proc: whether there is a `/proc`.
    """

    view: View
    limits: Limits
    folder: str
    directory: str
    space: int
    outputs: Mapping[str, int]
    source: str | None = None
    root: str | None = None
    covers: tuple[str, ...] = ()
    is_changeable: bool = False
    is_filtered: bool = True
    has_proc: bool = False

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """The links to create, and their targets: a tree has them already.

        `/tmp` leads to the job's folder, unless something is there.
        """
        if self.root is not None:
            return ()
        return (*self.view.links, (TEMPORARY, self.folder)) if self.is_temporary else self.view.links

    @property
    def mounts(self) -> tuple[str, ...]:
        """What of the view is mounted.

        Folders that came with a client are mounted whole in an empty root, and in part around its files.
        """
        if self.root is None or not self.view.within:
            return self.view.mounts
        return needed_covers(self.covers, self.view.mounts)

    @property
    def is_temporary(self) -> bool:
        """Whether its folder is `/tmp` as well, in an empty root."""
        return not self.folder.startswith(f"{TEMPORARY}/") and _is_free(self.view, TEMPORARY)


@lru_cache(_MOST)
def _is_free(view: View, path: str) -> bool:
    """Return what `View.is_free` does, which takes longer than much else of a job."""
    return view.is_free(path)


@lru_cache(_MOST)
def needed_covers(covers: tuple[str, ...], mounts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the covers in which there is any of the mounts, or that are in one."""
    within = tuple(f"{path}/" for path in mounts)
    return tuple(cover for cover in covers if _meets(f"{cover}/", within))


def _meets(cover: str, mounts: Sequence[str]) -> bool:
    return any(mount.startswith(cover) or cover.startswith(mount) for mount in mounts)


def folder_in(view: View, wanted: str | None) -> str:
    """Return the job's folder: `wanted`, unless it would hide something or cannot be created."""
    if wanted is None or wanted in ("/", TEMPORARY) or not _is_free(view, wanted):
        return ELSEWHERE
    return ELSEWHERE if f"{wanted}/".startswith(_OWN) else wanted


class Confiner(Protocol):
    """A program that runs a command in an `Enclosure`, and writes to `REPORT` how it ended."""

    @property
    def name(self) -> str:
        """Its name, for people."""
        ...

    @property
    def within(self) -> tuple[str, ...]:
        """The programs that it needs inside, which must be in the view."""
        ...

    @property
    def beside(self) -> tuple[int, ...]:
        """More descriptors that it gets, as `MORE` and on."""
        ...

    @property
    def tells_times(self) -> bool:
        """Whether it writes the job's processor time to `TIMES`, as its own does not include that."""
        ...

    @property
    def rereads(self) -> bool:
        """Whether it reads the filter from its beginning, whoever has read the same file before."""
        ...

    @property
    def forbids_programs(self) -> bool:
        """Whether nothing in the root of a tree, or in a job's folder, can be executed or loaded."""
        ...

    def keeps_changes(self, folder: str) -> bool:
        """Whether it can make an enclosure that is changeable; it may try that out, in a `folder`."""
        ...

    def argv(self, enclosure: Enclosure, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` in `enclosure`."""
        ...

    def standby(self, enclosure: Enclosure, command: Sequence[str]) -> tuple[Standby, list[str]] | None:
        """Return what can be kept running to run commands in enclosures like this, and what to ask it.

        `None` if there is no such program.
        """
        ...

    def watch(self, report: OutputCapture, enclosure: Enclosure) -> Watch | None:
        """Return what has to be checked while it runs, if there is anything."""
        ...

    def status(self, report: bytes) -> int | None:
        """Return the compiler's wait status, or `None` if `report` does not have it: it did not run."""
        ...

    def failure(self, report: bytes, stderr: bytes, ended: Ended) -> str:
        """Return why it did not run."""
        ...

    def cost(self, ended: Ended, times: bytes) -> float:
        """Return the processor time in seconds of everything that it ran."""
        ...
