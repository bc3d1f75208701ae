"""System calls that no compiler makes, refused: a seccomp filter.

In: the machine's architecture.  Out: a program for the kernel, in classic BPF, which bubblewrap loads.
Namespaces keep a job from the network and from other processes; this keeps it from what namespaces leave
open (`AF_VSOCK` reaches a virtual machine's host, `syslog` the kernel's log), from memory that no limit
counts (shared segments, message queues, files in memory), from what the whole machine has one stock of
(`io_setup`), and from those parts of the kernel where most holes were found:
namespaces of its own, io_uring, BPF, tracing, key rings.  The format is that of `linux/filter.h` and
`linux/seccomp.h`.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

# Names in the order of the columns of each machine below.
REFUSED: Final = (
    "socket", "socketpair", "io_uring_setup", "bpf", "perf_event_open", "ptrace", "process_vm_readv",
    "process_vm_writev", "pidfd_getfd", "keyctl", "add_key", "request_key", "userfaultfd", "mount",
    "umount2", "pivot_root", "chroot", "fsopen", "fspick", "move_mount", "open_tree", "mount_setattr",
    "unshare", "setns", "open_by_handle_at", "name_to_handle_at", "shmget", "semget", "msgget",
    "mq_open", "memfd_create", "memfd_secret", "fanotify_init", "io_setup", "syslog",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Machine:
    """How one architecture numbers the calls.

    Attributes:
        token: its number in `linux/audit.h`.
        clone, clone3: calls that are only refused where they make namespaces; of the second the filter
            cannot see what it is asked for, and the C library does without it.
        refused: the numbers of `REFUSED`.
        more: numbers that are refused besides.
        last: no number above it is a call of this architecture.
    """

    token: int
    clone: int
    clone3: int
    refused: tuple[int, ...]
    more: tuple[int, ...] = ()
    last: int = 0x3FFFFFFF  # on x86-64 the calls of the x32 ABI begin behind it


X86_64: Final = Machine(
    0xC000003E, 56, 435,
    (41, 53, 425, 321, 298, 101, 310, 311, 438, 250, 248, 249, 323, 165, 166, 155, 161, 430, 433, 429,
     428, 442, 272, 308, 304, 303, 29, 64, 68, 240, 319, 447, 300, 206, 103),
    more=(154,),  # modify_ldt
)  # fmt: skip
I386: Final = Machine(
    0x40000003, 120, 435,
    (359, 360, 425, 357, 336, 26, 347, 348, 438, 288, 286, 287, 374, 21, 52, 217, 61, 430, 433, 429,
     428, 442, 310, 346, 342, 341, 395, 393, 399, 277, 356, 447, 338, 245, 103),
    more=(102, 117, 123),  # socketcall and ipc, which are all of theirs, and modify_ldt
)  # fmt: skip
AARCH64: Final = Machine(
    0xC00000B7, 220, 435,
    (198, 199, 425, 280, 241, 117, 270, 271, 438, 219, 217, 218, 282, 40, 39, 41, 51, 430, 433, 429,
     428, 442, 97, 268, 265, 264, 194, 190, 186, 180, 279, 447, 262, 0, 116),
)  # fmt: skip

# By `os.uname().machine`; the second kind of program that such a machine runs comes second.
MACHINES: Final[Mapping[str, tuple[Machine, ...]]] = MappingProxyType(
    {"x86_64": (X86_64, I386), "aarch64": (AARCH64,)}
)

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of `linux/sched.h`.
_NEW_NAMESPACES: Final = 0x7E020000

# Offsets in `struct seccomp_data`; the lower half of the first argument, on little-endian machines.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_ARGUMENT: Final = 16

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_GREATER: Final = 0x25  # BPF_JMP | BPF_JGT | BPF_K
_ANY_OF: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_ERROR: Final = 0x00050000
_NOT_PERMITTED: Final = _ERROR | errno.EPERM
_NO_SUCH_CALL: Final = _ERROR | errno.ENOSYS

_Step = tuple[int, int, int, int]


@cache
def program(machine: str) -> bytes | None:
    """Give the filter for `machine`, as `os.uname` calls it; `None` where the numbers are not known."""
    if machine not in MACHINES:
        return None
    steps: list[_Step] = []
    for one in MACHINES[machine]:
        block = _block(one)
        steps += [
            (_LOAD, 0, 0, _ARCHITECTURE),
            (_EQUAL, 0, len(block), one.token),
            *block,
        ]
    steps.append((_RETURN, 0, 0, _KILL))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _block(machine: Machine) -> list[_Step]:
    """Give the steps that decide about one architecture's calls: each of them ends with a return."""
    refused = (*machine.refused, *machine.more)
    tail = [
        (_EQUAL, 3, 0, machine.clone3),
        (_EQUAL, 3, 0, machine.clone),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _NOT_PERMITTED),
        (_RETURN, 0, 0, _NO_SUCH_CALL),
        (_LOAD, 0, 0, _ARGUMENT),
        (_ANY_OF, 0, 1, _NEW_NAMESPACES),
        (_RETURN, 0, 0, _NOT_PERMITTED),
        (_RETURN, 0, 0, _ALLOW),
    ]
    to_refusal = 3  # of the tail
    count = len(refused)
    tests = [(_EQUAL, count - 1 - index + to_refusal, 0, number) for index, number in enumerate(refused)]
    beyond = (_GREATER, count + to_refusal + 1, 0, machine.last)
    return [(_LOAD, 0, 0, _NUMBER), beyond, *tests, *tail]
