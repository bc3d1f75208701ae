"""One compile done in three ways, in copies of one folder, and all that each way leaves compared.

A `Row` is one compile of a table: a script for bash in which `$CC` is the compiler, and the folder
that it runs in.  It is run as the plain compiler (`CC=gcc`), through the agent (`CC="tdistcc gcc"`),
and without one (`DISTCC_AGENT=0`), each time in a new folder of the same name.  What tdistcc leaves
has to be what the compiler leaves: the exit status, both streams byte for byte, and every file with
its type, mode, owner, links, extended attributes (ACLs are such) and contents; also which files were
written, in which order, and that nothing is left in the folder for temporary files.  For example:

    class DependencyTests(ExactTestCase):
        async def test_rules(self) -> None:
            await self.are_exact(
                Row(script="$CC -MD -c w.c", files={"w.c": "int x;\\n"}),
                Row(script="$CC -E w.c", files={"w.c": "int x;\\n"}, elsewhere=False),
            )

The only host is a sandboxed server on loopback, which may do what it can, or what a subclass starts in
`serving`; when no host does it, tdistcc compiles here.  `elsewhere` says which of the two has to happen.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import shutil
import stat
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Final

from tests.agent.home import HomeTestCase
from tests.live import PATIENCE, open_to_all, plain_environment

# What `DISTCC_AGENT` is in each way that is compared with the plain one.
_WAYS: Final = {"by the agent": "1", "without an agent": "0"}
_LANES: Final = 2
"""Rows that say whether the server is asked are done by so many threads, each with a server of its own
whose jobs it counts; one more does the rest."""
_WINDOW_ROWS: Final = 50
_MOST_SHOWN: Final = 300
"""Contents that are longer are told by a hash."""


def _no_preparation(folder: Path) -> None:
    """Leave the folder as its files make it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One compile.

    Attributes:
        script: for bash, in a folder of its own; `$CC` is the compiler.
        files: names, relative to the folder, and contents.
        prepare: makes whatever else is to be there, given the folder: links, modes, fifos.
        environ: variables besides the plain ones.
        terminal: the columns of a terminal that all three standard descriptors are; without it they
            are the null device and two pipes.
        compilers: what `$CC` is, one after the other.
        elsewhere: whether the server has to compile it (or must not); `None` leaves that open.
    """

    script: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    prepare: Callable[[Path], None] = _no_preparation
    environ: Mapping[str, str] = field(default_factory=dict)
    terminal: int | None = None
    compilers: tuple[str, ...] = ("gcc", "clang")
    elsewhere: bool | None = True


@dataclass(frozen=True, slots=True)
class Entry:
    """What there is by one name."""

    mode: str
    owner: tuple[int, int]
    links: int
    attributes: tuple[tuple[str, bytes], ...]
    contents: bytes | str | None

    @classmethod
    def of(cls, path: Path) -> Entry:
        """Look at `path` itself, be it a link."""
        found = path.lstat()
        is_link = stat.S_ISLNK(found.st_mode)
        names = () if is_link else sorted(os.listxattr(path))
        contents = (
            os.readlink(path) if is_link
            else _contents(path) if stat.S_ISREG(found.st_mode)
            else None
        )  # fmt: skip
        return cls(
            stat.filemode(found.st_mode),
            (found.st_uid, found.st_gid),
            found.st_nlink,
            tuple((name, os.getxattr(path, name)) for name in names),
            contents,
        )


def _contents(path: Path) -> bytes:
    """Read a file of ours, though its mode says that we may not: only root reads it as it is."""
    try:
        return path.read_bytes()
    except PermissionError:
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IRUSR)
        try:
            return path.read_bytes()
        finally:
            path.chmod(mode)


@dataclass(frozen=True, slots=True)
class Left:
    """All that one way has left.

    Attributes:
        said: the exit status, below zero for a signal, and both streams.
        entries: what there is in the folder, and in the one for temporary files.
        written: the times of those files that were not there before, or not so.
    """

    said: dict[str, int | bytes]
    entries: dict[str, Entry]
    written: dict[str, int]

    def differences(self, plain: Left) -> Iterator[str]:
        """Tell how this differs from what the compiler leaves."""
        for name, value in self.said.items():
            if value != plain.said[name]:
                yield f"{name} is {value!r}, not {plain.said[name]!r}"
        for name in sorted(self.entries.keys() | plain.entries.keys()):
            ours, theirs = self.entries.get(name), plain.entries.get(name)
            if ours != theirs:
                yield f"{name} is {_brief(ours)}, not {_brief(theirs)}"
        if self.written.keys() != plain.written.keys():
            yield f"written were {sorted(self.written)}, not {sorted(plain.written)}"
        elif self.order() & {(later, earlier) for earlier, later in plain.order()}:
            yield f"written were, in this order, {self.order()}, not {plain.order()}"

    def order(self) -> set[tuple[str, str]]:
        """Tell of every two files that were written at different times which was first."""
        times = sorted(self.written, key=self.written.__getitem__)
        return {
            (one, other)
            for one, other in combinations(times, 2)
            if self.written[one] < self.written[other]
        }


class ExactTestCase(HomeTestCase):
    """Tests by tables of rows."""

    timeout = 10 * PATIENCE
    lanes = _LANES

    async def are_exact(self, *rows: Row, **environ: str) -> None:
        """Do each of `rows` in all ways, with `environ` besides; fail with all that differs."""
        cases = [(row, compiler) for row in rows for compiler in row.compilers]
        counted = [case for case in cases if case[0].elsewhere is not None]
        shares = [counted[number :: self.lanes] for number in range(self.lanes)]
        shares.append([case for case in cases if case[0].elsewhere is None])
        lanes = [
            _Lane(self, number, await self.serving(), environ, share)
            for number, share in enumerate(shares)
            if share
        ]
        with ThreadPoolExecutor(len(lanes)) as threads:
            differences = [one for found in threads.map(_Lane.do, lanes) for one in found]
        self.assertEqual(differences, [], "\n" + "\n".join(differences))

    async def serving(self) -> Serving:
        """Start the only host."""
        server = await self.serve("--sandbox=require", "--jobs=4")
        word = f"127.0.0.1:{server.port}/4"
        return Serving(word, lambda: sum("verdict=done" in job for job in server.jobs))


@dataclass(frozen=True, slots=True)
class Serving:
    """A host: its word for the hosts list, and what counts the jobs that it has done."""

    word: str
    jobs: Callable[[], int]


class _Lane:
    """Does rows one after the other, with a server of its own."""

    def __init__(
        self,
        test: ExactTestCase,
        number: int,
        server: Serving,
        environ: Mapping[str, str],
        cases: Sequence[tuple[Row, str]],
    ) -> None:
        self._cases = cases
        self._server = server
        self._base = test.home / f"lane-{number}"
        self._environ = {
            **test.environ,
            "DISTCC_HOSTS": server.word,
            "TMPDIR": str(self._base / "tmp"),
            "PWD": str(self._base / "work"),
            **environ,
        }

    def do(self) -> list[str]:
        """Return what differs, for all cases."""
        return [difference for row, compiler in self._cases for difference in self._do(row, compiler)]

    def _do(self, row: Row, compiler: str) -> Iterator[str]:
        plain = self._left(row, compiler, None)
        for way, agent in _WAYS.items():
            done = self._server.jobs()
            left = self._left(row, compiler, agent)
            for difference in [*left.differences(plain), *self._asked(row.elsewhere, done)]:
                yield f"{compiler}: {row.script!r}, {way}: {difference}"

    def _asked(self, elsewhere: bool | None, done: int) -> Iterator[str]:
        """Tell if the server, which had `done` so many jobs, was asked wrongly, or was not asked."""
        if elsewhere and not _comes(lambda: self._server.jobs() > done):
            yield "the server was not asked"
        elif elsewhere is False and self._server.jobs() > done:
            yield "the server was asked"

    def _left(self, row: Row, compiler: str, agent: str | None) -> Left:
        shutil.rmtree(self._base, ignore_errors=True)
        work, temporary = self._base / "work", self._base / "tmp"
        for folder in (work, temporary):
            open_to_all(_made(folder))
        for name, contents in row.files.items():
            _made((work / name).parent)
            (work / name).write_bytes(contents.encode() if isinstance(contents, str) else contents)
        row.prepare(work)
        command = compiler if agent is None else f"tdistcc {compiler}"
        choice = {} if agent is None else {"DISTCC_AGENT": agent}
        environ = plain_environment(**self._environ | {"CC": command} | choice | dict(row.environ))
        before = _times(self._base)
        said = _run(row, work, environ)
        written = {name: time for name, time in _times(self._base).items() if before.get(name) != time}
        return Left(
            said,
            {name: Entry.of(self._base / name) for name in _names(self._base)},
            {name: time for name, (time, _) in written.items()},
        )


def _comes(happens: Callable[[], bool]) -> bool:
    """Wait a little for what a server logs after its client has ended."""
    for _ in range(200):
        if happens():
            return True
        time.sleep(0.01)
    return False


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _names(base: Path) -> list[str]:
    return sorted(str(path.relative_to(base)) for path in base.rglob("*"))


def _times(base: Path) -> dict[str, tuple[int, int]]:
    """Give of each file but folders when it was written, and which file it is."""
    found = ((name, (base / name).lstat()) for name in _names(base))
    return {name: (one.st_mtime_ns, one.st_ino) for name, one in found if not stat.S_ISDIR(one.st_mode)}


def _run(row: Row, folder: Path, environ: dict[str, str]) -> dict[str, int | bytes]:
    command = ["/bin/bash", "-c", row.script]
    if row.terminal is not None:
        return _run_at_terminal(command, folder, {"TERM": "xterm-256color", **environ}, row.terminal)
    done = subprocess.run(
        command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    return {"status": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def _run_at_terminal(
    command: list[str], folder: Path, environ: dict[str, str], columns: int
) -> dict[str, int | bytes]:
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", _WINDOW_ROWS, columns, 0, 0))

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        command, cwd=folder, env=environ, stdin=terminal, stdout=terminal, stderr=terminal,
        start_new_session=True, preexec_fn=take_terminal,  # noqa: PLW1509  (it makes one system call)
    )  # fmt: skip
    os.close(terminal)
    said = b"".join(_read_terminal(controller))
    os.close(controller)
    return {"status": process.wait(PATIENCE), "terminal": said}


def _read_terminal(controller: int) -> Iterator[bytes]:
    """Read until nobody has the terminal open any more, which the kernel calls an error."""
    with contextlib.suppress(OSError):
        while data := os.read(controller, 65536):
            yield data


def _brief(entry: Entry | None) -> str:
    """Tell of an entry without filling the screen."""
    if entry is None:
        return "missing"
    contents = entry.contents
    shown = repr(contents)
    if contents and len(contents) > _MOST_SHOWN:
        shown = f"{len(contents)} bytes, hash {hash(contents):x}"
    return f"({entry.mode}, {entry.owner}, {entry.links} links, {entry.attributes}, {shown})"
