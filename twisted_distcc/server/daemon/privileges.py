"""Give up root for good before anybody is served.

Afterwards the process is an ordinary user, with that user's groups and no others, without capabilities,
and nothing that it starts can gain any (`no_new_privs`); it has verified that there is no way back.  A
process that was not root keeps its user, and cannot gain anything either.

The server and `twistd-stdio` both start here, so nothing here needs Twisted.  Any step that fails raises
a `PrivilegeError`, and whoever gets one must not serve.
"""

from __future__ import annotations

import os
import pwd
import stat
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from twisted_distcc.errors import EXIT_PRIVILEGES, DistccError
from twisted_distcc.launcher.starting import hold_standing
from twisted_distcc.observe.opening import open_own

if TYPE_CHECKING:
    from twisted_distcc.server.options.account import Account

_ROOT: Final = 0
# The user of Debian's package, and then C distccd's own order (distccd(1), `--user`).
_BY_DEFAULT: Final = ("distccd", "distcc", "nobody")
_TASKS: Final = "/proc/self/task"
_LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class PrivilegeError(DistccError):
    """Root could not be given up; the text says why, and what to do."""

    exit_code = EXIT_PRIVILEGES


def is_root() -> bool:
    """Return whether this process is root, or can become it again."""
    return _ROOT in os.getresuid()


def account(name: str | None) -> Account | None:
    """Return the user that root becomes: `name`, or the first default user that exists; `None` if not
    root.

    Raises:
        PrivilegeError: if there is no such user, or it is root, or as powerful as root.
    """
    if not is_root():
        return None
    for candidate in _BY_DEFAULT if name is None else (name,):
        try:
            return _made(pwd.getpwnam(candidate))
        except KeyError:
            continue
    raise PrivilegeError(
        "there is no user distccd, distcc or nobody to become: create one, or name another with --user"
        if name is None
        else f"there is no user {name!r} to become: name one that exists with --user"
    )


def numbered_account(uid: int, gid: int | None = None) -> Account:
    """Return the user that root becomes, by number; `gid` replaces the user's own group.

    Raises:
        PrivilegeError: see `account`.
    """
    try:
        return _made(pwd.getpwuid(uid), gid)
    except KeyError:
        raise PrivilegeError(f"there is no user number {uid} to become: name one that exists") from None


def _made(entry: pwd.struct_passwd, gid: int | None = None) -> Account:
    own = entry.pw_gid if gid is None else gid
    groups = frozenset(os.getgrouplist(entry.pw_name, own))
    if entry.pw_uid == _ROOT or _ROOT in groups:
        raise PrivilegeError(
            f"{entry.pw_name} is root, or in root's group; refusing to serve as root: "
            "name another user with --user"
        )
    # Not at the top: twistd-stdio starts once per job, mostly as a user.
    from twisted_distcc.server.options.account import Account

    return Account(entry.pw_name, entry.pw_uid, own, groups, entry.pw_dir)


def give_root_away(successor: Account | None) -> None:
    """Become `successor` for good; `None` is for a process that is not root, which keeps its user.

    Raises:
        PrivilegeError: if any step fails, or could be undone.
    """
    # Not at the top: ctypes takes two milliseconds, which callers of `is_root` alone need not pay.
    from twisted_distcc.server.daemon import linux_capabilities

    if successor is None and is_root():
        raise PrivilegeError("refusing to serve as root: name another user with --user")
    try:
        if successor is not None:
            _require_one_thread()
            hold_standing()
            linux_capabilities.empty_bounding_set()
            _become(successor)
        linux_capabilities.gain_nothing()
    except OSError as error:
        name = "this user" if successor is None else successor.name
        raise PrivilegeError(f"cannot give up what {name} must not have: {error}") from error
    if not linux_capabilities.gains_nothing():
        raise PrivilegeError(
            "could not drop all capabilities, or the way back to them; refusing to start"
        )
    if successor is not None:
        _require_to_be(successor, linux_capabilities.file_system_ids())
        _require_no_way_back()


def _require_one_thread() -> None:
    """Capabilities and `no_new_privs` are per thread: other threads would keep what they have."""
    if os.path.isdir(_TASKS) and len(os.listdir(_TASKS)) != 1:
        raise PrivilegeError("root cannot be given up while threads are running: start none before")


def _become(successor: Account) -> None:
    """Take on its groups while we may, then its user, and set HOME to its home."""
    os.setgroups(sorted(successor.groups))
    os.setresgid(successor.gid, successor.gid, successor.gid)
    os.setresuid(successor.uid, successor.uid, successor.uid)
    os.environ.update(HOME=successor.home, USER=successor.name, LOGNAME=successor.name)


def _require_to_be(successor: Account, file_system_ids: tuple[int, int]) -> None:
    uid, gid = file_system_ids
    if {*os.getresuid(), uid} != {successor.uid} or {*os.getresgid(), gid} != {successor.gid}:
        raise PrivilegeError(f"could not fully switch to user {successor.name}; refusing to start")
    if not set(os.getgroups()) <= successor.groups:
        raise PrivilegeError(
            f"could not drop all groups that {successor.name} is not in; refusing to start"
        )


def _require_no_way_back() -> None:
    ways: tuple[Callable[[], None], ...] = (
        lambda: os.setuid(_ROOT),
        lambda: os.setgid(_ROOT),
        lambda: os.setgroups([_ROOT]),
    )
    for way in ways:
        try:
            way()
        except PermissionError:
            continue
        raise PrivilegeError("root was given up, but could be regained; refusing to start")


def hand_over(path: str, successor: Account | None) -> None:
    """Make `successor` the owner of root's file `path`, so that it can be opened again.

    Links are not followed: someone who can plant links in a folder, or on the way to it, must not get
    one of root's files by them.

    Raises:
        PrivilegeError: if the owner cannot be changed.
    """
    if successor is None or os.path.islink(path):
        return
    try:
        with open(open_own(path, _LOOK), "rb", buffering=0) as file:
            if _is_roots_own(os.fstat(file.fileno())):
                os.fchown(file.fileno(), successor.uid, successor.gid)
    except OSError as error:
        raise PrivilegeError(f"cannot give {path} to {successor.name}: {error}") from error


def _is_roots_own(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_nlink == 1 and found.st_uid == _ROOT


def unreadable(*paths: str) -> str | None:
    """Return the first of `paths` that this process cannot read, such as one in root's own folders."""
    return next((path for path in paths if not os.access(path, os.R_OK)), None)
