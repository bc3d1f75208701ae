"""Refuse names of devices, which each machine, or each process, has of its own.

`is_device` judges a name as a command has it; the others look at all names in options.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

from twisted_distcc.cmdline.foreseen import named_files
from twisted_distcc.cmdline.option_rules import AS_TYPED, Role
from twisted_distcc.cmdline.reasons import StaysError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from twisted_distcc.cmdline.compilation import Option

_NAMING_INPUTS = frozenset({Role.PREPROCESS, Role.INPUT, Role.DRIVER_RULES, Role.PLUGIN})


def is_device(path: str) -> bool:
    """Whether the name `path` is one of a device, or leads to one in `/proc`."""
    return os.path.normpath(path).startswith(("/dev/", "/proc/", "//dev/", "//proc/"))


def check_no_device(options: Sequence[Option]) -> None:
    """Refuse names of devices that a preprocessor would open."""
    for option in options:
        if option.role in _NAMING_INPUTS and is_device(option.value.lstrip("=")):
            raise StaysError(f"{shown(' '.join(option.words))} names a device")


def check_made(options: Sequence[Option]) -> None:
    """Refuse standard output and devices as files that are made besides the object."""
    for option in options:
        names = named_files(option) if option.role in AS_TYPED else ()
        if any(name in {"", "-"} or is_device(name) for name in names):
            raise StaysError(f"{shown(' '.join(option.words))} writes to standard output or a device")
