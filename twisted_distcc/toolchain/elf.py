"""Find the loader and the libraries that a program needs.

`needed` asks the system's own loader (`ld.so --list`), which runs nothing of the program, but the
program must be trusted.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO, Final

from twisted_distcc.toolchain.blocking_probe import ask

MAGIC: Final = b"\x7fELF"
"""What a program or a library begins with."""
_ORDER: Final = {1: "<", 2: ">"}
_HEAD: Final = 64
_INTERPRETER: Final = 3  # PT_INTERP
_LONGEST_PATH: Final = 4096

_NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})

_LISTED: Final = re.compile(r"^\s*(?:\S+ => )?(/.*) \(0x[0-9a-f]+\)$", re.MULTILINE)


class NotAProgramError(ValueError):
    """The file is not an ELF program: a script, or not a program at all."""


INDEX: Final = "/etc/ld.so.cache"
"""The loader's index of libraries."""


def needed(
    path: str, environ: Mapping[str, str] = _NO_VARIABLES, *, by_index: bool = True
) -> tuple[str, ...]:
    """Return the loader and all libraries of the program at `path`; none for a static one.

    The loader respects `environ` (`LD_LIBRARY_PATH`) as it would when starting the program.  Unless
    `by_index`, it looks in its usual folders as if it had no index of what is in others.

    Raises:
        NotAProgramError: if it is a script, or another kind of file.
        OSError: if it cannot be read, or its loader cannot be started.
    """
    loader = interpreter(path)
    return () if loader is None else libraries(path, loader, environ, by_index=by_index)


def libraries(
    path: str, loader: str, environ: Mapping[str, str] = _NO_VARIABLES, *, by_index: bool = True
) -> tuple[str, ...]:
    """Return `loader`, and all libraries that it loads for the program or library at `path`.

    Raises:
        OSError: if it cannot be started.
    """
    how = ("--list",) if by_index else ("--inhibit-cache", "--list")
    return (loader, *_LISTED.findall(ask([loader, *how, path], environ)))


def is_for_this_machine(path: str) -> bool:
    """Whether the file at `path` is a program for the kind of processor that runs this one.

    Raises:
        OSError: if it cannot be read.
    """
    return _kind(path) == _kind("/proc/self/exe")


def _kind(path: str) -> bytes | None:
    """Return the class, the byte order and the machine of an ELF file; `None` for another file."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    return head[4:6] + head[18:20] if head[:4] == MAGIC and len(head) == _HEAD else None


def interpreter(path: str) -> str | None:
    """Return the loader that the program at `path` names, `None` for a static program.

    Raises:
        NotAProgramError: if it is not a program.
        OSError: if it cannot be read.
    """
    with open(path, "rb") as file:
        head = file.read(_HEAD)
        if head[:4] != MAGIC or len(head) < _HEAD or head[5] not in _ORDER:
            raise NotAProgramError(path)
        order = _ORDER[head[5]]
        wide = head[4] == 2
        # e_phoff; e_phentsize and e_phnum; of a program header p_type, p_offset and p_filesz.
        (table,) = struct.unpack_from(order + ("Q" if wide else "I"), head, 32 if wide else 28)
        size, count = struct.unpack_from(order + "HH", head, 54 if wide else 42)
        headers = _at(file, table, size * count)
        row = struct.Struct(order + ("IxxxxQ16xQ" if wide else "II8xI"))
        for start in range(0, len(headers) - row.size + 1, size or 1):
            kind, offset, length = row.unpack_from(headers, start)
            if kind == _INTERPRETER:
                return _loader(path, _at(file, offset, min(length, _LONGEST_PATH)))
    return None


def _at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Read at an offset; a header may point beyond the end, where there is nothing."""
    if offset > os.fstat(file.fileno()).st_size:
        return b""
    file.seek(offset)
    return file.read(length)


def _loader(program: str, name: bytes) -> str:
    path = os.fsdecode(name.partition(b"\0")[0])
    if not os.path.isabs(path):
        raise NotAProgramError(program)
    return path
