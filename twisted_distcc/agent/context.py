"""The context of a process: all that the kernel lets it see, reach and be.

An agent opens files, calls servers and starts preprocessors for others, and serves only callers whose
context equals its own.  From another root it would find other files by the same names, from another
network namespace other hosts, and as a member of other groups it could read files that its caller may
not, or fail to read those that the caller may.  So everything that decides this is part of an agent's
identity.  It determines the name of the agent's socket, by which a caller finds the agent of its own
context; and the agent checks each caller through `/proc`, because only the kernel can be trusted.  Some
callers cannot share an agent with anybody: `own_context` says which.

The environment, the umask and the working directory are not part of it: they are sent with each request.
Processor affinity and the OOM score have no effect on the result of a compile; an agent starts with the
defaults.

This module is on tdistcc's start path, so it imports only `os`.  `cli/compiled.c` reads the same facts,
in the same order.
"""

import os

_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
# Users and groups, the five sets of capabilities, rights given up for good, and the tracer.
_STATUS = (b"TracerPid:", b"Uid:", b"Gid:", b"Groups:", b"Cap", b"NoNewPrivs:", b"Seccomp")
_MOUNT = (b"mnt_id:",)
# Limits that would end a long-lived, busy agent, or would not apply to what is compiled elsewhere.
_DEADLY_LIMITS = (b"Max cpu time", b"Max file size", b"Max data size", b"Max address space")
_INTERPOSERS = ("LD_PRELOAD", "LD_AUDIT")
_UNTRACED = b"TracerPid:\t0"
# A number below this and one more byte fit into the 64 bits that the program in C has.
_PRIME = (1 << 56) - 5
_PIECE = 1 << 16


class AloneError(Exception):
    """No agent can serve this process; the text says why."""


def own_context() -> bytes:
    """Return the context of this process, for an agent to share.

    Raises:
        AloneError: if an agent could not have this context, or would not survive in it.
    """
    if name := next(filter(os.environ.get, _INTERPOSERS), None):
        raise AloneError(f"{name} is set, and an agent is started without it")
    try:
        if os.readlink("/proc/self") != str(os.getpid()):
            raise AloneError("/proc belongs to another PID namespace")
        if _namespace("/proc/self", "pid_for_children") != _namespace("/proc/self", "pid"):
            raise AloneError("child processes enter another PID namespace")
        context = context_of("self")
    except OSError as error:
        raise AloneError(f"/proc does not show this process: {error}") from None
    lines = context.splitlines()
    if _UNTRACED not in lines:
        raise AloneError("this process is traced, and an agent would be, too")
    if any(map(_is_deadly, lines)):
        raise AloneError("processor time, memory or the size of files is limited (see `ulimit -a`)")
    return context


def context_of(process: str) -> bytes:
    """Return the context of a process, given its ID or `self`; equal contexts are equal bytes.

    Raises:
        OSError: if the kernel does not show it, as for a process with more rights than ours.
    """
    folder = f"/proc/{process}"
    number = 0 if process == "self" else int(process)
    return b"".join(
        (
            *_view(process),
            _lines(_read(f"{folder}/status"), _STATUS),
            _read(f"{folder}/cgroup"),
            _read(f"{folder}/limits"),
            _label(f"{folder}/attr/current"),
            b"%d %d\n" % (os.getpriority(os.PRIO_PROCESS, number), os.sched_getscheduler(number)),
        )
    )


def name_of(context: bytes) -> str:
    """Return the name of the socket for an agent in `context`, which is this process's own.

    The name also depends on the execution domain (`setarch`).  The kernel shows that to nobody else, so
    here the agent trusts its callers.
    """
    facts = context + _read("/proc/self/personality")
    return f"agent-{int.from_bytes(facts, 'big') % _PRIME:x}"


def has_company() -> bool:
    """Whether any process, apart from our session, has the same root and the same namespaces.

    If there is none, nobody is likely to call: the namespaces were made for one command.
    """
    own, session = _view("self"), os.getsid(0)
    for process in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if os.getsid(int(process)) != session and _view(process) == own:
                return True
        except OSError:
            pass  # it has ended, or is somebody else's
    return False


def _view(process: str) -> tuple[bytes, ...]:
    """Return the root and the namespaces, which decide what its names of files and hosts mean."""
    folder = f"/proc/{process}"
    return _root(f"{folder}/root"), *(_namespace(folder, name) for name in _NAMESPACES)


def _root(path: str) -> bytes:
    """Return what distinguishes a root from all others in use: a folder mounted twice is two roots."""
    root = os.open(path, os.O_PATH)
    try:
        found = os.fstat(root)
        mount = _lines(_read(f"/proc/self/fdinfo/{root}"), _MOUNT)
        return b"%d %d\n%s" % (found.st_dev, found.st_ino, mount)
    finally:
        os.close(root)


def _namespace(folder: str, name: str) -> bytes:
    """Return the namespace of this kind that a process is in; empty if the kernel has none."""
    try:
        return os.fsencode(os.readlink(f"{folder}/ns/{name}")).partition(b":")[2] + b"\n"
    except FileNotFoundError:
        os.stat(f"{folder}/ns")
        return b"\n"


def _label(path: str) -> bytes:
    """Return the label of a security module, if there is one that labels processes."""
    try:
        return _read(path)
    except OSError:
        return b""


def _is_deadly(limit: bytes) -> bool:
    return limit.startswith(_DEADLY_LIMITS) and limit.count(b"unlimited") < 2


def _lines(text: bytes, beginnings: tuple[bytes, ...]) -> bytes:
    return b"".join(line for line in text.splitlines(keepends=True) if line.startswith(beginnings))


def _read(path: str) -> bytes:
    """Return the contents of a file, by a third of the system calls that a file object makes."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        pieces = []
        while piece := os.read(descriptor, _PIECE):
            pieces.append(piece)
        return b"".join(pieces)
    finally:
        os.close(descriptor)
