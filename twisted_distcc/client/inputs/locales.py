"""Check which locales this machine has.

Programs that are started with a locale that does not exist get `C` instead.
"""

from __future__ import annotations

import ctypes
import functools
import locale
import os
from typing import Final

_CHARACTERS: Final = 1 << locale.LC_CTYPE
_libc: Final = ctypes.CDLL(None)
_libc.newlocale.restype = ctypes.c_void_p
_libc.freelocale.argtypes = [ctypes.c_void_p]


@functools.lru_cache(maxsize=100)
def has_locale(name: str) -> bool:
    """Whether there is a locale called `name`, for its character set; the answer is cached."""
    found = _libc.newlocale(_CHARACTERS, os.fsencode(name), None)
    if found:
        _libc.freelocale(found)
    return bool(found)
