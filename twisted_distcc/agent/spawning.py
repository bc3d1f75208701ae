"""Turn a child of tdistcc into an agent that inherits nothing but the context.

`become_agent` takes the folder of the user's agents and a listening socket, and execs an agent whose
descriptors, signals, processor affinity and OOM score are the defaults.  A build tool waits until nobody
holds one of its descriptors any more, so none is kept.
"""

import _signal  # type: ignore[import-not-found]  # `signal` itself would import `enum`
import os

from twisted_distcc.python import python_argv

_LARGEST_LOG = 1 << 20
_MOST_PROCESSORS = 1024
LISTENER = 3
"""The descriptor on which a new agent finds its listening socket."""


def become_agent(folder: str, listener: int) -> None:
    """Exec an agent, which keeps nothing of this process but its context (see `agent.context`)."""
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    _leave_streams(folder, listener)
    _leave_signals()
    _leave_standing()
    argv = python_argv("twisted_distcc.agent.main")
    os.execve(argv[0], argv, {})


def _leave_streams(folder: str, listener: int) -> None:
    """Close all inherited descriptors: a build tool waits until nobody holds one of its own any more."""
    listener = _above(LISTENER, listener)
    null = _above(LISTENER, os.open("/dev/null", os.O_RDWR))
    log = _above(LISTENER, os.open(f"{folder}/log", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
    if os.fstat(log).st_size > _LARGEST_LOG:
        os.ftruncate(log, 0)
    for number, descriptor in enumerate((null, null, log, listener)):
        os.dup2(descriptor, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > LISTENER:
            _close(int(name))


def _above(least: int, descriptor: int) -> int:
    """Return a descriptor of the same file whose number is above `least`."""
    while descriptor <= least:
        descriptor = os.dup(descriptor)
    return descriptor


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        return  # it was for the listing of descriptors, and is closed


def _leave_signals() -> None:
    """Reset every signal to its default."""
    _signal.pthread_sigmask(_signal.SIG_SETMASK, ())
    for number in range(1, _signal.NSIG):
        try:
            _signal.signal(number, _signal.SIG_DFL)
        except (OSError, ValueError):
            continue  # SIGKILL, or of the C library's own


def _leave_standing() -> None:
    """Reset processor affinity and OOM score to the defaults."""
    try:
        os.sched_setaffinity(0, range(_MOST_PROCESSORS))
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as standing:
            standing.write(b"0")
    except OSError:
        pass  # the kernel lets us do neither: so be it
