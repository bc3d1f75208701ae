"""Checks of this machine: room for temporary files, and folders that can be written."""

from __future__ import annotations

import errno
import os
import shlex
import tempfile
from collections.abc import Iterator, Mapping
from typing import Final

from twisted_distcc.cli.doctor.findings import Finding, fault, warning
from twisted_distcc.client.hosts import HostList
from twisted_distcc.client.settings import Settings

_TRIAL: Final = b"\0" * 1024 * 1024
_LITTLE: Final = 200 * 1024 * 1024
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


def room(settings: Settings) -> Iterator[Finding]:
    """Yield the folders that take no files."""
    yield from _room_in(settings.tmpdir, "for temporary files", "export TMPDIR=/var/tmp")
    if settings.lock_directory is not None and os.path.isdir(settings.lock_directory):
        place = "export DISTCC_DIR=/var/tmp/distcc-$USER"
        yield from _room_in(settings.lock_directory, "for lock files", place)


def _room_in(folder: str, what: str, elsewhere: str) -> Iterator[Finding]:
    quoted = shlex.quote(folder)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(_TRIAL)
            file.flush()
            found = os.statvfs(folder)
    except OSError as error:
        if error.errno in _FULL:
            yield fault(f"the disk of {folder} is full: no room {what}", f"df -h {quoted}; {elsewhere}")
        else:
            reason = error.strerror or str(error)
            yield fault(
                f"{folder}, {what}, cannot be written: {reason}", f"ls -ld {quoted}; {elsewhere}"
            )
        return
    free = found.f_bavail * found.f_frsize
    if free < _LITTLE:
        yield warning(f"{folder}, {what}, has only {free // 2**20} MiB left", f"df -h {quoted}")


def slots_here(hosts: HostList) -> Iterator[Finding]:
    """Yield the limits on local work that do not suit the number of processors."""
    cpus = len(os.sched_getaffinity(0))
    if hosts.localslots > 2 * cpus + 2:
        yield warning(
            f"--localslots={hosts.localslots} for {cpus} processors slows down what is compiled here",
            f"write --localslots={cpus} in {hosts.source or 'the hosts list'}",
        )


def homeless(environ: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    """Yield the finding that lock files have no place of the user's own."""
    if settings.directory is None or not environ.get("HOME"):
        yield warning("HOME is not set, so there is no place for lock files", "export HOME=~")
