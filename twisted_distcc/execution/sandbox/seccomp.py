"""The system calls that a toolchain needs, and no others: a seccomp filter.

The filter is a program in classic BPF for the machine's architecture, which bubblewrap loads.
Namespaces keep a job away from the network and from other processes; this keeps it away from what
namespaces leave open: the parts of the kernel where most holes were found, memory that no limit counts,
resources that are shared by the whole machine or all of a user's processes, and information about the
machine and other jobs. Which calls these are is in `syscalls`; the program only looks a call up: by its
architecture, then by its number, then by one of its arguments, each time in a sorted list of ranges.
The format is that of `linux/filter.h` and `linux/seccomp.h`.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Final, TypeAlias

from twisted_distcc.execution.sandbox import syscall_numbers
from twisted_distcc.execution.sandbox.syscalls import (
    ALLOWED,
    ANSWERED,
    CONDITIONS,
    NEWEST,
    NoneOf,
    OneOf,
)


@dataclass(frozen=True, slots=True)
class Machine:
    """An architecture: its number in `linux/audit.h`, and how it numbers the calls in `syscalls`.

    `jail` has those of the jail, if that runs there.
    """

    token: int
    numbers: Mapping[str, int]
    jail: Mapping[str, int] = field(default_factory=dict)


X86_64: Final = Machine(0xC000003E, syscall_numbers.X86_64, syscall_numbers.X86_64_JAIL)
I386: Final = Machine(0x40000003, syscall_numbers.I386)
AARCH64: Final = Machine(0xC00000B7, syscall_numbers.AARCH64, syscall_numbers.AARCH64_JAIL)

# By `os.uname().machine`; then the second kind of program that such a machine runs.  The calls of the
# x32 ABI have higher numbers than all others of x86-64, and so are not included.
MACHINES: Final[Mapping[str, tuple[Machine, ...]]] = MappingProxyType(
    {"x86_64": (X86_64, I386), "aarch64": (AARCH64,)}
)

# Offsets in `struct seccomp_data`; of an argument, the lower half, on little-endian machines.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16
_ARGUMENT: Final = 8

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP: Final = 0x05  # BPF_JMP | BPF_JA
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_ANY_OF: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

# How many steps a test can skip; a jump has no such limit.
_LONGEST: Final = 255

_KILL: Final = 0x80000000
_ERROR: Final = 0x00050000

_Step: TypeAlias = tuple[int, int, int, int]
_Steps: TypeAlias = tuple[_Step, ...]

_ALLOWED: Final[_Steps] = ((_RETURN, 0, 0, 0x7FFF0000),)
_KILLED: Final[_Steps] = ((_RETURN, 0, 0, _KILL),)


@cache
def program(machine: str) -> bytes | None:
    """Return the filter for `machine`, a name as in `os.uname`; `None` if its numbers are not known."""
    if machine not in MACHINES:
        return None
    return _packed({one.token: _block(_rules(one)) for one in MACHINES[machine]}, _KILLED)


@cache
def halves(machine: str) -> tuple[bytes, bytes] | None:
    """Return two filters for `machine` that together are `program`; `None` if there is none.

    The outer one lets through what the jail itself calls, so that one that waits for jobs has it before
    they come: the kernel compiles it as long as it makes all namespaces of a job.  The inner one, which
    is short, decides about these calls alone, as `program` does.
    """
    if machine not in MACHINES:
        return None
    native, *others = MACHINES[machine]
    ours = native.jail.values()
    outer = {
        native.token: _block({**_rules(native), **dict.fromkeys(ours, _ALLOWED)}),
        **{one.token: _block(_rules(one)) for one in others},
    }
    taken_back = {number: _rules(native).get(number, _other(number)) for number in ours}
    inner = ((_LOAD, 0, 0, _NUMBER), *_find(taken_back, lambda _: _ALLOWED))
    return _packed(outer, _KILLED), _packed({native.token: inner}, _ALLOWED)


def _packed(blocks: Mapping[int, _Steps], others: _Steps) -> bytes:
    """Return the program with a block for each architecture."""
    steps = ((_LOAD, 0, 0, _ARCHITECTURE), *_find(blocks, lambda _: others))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _rules(machine: Machine) -> dict[int, _Steps]:
    return {number: _rule(name) for name, number in machine.numbers.items()}


def _other(number: int) -> _Steps:
    """Return the steps for a call that has no rule."""
    return _failed(errno.ENOSYS if number > NEWEST else errno.EPERM)


def _block(rules: Mapping[int, _Steps]) -> _Steps:
    """Return the steps that decide about the calls of one architecture."""
    return ((_LOAD, 0, 0, _NUMBER), *_find(rules, _other, NEWEST))


def _rule(name: str) -> _Steps:
    """Return the steps that decide about one call."""
    if name in ALLOWED:
        return _ALLOWED
    if name in ANSWERED:
        return _failed(ANSWERED[name])
    condition = CONDITIONS[name]
    load = (_LOAD, 0, 0, _ARGUMENTS + _ARGUMENT * condition.argument)
    return (load, *_meets(condition))


def _meets(condition: OneOf | NoneOf) -> _Steps:
    refused = _failed(condition.otherwise)
    if isinstance(condition, OneOf):
        return _find(dict.fromkeys(condition.values, _ALLOWED), lambda _: refused)
    return ((_ANY_OF, 0, len(refused), condition.bits), *refused, *_ALLOWED)


def _failed(error: int) -> _Steps:
    return ((_RETURN, 0, 0, _ERROR | error),)


def _find(rules: Mapping[int, _Steps], other: Callable[[int], _Steps], last: int = 0) -> _Steps:
    """Return the steps that look up the loaded word, and continue as its rule says.

    Args:
        rules: what to do, by the word.
        other: returns what to do with another word: one thing up to `last`, one thing above.
        last: see there.
    """
    return _search(tuple(_ranges(rules, other, last)))


def _ranges(
    rules: Mapping[int, _Steps], other: Callable[[int], _Steps], last_other: int
) -> Iterator[tuple[int, _Steps]]:
    """Yield where each range of words with one rule begins, from 0 on, and the rule."""
    ends = (0, last_other + 1, *(number + 1 for number in rules))
    begins = {**{number: other(number) for number in ends}, **rules}
    last: _Steps = ()
    for number, rule in sorted(begins.items()):
        if rule != last:
            yield number, rule
        last = rule


def _search(ranges: Sequence[tuple[int, _Steps]]) -> _Steps:
    """Return the steps of a binary search."""
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    below, above = _search(ranges[:middle]), _search(ranges[middle:])
    return (*_over(below, ranges[middle][0]), *below, *above)


def _over(steps: _Steps, word: int) -> _Steps:
    """Return what goes past `steps` if the loaded word is at least `word`."""
    if len(steps) <= _LONGEST:
        return ((_AT_LEAST, len(steps), 0, word),)
    return ((_AT_LEAST, 0, 1, word), (_JUMP, 0, 0, len(steps)))
