"""The kernel's machine for filters, as far as ours use it: classic BPF over `struct seccomp_data`.

In: a program, and the words of a call by their offsets.  Out: its verdict.  A step that the kernel would
not take is an `AssertionError`.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

_STEP: Final = struct.Struct("=HBBI")
_MOST_STEPS: Final = 4096


def run(program: bytes, call: Mapping[int, int]) -> int:
    """Give what `program` returns for `call`."""
    steps = list(_STEP.iter_unpack(program))
    assert 0 < len(steps) <= _MOST_STEPS
    at, held = 0, 0
    while True:
        code, true, false, value = steps[at]
        at += 1
        if code == 0x06:
            return value
        if code == 0x20:
            held = call[value]
        elif code == 0x05:
            at += value
        else:
            holds = {0x35: held >= value, 0x45: bool(held & value)}[code]
            at += true if holds else false
