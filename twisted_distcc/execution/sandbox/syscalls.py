"""The system calls that a job may make, and how all others fail.

The tables are by name; `syscall_numbers` has the numbers, and `seccomp` turns both into a program.

A call is on the list because a compiler, an assembler, a shell or an interpreter of a toolchain needs it
(see `tests/execution/sandbox/traced.txt`), or because another C library uses it in place of such a one.
Each was checked for what it reveals about the machine, and for what shared resources it uses: a job may
use up what is its own, and nothing that is counted per user or for the whole machine.

What is not on the list fails, in the way that programs are used to:

- what newer kernels have, and what older ones lack, is not there (`ENOSYS`): every C library still does
  without, so a toolchain that runs on Linux 5.0 runs here;
- what would only be advice, or what cannot matter to files in memory, succeeds and does nothing;
- the rest is not permitted (`EPERM`).
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

NEWEST: Final = 402
"""No call of Linux 5.0 has a higher number; later ones have the same number everywhere."""

_FILES: Final = (
    "access", "chdir", "chmod", "chown", "chown32", "close", "creat", "dup", "dup2", "dup3",
    "faccessat", "fchdir", "fchmod", "fchmodat", "fchown", "fchown32", "fchownat", "fstat",
    "fstat64", "fstatat64", "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents",
    "getdents64", "lchown", "lchown32", "link", "linkat", "_llseek", "lseek", "lstat", "lstat64",
    "mkdir", "mkdirat", "newfstatat", "open", "openat", "pipe", "pipe2", "pread64", "preadv",
    "pwrite64", "pwritev", "read", "readdir", "readlink", "readlinkat", "readv", "rename",
    "renameat", "rmdir", "stat", "stat64", "symlink", "symlinkat", "truncate", "truncate64",
    "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes", "write", "writev",
)  # fmt: skip
_WAITING: Final = ("_newselect", "poll", "ppoll", "pselect6", "select")
_MEMORY: Final = ("brk", "mprotect", "mremap", "munmap")
_PROCESSES: Final = (
    "execve", "exit", "exit_group", "fork", "vfork", "wait4", "waitid", "waitpid", "getegid",
    "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32",
    "getpgid", "getpgrp", "getpid", "getppid", "getresgid", "getresgid32", "getresuid",
    "getresuid32", "getsid", "gettid", "getuid", "getuid32", "setpgid", "setsid", "capget",
    "getpriority", "getrlimit", "getrusage", "prlimit64", "setrlimit", "ugetrlimit",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getparam",
    "sched_getscheduler", "sched_yield",
)  # fmt: skip
_SIGNALS: Final = (
    "pause", "restart_syscall", "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "sgetmask", "sigaction", "sigaltstack", "signal",
    "sigpending", "sigprocmask", "sigreturn", "sigsuspend", "ssetmask",
)  # fmt: skip
_THREADS: Final = (
    "futex", "get_robust_list", "get_thread_area", "getcpu", "rseq", "set_robust_list",
    "set_thread_area", "set_tid_address",
)  # fmt: skip
_TIME: Final = (
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday",
    "nanosleep", "setitimer", "time", "times",
)  # fmt: skip
# `sysinfo` tells how much memory there is, and how busy the machine is: gcc sizes its heap by it.
_MACHINE: Final = ("getrandom", "sysinfo", "uname")

ALLOWED: Final = frozenset(
    [*_FILES, *_WAITING, *_MEMORY, *_PROCESSES, *_SIGNALS, *_THREADS, *_TIME, *_MACHINE]
)


@dataclass(frozen=True, slots=True)
class OneOf:
    """Allowed if an argument, of 32 bits, counted from 0, is one of these; `otherwise` is the error."""

    argument: int
    values: tuple[int, ...]
    otherwise: int


@dataclass(frozen=True, slots=True)
class NoneOf:
    """Allowed if an argument, of 32 bits, counted from 0, has none of these bits set."""

    argument: int
    bits: int
    otherwise: int


Condition = OneOf | NoneOf

# CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET of `linux/sched.h`.
_NEW_NAMESPACES: Final = 0x7E020000
# MAP_LOCKED takes memory that cannot be swapped out; MAP_HUGETLB takes from a pool of the whole machine.
_SCARCE_MEMORY: Final = 0x2000 | 0x40000
# All kinds of files in `linux/stat.h` but S_IFIFO: no sockets, no devices.
_NOT_FIFOS: Final = 0xE000
# Below the real-time signals: those are queued, and the queue is limited per user.
_PLAIN_SIGNALS: Final = tuple(range(32))
# F_DUPFD, GETFD, SETFD, GETFL, SETFL, F_DUPFD_CLOEXEC and F_GETPIPE_SZ: no lock, lease or notice of what
# others do with a file, no larger pipe.
_DESCRIPTORS: Final = (0, 1, 2, 3, 4, 1030, 1032)
# TCGETS and TIOCGWINSZ, which ask whether something is a terminal, FIONCLEX and FIOCLEX.
_TERMINALS: Final = (0x5401, 0x5413, 0x5450, 0x5451)
# MADV_NORMAL, RANDOM, SEQUENTIAL, WILLNEED, DONTNEED, FREE, DONTFORK, DOFORK, HUGEPAGE, NOHUGEPAGE,
# DONTDUMP and DODUMP: nothing is merged with others' memory, or thrown out of the cache.
_ADVICE: Final = (0, 1, 2, 3, 4, 8, 10, 11, 14, 15, 16, 17)
# PR_SET_NAME, GET_NAME, GET_NO_NEW_PRIVS: no filters, whose compiled code takes memory that all share.
_OWN_STATE: Final = (15, 16, 39)
# MEMBARRIER_CMD_QUERY, and the two kinds of PRIVATE_EXPEDITED: only among its own threads.
_OWN_BARRIERS: Final = (0, 8, 16)
# PRIO_PROCESS: a script may be nice.
_PROCESS: Final = (0,)
# ARCH_SET_GS, SET_FS, GET_FS and GET_GS.
_SEGMENTS: Final = (0x1001, 0x1002, 0x1003, 0x1004)

CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        "arch_prctl": OneOf(0, _SEGMENTS, errno.EINVAL),
        "clone": NoneOf(0, _NEW_NAMESPACES, errno.EPERM),
        "fallocate": OneOf(1, (0,), errno.EOPNOTSUPP),
        "fcntl": OneOf(1, _DESCRIPTORS, errno.EINVAL),
        "fcntl64": OneOf(1, _DESCRIPTORS, errno.EINVAL),
        "ioctl": OneOf(1, _TERMINALS, errno.ENOTTY),
        "kill": OneOf(1, _PLAIN_SIGNALS, errno.EPERM),
        "madvise": OneOf(2, _ADVICE, errno.EINVAL),
        "membarrier": OneOf(0, _OWN_BARRIERS, errno.EINVAL),
        "mmap": NoneOf(3, _SCARCE_MEMORY, errno.ENOMEM),
        "mmap2": NoneOf(3, _SCARCE_MEMORY, errno.ENOMEM),
        "mknod": NoneOf(1, _NOT_FIFOS, errno.EPERM),
        "mknodat": NoneOf(2, _NOT_FIFOS, errno.EPERM),
        "prctl": OneOf(0, _OWN_STATE, errno.EINVAL),
        "setpriority": OneOf(0, _PROCESS, errno.EPERM),
        "tgkill": OneOf(2, _PLAIN_SIGNALS, errno.EPERM),
        "tkill": OneOf(1, _PLAIN_SIGNALS, errno.EPERM),
    }
)

_IGNORED: Final = ("fadvise64", "fadvise64_64", "fdatasync", "fsync", "sync")
# `statx` tells when a file was created, and how many mounts the machine has seen.
_MISSING: Final = (
    "copy_file_range", "execveat", "preadv2", "pwritev2", "renameat2", "sendfile", "sendfile64",
    "statx", "timer_create",
)  # fmt: skip
_UNSUPPORTED: Final = (
    "flock", "fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "getxattr", "lgetxattr",
    "listxattr", "llistxattr", "lremovexattr", "lsetxattr", "removexattr", "setxattr",
)  # fmt: skip

ANSWERED: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(_IGNORED, 0),
        **dict.fromkeys(_MISSING, errno.ENOSYS),
        **dict.fromkeys(_UNSUPPORTED, errno.EOPNOTSUPP),
    }
)
"""The result of calls that are neither allowed nor simply forbidden; 0 is success."""

JAIL: Final = frozenset(
    [
        "capset", "clone3", "close_range", "fsconfig", "fsmount", "fsopen", "mknodat", "mount_setattr",
        "move_mount", "openat2", "open_tree", "pivot_root", "prctl", "recvmsg", "sendfile", "sendto",
        "sethostname", "umount2",
    ]
)  # fmt: skip
"""What the jail itself calls to set a job up, apart from what jobs may call."""

NAMED: Final = frozenset([*ALLOWED, *CONDITIONS, *ANSWERED])
"""All calls that have a rule."""
