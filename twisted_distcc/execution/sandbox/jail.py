"""Confine a compiler by our own program, `jail.c`, which is built when the package is installed.

It costs a third of what bubblewrap does with a shell in it: it mounts without reading the list of all
mounts each time, limits the number of files by the file system instead of by watching, and needs no
program inside the sandbox.  It says how the compiler ended by its exact wait status.

Where it was not built, or does not work, as before Linux 5.12, there is bubblewrap.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.execution.sandbox.enclosure import MORE, REPORT, Enclosure
from twisted_distcc.execution.sandbox.filters import filter_halves
from twisted_distcc.execution.sandbox.jail_options import all_options
from twisted_distcc.execution.sandbox.waiting_jail import request, waiting_jail
from twisted_distcc.launcher.command import Ended, Standby, Watch
from twisted_distcc.launcher.starting import INHERITED_UMASK, NOTHING, reap, start

PROGRAM: Final = os.path.join(os.path.dirname(__file__), "jail")
"""Where the program is, if it was built."""

_STATUS: Final = re.compile(rb"\Astatus (\d{1,5})\n\Z")
_FAILED: Final = re.compile(rb"\Afailed (\d{1,4}) (.*)\n\Z", re.DOTALL)

_NO_PROGRAM: Final = "/job/none"
_TRIAL: Final = 65536


@dataclass(frozen=True, slots=True)
class Jail:
    """The confiner that runs the program at the path `program`.

    `beside` are the user and the network namespace that jobs with a filter share, if there are such; see
    `shared_network`.
    """

    program: str = PROGRAM
    beside: tuple[int, ...] = ()
    name: str = "jail"
    within: tuple[str, ...] = ()
    tells_times: bool = False
    rereads: bool = True
    forbids_programs: bool = True

    def keeps_changes(self, folder: str) -> bool:
        """Whether this kernel can lay changes over a root, for somebody without privileges."""
        return _keeps_changes(self.program, folder, os.geteuid())

    def argv(self, enclosure: Enclosure, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` in `enclosure`."""
        join = ("--join", str(MORE), str(MORE + 1)) if self.beside and enclosure.is_filtered else ()
        return [self.program, "--report", str(REPORT), *join, *all_options(enclosure), "--", *command]

    def standby(self, enclosure: Enclosure, command: Sequence[str]) -> tuple[Standby, list[str]] | None:
        """Return a jail that waits for such jobs, where jobs share a network, and what to ask of it."""
        filters = filter_halves() if self.beside and enclosure.is_filtered else None
        standby = None if filters is None else waiting_jail(self.program, enclosure, filters)
        return None if standby is None else (standby, request(self.program, enclosure, command))

    def watch(self, report: OutputCapture, enclosure: Enclosure) -> Watch | None:
        """Return nothing to check: the kernel keeps to all limits."""
        return None

    def status(self, report: bytes) -> int | None:
        """Return the compiler's wait status, if there is one."""
        found = _STATUS.match(report)
        return None if found is None else int(found[1])

    def failure(self, report: bytes, stderr: bytes, ended: Ended) -> str:
        """Return the system call or the path that failed, and why."""
        found = _FAILED.match(report)
        if found is None:
            return f"it ended with {ended.status:#x}"
        return f"{os.fsdecode(found[2])}: {os.strerror(int(found[1]))}"

    def cost(self, ended: Ended, times: bytes) -> float:
        """Return its processor time, as it waits for everything that it runs."""
        return ended.user + ended.system


@lru_cache
def _keeps_changes(program: str, folder: str, _: int) -> bool:
    """Try it, with a program that does not exist: that is told only if the rest is in order."""
    root = f"{folder}/trial-{os.urandom(8).hex()}"
    os.makedirs(f"{root}/job")
    try:
        room = str(_TRIAL)
        options = ("--changeable", root, room, room, "--folder", "/job", "1", "1")
        said = _said([program, "--report", "1", *options, "--", _NO_PROGRAM])
    finally:
        os.rmdir(f"{root}/job")
        os.rmdir(root)
    found = _FAILED.match(said)
    return found is not None and found[2] == _NO_PROGRAM.encode()


def _said(argv: Sequence[str]) -> bytes:
    """Run a program, and return what it writes."""
    said, says = os.pipe()
    try:
        pid = start(argv, {}, None, INHERITED_UMASK, (NOTHING, says, NOTHING))
    except OSError:
        os.close(said)
        return b""
    finally:
        os.close(says)
    with open(said, "rb") as file:
        told = file.read()
    reap(pid)
    return told
