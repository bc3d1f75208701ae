"""Find the ELF sections in which two object files differ.

Nothing is found if the files are not ELF objects, or the difference lies outside all sections.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import Final

_ORDER: Final = {1: "<", 2: ">"}
_NO_CONTENTS: Final = 8  # SHT_NOBITS


def differing_sections(one: bytes, other: bytes) -> list[str]:
    """Return the names of sections that are in only one of the two, or differ."""
    ours, theirs = _sections(one), _sections(other)
    return sorted({name for name, _ in ((ours - theirs) + (theirs - ours))})


def _sections(data: bytes) -> Counter[tuple[str, bytes]]:
    try:
        return Counter(_read(data))
    except (struct.error, IndexError, ValueError):
        return Counter()


def _read(data: bytes) -> list[tuple[str, bytes]]:
    if data[:4] != b"\x7fELF":
        return []
    order, wide = _ORDER[data[5]], data[4] == 2
    # e_shoff; e_shentsize, e_shnum and e_shstrndx; of a header sh_name, sh_type, sh_offset and sh_size.
    (table,) = struct.unpack_from(order + ("Q" if wide else "I"), data, 40 if wide else 32)
    size, count, names = struct.unpack_from(order + "HHH", data, 58 if wide else 46)
    row = struct.Struct(order + ("II16xQQ" if wide else "II8xII"))
    rows = [row.unpack_from(data, table + size * number) for number in range(count)]
    _, _, start, length = rows[names]
    texts = data[start : start + length]
    return [
        (_name(texts, name), b"" if kind == _NO_CONTENTS else data[offset : offset + length])
        for name, kind, offset, length in rows
    ]


def _name(texts: bytes, start: int) -> str:
    return texts[start : texts.index(b"\0", start)].decode(errors="replace")
