"""The audit log: who asked for what, what came of it, and why.

For each finished job and each refused connection, `AuditLog` appends one JSON object on a line of a
file, in plain ASCII, so that nothing that a peer chose can end a line.  The file may be moved away at
any time by log rotation.  A full disk fails no job: lines that are lost are counted, and the count is
reported.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Callable
from typing import Any, ClassVar, Final, assert_never

from twisted_distcc.errors import EXIT_IO_ERROR, DistccError
from twisted_distcc.observe.job_records import Content, JobRecord
from twisted_distcc.observe.opening import PlantedFileError, open_own
from twisted_distcc.observe.recorders import Event, RefusedConnection
from twisted_distcc.policy.peer import Peer
from twisted_distcc.policy.verdict import Refused

_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
# Seconds between two checks of whether the file is still where it was.
_BETWEEN_LOOKS: Final = 1.0
# Characters of one text: what a peer sends may be long, and a line should stay readable.
_LONGEST: Final = 4096
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))


class NoAuditLogError(DistccError):
    """The audit log cannot be written, and a server that should keep one does not run without it."""

    exit_code = EXIT_IO_ERROR


class AuditLog:
    """Appends lines to the file `path`, which only its owner may read.

    Args:
        path: the file, an absolute path.
        now: returns the time, in seconds since the epoch.
        complain: called with a sentence that says what an administrator has to fix.

    Raises:
        NoAuditLogError: if it cannot be opened, or is not a file.
    """

    wants_digests: ClassVar[bool] = True

    def __init__(self, path: str, now: Callable[[], float], complain: Callable[[str], None]) -> None:
        self.path = path
        self._now = now
        self._complain = complain
        self._descriptor = _opened(path)
        self._looked = now()
        self._lost = 0
        self._torn = False
        self._stays = False

    def record(self, event: Event) -> None:
        """Write the line for `event`."""
        match event:
            case JobRecord():
                self._job(event)
            case RefusedConnection(peer, refusal):
                self._refused_connection(peer, refusal)
            case _:
                assert_never(event)

    def _job(self, job: JobRecord) -> None:
        self._write(
            event="job",
            **_peer(job.peer),
            verdict=job.verdict,
            reasons=[*job.trace, *([job.reason] if job.reason else [])],
            version=job.version,
            compiler=job.compiler,
            compiler_sha256=job.compiler_sha256,
            source=job.source,
            input=_content(job.source_content),
            outputs=_outputs(job),
            limits=list(job.limits),
            status=job.status,
            duration=None if job.duration is None else round(job.duration, 4),
        )

    def _refused_connection(self, peer: Peer, refusal: Refused) -> None:
        reasons = [*refusal.trace, *refusal.reasons]
        self._write(event="connection", **_peer(peer), verdict="refused", reasons=reasons)

    def renew(self) -> None:
        """Reopen the file by its name, as it may have been moved; if that fails, keep the old one."""
        try:
            renewed = _opened(self.path)
        except NoAuditLogError as error:
            if not self._stays:
                self._complain(f"{error}; it goes on in the file that was opened before")
            self._stays = True
            return
        # What was torn was torn in the old file.
        self._torn = self._torn and os.path.sameopenfile(renewed, self._descriptor)
        os.close(self._descriptor)
        self._descriptor = renewed
        self._stays = False

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _write(self, **pairs: Any) -> None:
        """Append a line; if that fails, complain, and count it."""
        now = self._now()
        self._look(now)
        try:
            if self._lost:
                self._append(_line(now, event="lost", lines=self._lost))
                self._tell_of_the_lost()
            self._append(_line(now, **pairs))
        except OSError as error:
            self._lose(error)

    def _look(self, now: float) -> None:
        """Reopen the file if its name is now another file's, or nobody's."""
        if 0 <= now - self._looked < _BETWEEN_LOOKS:
            return
        self._looked = now
        if not _is_at(self.path, self._descriptor):
            self.renew()

    def _append(self, line: bytes) -> None:
        """Write `line`, in one go if possible; end a torn line before it first."""
        left = memoryview(b"\n" + line if self._torn else line)
        while left:
            left = left[os.write(self._descriptor, left) :]
            self._torn = bool(left)

    def _lose(self, error: OSError) -> None:
        if not self._lost:
            self._complain(
                f"the audit log {self.path} takes no more: {error.strerror}; jobs go on without a record"
                " until it does"
            )
        self._lost += 1

    def _tell_of_the_lost(self) -> None:
        self._complain(f"the audit log {self.path} goes on; {self._lost} lines are lost")
        self._lost = 0


def _line(now: float, **pairs: Any) -> bytes:
    second, thousandths = divmod(int(now * 1000), 1000)
    shown = f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(second))}.{thousandths:03}Z"
    known = {name: _cut(value) for name, value in pairs.items() if value is not None}
    return _ENCODER.encode({"time": shown, **known}).encode("ascii") + b"\n"


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value[:_LONGEST]
    return [_cut(one) for one in value] if isinstance(value, list) else value


def _peer(peer: Peer) -> dict[str, Any]:
    address = None if peer.address is None else str(peer.address)
    return {"identity": peer.identity, "address": address, "port": peer.port, "names": list(peer.names)}


def _content(content: Content | None) -> dict[str, str | int] | None:
    return None if content is None else {"sha256": content.sha256, "bytes": content.length}


def _outputs(job: JobRecord) -> dict[str, dict[str, str | int] | None]:
    contents = {"object": job.object_content, "dependencies": job.dependencies_content}
    return {name: _content(content) for name, content in contents.items() if content}


def _opened(path: str) -> int:
    """Open `path` for appending; a pipe, which could block the whole server, is refused."""
    try:
        descriptor = open_own(path, _FLAGS, 0o600)
    except PlantedFileError as error:
        raise NoAuditLogError(f"cannot open the audit log: {error}") from None
    except OSError as error:
        raise NoAuditLogError(f"cannot open the audit log {path}: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NoAuditLogError(f"the audit log {path} is not a regular file: name one")
    return descriptor


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False
