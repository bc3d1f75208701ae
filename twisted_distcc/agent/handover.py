"""tdistcc's side of the agent: find or start it, and hand a command over to it.

`hand_over` takes a command line and returns the agent's `Verdict`.  tdistcc runs once per compile, so
this module imports neither Twisted nor the standard library's larger parts (`socket` alone costs as much
as the rest of the start).
"""

import _socket
import os
import sys
import time

from twisted_distcc.agent.context import AloneError, name_of, own_context
from twisted_distcc.agent.frames import (
    ELSEWHERE,
    EXIT,
    HEADER_LENGTH,
    MESSAGE,
    REQUEST,
    RUN,
    STALE,
    STDERR,
    STDOUT,
    BadFrameError,
    frame,
    pack_request,
    parse_exit_code,
    parse_header,
)
from twisted_distcc.agent.socket_path import runtime_folder, stamp

# An attempt fails if an agent dies with our request; another agent is then started in its place.
_ATTEMPTS = 3
_BACKLOG = 1024
_READ = 65536
# Which field of /proc/self/stat it is, after the command's name.
_STARTED = 19


class NoAgentError(Exception):
    """No agent could be reached; the text says why."""


class Verdict:
    """The agent's verdict on a command.

    Attributes:
        exit_code: the exit code, if the command is done; otherwise run `compiler`.
        compiler: the path of the compiler to exec.
        stdout, stderr: what the compiler wrote.
        connection: keep it open until the compiler has ended; the agent counts the command until then.
    """

    __slots__ = ("compiler", "connection", "exit_code", "stderr", "stdout")

    def __init__(self, connection: _socket.socket) -> None:
        self.connection = connection
        self.exit_code = -1
        self.compiler = b""
        self.stdout = b""
        self.stderr = b""


def hand_over(argv: list[bytes], message_fd: int) -> Verdict:
    """Let the agent carry out the command `argv`; its messages are written to `message_fd`.

    Raises:
        AloneError: if no agent can serve this process, which is not an error.
        NoAgentError: if there is none, and none can be started.
        UnsafeFolderError: if the folder for its socket is not ours alone.
    """
    name = name_of(own_context())
    variables = [b"%s=%s" % item for item in os.environb.items()]
    directory = os.fsencode(working_directory())
    head = pack_request(stamp(), own_start(), own_umask(), own_terminals(), directory, argv, variables)
    request = frame(REQUEST, head)
    reason = ""
    for _ in range(_ATTEMPTS):
        try:
            connection = _connect(name)
            connection.sendall(request)
            verdict = _listen(connection, message_fd)
        except (OSError, BadFrameError) as error:
            reason = str(error)
            continue
        if verdict is not None:
            return verdict
        reason = "it ended before it gave a verdict"
    raise NoAgentError(f"the agent cannot be reached: {reason}")


def working_directory() -> str:
    """Return the working directory; `$PWD` if it has been removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return os.environ.get("PWD") or "/"


def own_start() -> int:
    """Return when this process began, in microseconds of the system's monotonic clock.

    That is when it was started as another program, too.  The kernel tells it in ticks, so it is taken
    to be one tick later: nothing is told to have begun before it did.
    """
    age = 0.0
    try:
        with open("/proc/self/stat", "rb") as told:
            ticks = int(told.read().rpartition(b")")[2].split()[_STARTED]) + 1
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        pass  # the kernel does not show it
    return time.monotonic_ns() // 1000 - max(0, round(1e6 * age))


def own_umask() -> int:
    """Return this process's umask, which can only be read by setting it."""
    umask = os.umask(0)
    os.umask(umask)
    return umask


def own_terminals() -> bytes:
    """Return the widths of the terminals of standard input and standard error, as in `80,80`.

    The width is empty for what is not a terminal.  Compilers format their messages by these.
    """
    return b",".join(map(_columns, (0, 2)))


def _columns(descriptor: int) -> bytes:
    try:
        return b"%d" % os.get_terminal_size(descriptor).columns
    except OSError:
        return b""


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; drop it if the reader has gone."""
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass


def _listen(connection: _socket.socket, message_fd: int) -> Verdict | None:
    """Read the agent's frames up to its verdict; `None` if the agent ends before."""
    verdict = Verdict(connection)
    while header := _read(connection, HEADER_LENGTH):
        kind, length = parse_header(header)
        payload = _read(connection, length)
        if payload is None:
            return None
        if kind == MESSAGE:
            write_all(message_fd, payload)
        elif kind == STDOUT:
            verdict.stdout += payload
        elif kind == STDERR:
            verdict.stderr += payload
        elif kind == EXIT:
            verdict.exit_code = parse_exit_code(payload)
            return verdict
        elif kind == RUN and payload:
            verdict.compiler = payload
            return verdict
        elif kind == ELSEWHERE:
            raise AloneError("this process runs in another context than the agent")
        elif kind == STALE:
            return None
    return None


def _read(connection: _socket.socket, length: int) -> bytes | None:
    """Read `length` bytes; `None` if the connection ends before."""
    pieces = []
    while length:
        piece = connection.recv(min(length, _READ))
        if not piece:
            return None
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _connect(name: str) -> _socket.socket:
    folder = runtime_folder()
    path = f"{folder}/{name}"
    try:
        return _connect_to(path)
    except (FileNotFoundError, ConnectionRefusedError):
        _start(folder, path)
    try:
        return _connect_to(path)
    except OSError as error:
        raise NoAgentError(f"the agent was started, but cannot be reached: {error}") from None


def _connect_to(path: str) -> _socket.socket:
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    connection.connect(path)
    credentials = connection.getsockopt(_socket.SOL_SOCKET, _socket.SO_PEERCRED, 12)
    if int.from_bytes(credentials[4:8], sys.byteorder) != os.getuid():
        raise NoAgentError(f"{path} is somebody else's")
    return connection


def _start(folder: str, path: str) -> None:
    """Start an agent, unless another process just has: a lock lets only one do so at a time."""
    import fcntl

    lock = os.open(f"{folder}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            _connect_to(path).close()
        except (FileNotFoundError, ConnectionRefusedError):
            _start_alone(folder, path)
    finally:
        os.close(lock)


def _start_alone(folder: str, path: str) -> None:
    """Listen on the agent's behalf, and pass it the socket, so that nobody has to wait for its start."""
    _sweep(folder)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    listener.bind(path)
    listener.listen(_BACKLOG)
    child = os.fork()
    if child == 0:
        try:
            from twisted_distcc.agent.spawning import become_agent

            become_agent(folder, listener.fileno())
        finally:
            os._exit(1)
    _await_end(child)
    listener.close()


def _sweep(folder: str) -> None:
    """Remove the sockets of agents that were killed, perhaps along with their container."""
    for name in os.listdir(folder):
        if name.startswith("agent-"):
            try:
                _connect_to(f"{folder}/{name}").close()
            except ConnectionRefusedError:
                os.unlink(f"{folder}/{name}")
            except (OSError, NoAgentError):
                pass  # it is too busy to answer: it lives


def _await_end(child: int) -> None:
    try:
        os.waitpid(child, 0)
    except ChildProcessError:
        return  # it has ended, and nobody is told: whoever started us ignores SIGCHLD
