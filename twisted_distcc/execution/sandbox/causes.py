"""Explain why no sandbox can be made here, and what would help.

`advised` takes what bubblewrap printed, or the jail, and a way to read the kernel's files, and returns a
sentence.  Both say much the same in a chroot, in a container, and where an administrator has disabled
namespaces; the files tell which it is.  Several causes can apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

Read: TypeAlias = Callable[[str], str | None]

_OLD_KERNEL: Final = (
    "this kernel lacks what our own jail needs, Linux 5.12: install bubblewrap, which does without"
)
_TOO_OLD: Final = "bubblewrap is too old here: 0.7 or newer is wanted"
_NO_PROC: Final = (
    "no /proc is mounted here, or a part is hidden: `mount -t proc proc /proc`; a chroot needs more"
    " than that, as the kernel lets nobody make user namespaces in one"
)
_HIDDEN_PROC: Final = "the container hides /proc: run it with `--security-opt systempaths=unconfined`"
_CHROOT: Final = (
    "this is a chroot, in which the kernel lets nobody make user namespaces: start the server outside"
    " of it, or change its root as containers do (`RootDirectory=` of systemd, pivot_root)"
)
_LIMIT: Final = (
    "no more user namespaces can be made here: allow some with `sysctl user.max_user_namespaces=10000`"
)
_DEBIAN: Final = (
    "this system lets only root make user namespaces: allow it with `sysctl"
    " kernel.unprivileged_userns_clone=1`"
)
_UBUNTU: Final = (
    "AppArmor restricts user namespaces here: allow them with `sysctl"
    " kernel.apparmor_restrict_unprivileged_userns=0`, or with an AppArmor profile for bwrap"
)
_PROFILE: Final = (
    "an AppArmor profile is in force, as in a container: run that with"
    " `--security-opt apparmor=unconfined`"
)
_SECCOMP: Final = (
    "a filter for system calls is in force: run a container with `--security-opt seccomp=unconfined`,"
    " and a service of systemd without RestrictNamespaces= and with SystemCallFilter=@mount"
)
_SOMETHING: Final = (
    "the kernel lets this user make no namespaces, for one of these reasons: this is a chroot (start the"
    " server outside of it); the limit is 0 (`sysctl user.max_user_namespaces=10000`); on Debian"
    " (`sysctl kernel.unprivileged_userns_clone=1`); on Ubuntu (`sysctl"
    " kernel.apparmor_restrict_unprivileged_userns=0`, or an AppArmor profile for bwrap); in a container"
    " (`--security-opt seccomp=unconfined --security-opt apparmor=unconfined`)"
)
# Messages that have only one cause.
_CERTAIN: Final = (
    ("Unknown option", _TOO_OLD),
    ("Function not implemented", _OLD_KERNEL),
    ("overflowuid", _NO_PROC),
    ("mount proc", _HIDDEN_PROC),
    ("ENOSPC", _LIMIT),
    ("No space left", _LIMIT),
)
_FORBIDDEN: Final = ("namespace", "uid map", "Operation not permitted", "Permission denied")


def read_kernel(path: str) -> str | None:
    """Return the text of one of the kernel's files; `None` if it is not available."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip("\0\n")
    except OSError:
        return None


def advised(reason: str, read: Read = read_kernel) -> str:
    """Return what to do about `reason`, followed by the reason in brackets; or just the reason."""
    advice = next((advice for words, advice in _CERTAIN if words in reason), None)
    if advice is None and any(words in reason for words in _FORBIDDEN):
        advice = "; and ".join(_causes(read)) or _SOMETHING
    return f"{advice} ({reason})" if advice else reason


def _causes(read: Read) -> Iterator[str]:
    if _is_chroot(read("/proc/self/mountinfo")):
        yield _CHROOT
    for path, value, advice in (
        ("/proc/sys/user/max_user_namespaces", "0", _LIMIT),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", _DEBIAN),
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", _UBUNTU),
    ):
        if read(path) == value:
            yield advice
    if (read("/proc/self/attr/current") or "").endswith(" (enforce)"):
        yield _PROFILE
    if "\nSeccomp:\t2\n" in (read("/proc/self/status") or ""):
        yield _SECCOMP


def _is_chroot(mounts: str | None) -> bool:
    """Whether our root is not a mount point, which is so only after a plain `chroot`.

    A chroot to a mount point looks like any other root.
    """
    return mounts is not None and all(line.split()[4] != "/" for line in mounts.splitlines())
