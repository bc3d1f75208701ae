"""Which locales this machine has.

In: a locale's name.  Out: whether programs that are started with it get it; they get `C` otherwise.
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
    """Whether there is a locale called `name`, for its characters; it is asked for once."""
    found = _libc.newlocale(_CHARACTERS, os.fsencode(name), None)
    if found:
        _libc.freelocale(found)
    return bool(found)
