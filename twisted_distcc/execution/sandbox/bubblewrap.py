"""Confine a compiler by bubblewrap, where our own `jail` was not built or does not work.

A shell sets the limits, runs the compiler and passes its outputs out by `cat`.  It is the first process
of its namespace: when it ends, the kernel ends all others before anybody hears of it, and bubblewrap
reaps it.  A process of bubblewrap's own in its place would be left, as a zombie, to whoever is the first
process outside, which in a container may be the server.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from shlex import quote
from typing import Final

from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.execution.resource_limits import SPACE, LimitMetError
from twisted_distcc.execution.sandbox.enclosure import (
    DEVICES,
    FILTER,
    OBJECT,
    REPORT,
    RULES,
    SOURCE,
    TIMES,
    Enclosure,
)
from twisted_distcc.launcher.command import Ended, Standby, Watch

_PROC: Final = ("--proc", "/proc", "--remount-ro", "/proc")
_HOST: Final = "sandbox"

# What bubblewrap says stays outside: who has a `/proc` can write to what is open in the shell.  The
# shell's own `exec` would keep it from telling the times.
_RUN: Final = f"""
exec {REPORT}>&- {FILTER}>&- {SOURCE}>&-
"$@" {OBJECT}>&- {RULES}>&- {TIMES}>&-
status=$?
times >&{TIMES}
[ $status = 0 ] || exit $status
"""

_CHILD: Final = re.compile(rb'"child-pid": (\d{1,10})\b')
# Bounded: a job that has a `/proc` can write where the shell and bubblewrap do.
_EXIT_CODE: Final = re.compile(rb'"exit-code": (\d{1,3})\b')
_TIME: Final = rb"(\d{1,7})m(\d{1,2}\.\d{1,6})s"
_TIMES: Final = re.compile(rb"(?:\A|\n)" + _TIME + b" " + _TIME + rb"\n\Z")
_SIGNALLED: Final = 128


@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """The confiner that runs these programs: bubblewrap outside, a shell and `cat` inside."""

    bubblewrap: str
    shell: str
    cat: str
    name: str = "bubblewrap"
    beside: tuple[int, ...] = ()
    tells_times: bool = True
    rereads: bool = False
    forbids_programs: bool = False

    @property
    def within(self) -> tuple[str, ...]:
        """The shell, and `cat`."""
        return self.shell, self.cat

    def argv(self, enclosure: Enclosure, command: Sequence[str]) -> list[str]:
        """Return the command line that runs `command` in `enclosure`."""
        shell = (self.shell, "-c", _script(enclosure), "sh")
        return [self.bubblewrap, *_options(enclosure), "--", *shell, *command]

    def keeps_changes(self, folder: str) -> bool:
        """Return False: only versions that few have yet can lay changes over a root."""
        return False

    def standby(self, enclosure: Enclosure, command: Sequence[str]) -> tuple[Standby, list[str]] | None:
        """Return nothing: it starts anew for each job."""
        return None

    def watch(self, report: OutputCapture, enclosure: Enclosure) -> Watch | None:
        """Return what counts the files in the job's folder."""
        return FileCount(report, enclosure.folder, enclosure.limits.files)

    def status(self, report: bytes) -> int | None:
        """Return the compiler's wait status, which bubblewrap turns into an exit code, like a shell."""
        found = _EXIT_CODE.search(report)
        if found is None:
            return None
        code = int(found[1])
        return code - _SIGNALLED if code > _SIGNALLED else code << 8

    def failure(self, report: bytes, stderr: bytes, ended: Ended) -> str:
        """Return what bubblewrap said last."""
        lines = stderr.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"bubblewrap ended with {ended.status:#x}"

    def cost(self, ended: Ended, times: bytes) -> float:
        """Return its processor time and the shell's; bubblewrap does not wait for its children."""
        own = ended.user + ended.system
        found = _TIMES.search(times)
        if found is None:
            return own
        minutes, seconds, more, rest = found.groups()
        return own + 60 * int(minutes) + float(seconds) + 60 * int(more) + float(rest)


def _options(enclosure: Enclosure) -> Iterator[str]:
    yield from ("--unshare-all", "--unshare-user", "--as-pid-1", "--die-with-parent", "--new-session")
    yield from ("--cap-drop", "ALL", "--hostname", _HOST, "--json-status-fd", str(REPORT))
    if enclosure.is_filtered:
        yield from ("--seccomp", str(FILTER))
    if enclosure.root is not None:
        yield from ("--ro-bind", enclosure.root, "/")
    for link, target in enclosure.links:
        yield from ("--symlink", target, link)
    for path in enclosure.view.mounts:
        yield from ("--ro-bind", path, path)
    for device in DEVICES:
        yield from ("--dev-bind", device, device)
    if enclosure.has_proc:
        yield from _PROC
    yield from ("--size", str(enclosure.space), "--tmpfs", enclosure.folder)
    if enclosure.source is not None:
        yield from ("--file", str(SOURCE), f"{enclosure.folder}/{enclosure.source}")
    if enclosure.root is None:
        yield from ("--remount-ro", "/")
    yield from ("--chdir", enclosure.directory)


def _script(enclosure: Enclosure) -> str:
    """Return the shell's program; the last output leaves by a `cat` in the shell's own place."""
    outputs = [
        (quote(f"{enclosure.folder}/{name}"), number) for name, number in enclosure.outputs.items()
    ]
    commands = [*("cat" for _ in outputs[1:]), "exec cat"]
    hand_out = (_hand_out(*output, command) for output, command in zip(outputs, commands, strict=True))
    return "".join((enclosure.limits.script(own_processes=True), _RUN, *hand_out))


def _hand_out(path: str, descriptor: int, command: str) -> str:
    """Return shell code that passes a file out, unless it is a link or does not exist."""
    return f"if [ -f {path} ] && [ ! -L {path} ]; then {command} {path} >&{descriptor} || exit; fi\n"


@dataclass(frozen=True, slots=True)
class FileCount:
    """Counts the files in a running job's folder, which take memory even if they are empty.

    The kernel counts them, but only whoever mounts can set a limit, and bubblewrap has no option for it.

    Attributes:
        report: what bubblewrap writes about the job; nothing in the sandbox can write there.
        folder: the job's folder, a path in the sandbox.
        most: the most files, folders, links and names that it may have.
    """

    report: OutputCapture
    folder: str
    most: int

    def __call__(self) -> None:
        """Check once.

        Raises:
            LimitMetError: if there are too many.
        """
        found = _CHILD.search(self.report.last())
        if found is None:
            return
        with suppress(OSError):  # it has not begun, or is over
            told = os.statvfs(f"/proc/{int(found[1])}/root{self.folder}")
            if told.f_files - told.f_ffree > self.most:
                raise LimitMetError(*SPACE)
