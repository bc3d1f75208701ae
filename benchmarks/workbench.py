"""The folder that a benchmark works in: the programs built for it, its sources, its places.

What enters: what the person asked for (rounds, quick).
What leaves: a folder that servers may use after they gave root away, and the programs in it.
What it refuses to know: what is measured with them.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import cores
from twisted_distcc.content.lzo import compress

OBJECT_BYTES = 8192  # what native/null_compiler.c writes

_NATIVE = Path(__file__).parent / "native"
# distcc sends a plain name on with the machine's triplet before it.
_NULL_COMPILER_NAMES = ("gcc", "g++", "cc", "c++", "x86_64-linux-gnu-gcc", "x86_64-linux-gnu-g++")
_REAL_COMPILERS = "/usr/bin:/bin"
# Includes enough that the preprocessed text looks like what compilers are really sent.
_INCLUDES = ("stdio.h", "stdlib.h", "string.h", "unistd.h", "pthread.h", "netinet/in.h", "math.h")


class RowUnavailableError(Exception):
    """A row cannot be measured on this machine; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Workbench:
    """Where a benchmark works, and how much work the person asked for."""

    folder: Path
    rounds: int
    quick: bool

    @property
    def load(self) -> Path:
        return self.folder / "load"

    @property
    def null_server(self) -> Path:
        return self.folder / "null_server"

    @property
    def link(self) -> Path:
        """The program that makes two networks with a link between them."""
        return self.folder / "link"

    @property
    def null_object(self) -> Path:
        """The object that the null server answers with."""
        return self.folder / "null.o"

    @property
    def null_object_compressed(self) -> Path:
        return self.folder / "null.o.lzo"

    @property
    def null_path(self) -> str:
        """The servers' PATH on which every compiler is the null compiler."""
        return f"{self.folder / 'null'}:{_REAL_COMPILERS}"

    @property
    def slow_path(self) -> str:
        """A PATH on which every compiler is a null compiler that sleeps a second."""
        return f"{self.folder / 'slow'}:{_REAL_COMPILERS}"

    @property
    def real_path(self) -> str:
        return _REAL_COMPILERS

    @property
    def open_folder(self) -> Path:
        """A folder that any user may write to, for logs and temporary files of servers."""
        return self.folder / "open"

    @property
    def jobs(self) -> int:
        """C distccd's own default for --jobs, given to both servers."""
        return cores() + 2

    def private_folder(self, name: str) -> Path:
        """Return the folder `name`, which only this user may enter, made the first time."""
        path = self.folder / name
        path.mkdir(mode=0o700, exist_ok=True)
        return path

    def source(self, size: int) -> Path:
        """Return a file of `size` bytes of preprocessed C."""
        path = self.folder / f"source-{size}.i"
        if not path.exists():
            text = _preprocessed()
            path.write_text((text * (size // len(text) + 1))[:size])
        return path


@contextmanager
def workbench(*, rounds: int, quick: bool) -> Iterator[Workbench]:
    """Make the folder and build the programs; remove it all at the end."""
    with tempfile.TemporaryDirectory(prefix="td-bench-") as name:
        bench = Workbench(Path(name), rounds, quick)
        bench.folder.chmod(0o755)
        bench.open_folder.mkdir()
        bench.open_folder.chmod(0o1777)
        _compile(_NATIVE / "load.c", bench.load, "-pthread")
        _compile(_NATIVE / "null_server.c", bench.null_server, "-pthread")
        _compile(_NATIVE / "link.c", bench.link)
        _install_null_compiler(bench.folder / "null")
        _install_null_compiler(bench.folder / "slow", "-DSECONDS=1")
        _write_null_object(bench)
        yield bench


def _install_null_compiler(folder: Path, *options: str) -> None:
    folder.mkdir()
    first, *others = (folder / name for name in _NULL_COMPILER_NAMES)
    _compile(_NATIVE / "null_compiler.c", first, "-static", *options)
    for other in others:
        # Not a symbolic link: a server may take one for a masquerade.
        other.hardlink_to(first)


def _write_null_object(bench: Workbench) -> None:
    compiler = bench.folder / "null" / _NULL_COMPILER_NAMES[0]
    subprocess.run([compiler, "-o", bench.null_object], check=True)
    bench.null_object_compressed.write_bytes(compress(bench.null_object.read_bytes()))


def _compile(source: Path, program: Path, *options: str) -> None:
    subprocess.run(["gcc", "-O2", *options, "-o", program, source], check=True)


def _preprocessed() -> str:
    text = "".join(f"#include <{header}>\n" for header in _INCLUDES)
    command = ["gcc", "-E", "-x", "c", "-"]
    return subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout
