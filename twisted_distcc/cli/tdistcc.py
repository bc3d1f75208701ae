"""`tdistcc`: compile somewhere else.

It is given a compiler's command line, or called by a link with a compiler's name, and leaves the files,
the messages and the exit status that the compiler would.  It parses just enough to know which command is
meant, hands it over to the user's agent, and executes the compiler itself when the agent says so.  It
runs once per compile: nothing here may import Twisted, or much of anything, before it is needed.
"""

import _signal  # type: ignore[import-not-found]  # `signal` itself would import `enum`
import os

from twisted_distcc.agent.context import AloneError
from twisted_distcc.agent.handover import (
    NoAgentError,
    Verdict,
    hand_over,
    own_terminals,
    own_umask,
    working_directory,
    write_all,
)
from twisted_distcc.agent.socket_path import UnsafeFolderError

NAME = "tdistcc"
# The last is what this Python's script is called where a compiled program is installed as `tdistcc`.
_OWN_NAMES = (NAME, "distcc", "tdistcc-python")
_SCAN = "--scan-includes"
IMPLICIT_COMPILER = "cc"
# Set for the compilers that we and our agent start: a tdistcc that they start in turn compiles here,
# takes no slot (its starter has one, and would wait for ever), and does not recurse endlessly.
SAFEGUARD = b"_TDISTCC_SAFEGUARD"
_DEEPEST = 5
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
_STDOUT, _STDERR = 1, 2
_IGNORED_BY_PYTHON = (_signal.SIGPIPE, _signal.SIGXFSZ)
_EXIT_MISSING = 110
_EXIT_RECURSIVE = 111
_INTERRUPTED = 130
# What Python sets LC_CTYPE to as it starts, if the user's locale is C or is not installed (PEP 538).
_COERCED = (b"C.UTF-8", b"C.utf8", b"UTF-8")
_SOURCES = (".c", ".cc", ".cpp", ".cxx", ".C", ".i", ".ii", ".m", ".mm", ".s", ".S", ".o", ".a")


def main(argv: list[str]) -> None:
    """Run, and exit."""
    is_mute = _keep_closed_streams()
    try:
        status = _main(argv, is_mute)
    except KeyboardInterrupt:
        status = _INTERRUPTED
    if status == _INTERRUPTED:
        _end_by_interrupt()
    os._exit(status)


def _keep_closed_streams() -> bool:
    """Open substitutes, neither readable nor writable, for standard streams that are closed.

    Otherwise the next file or socket that we open would get their numbers.  The compiler that we execute
    finds them closed.  Return whether a compiler's messages would be lost: gcc then fails if it has any.
    """
    kept = []
    while (descriptor := os.open("/", os.O_PATH)) <= _STDERR:
        kept.append(descriptor)
    os.close(descriptor)
    return any(descriptor in kept for descriptor in (_STDOUT, _STDERR))


def _end_by_interrupt() -> None:
    """End by SIGINT itself: after an ordinary exit, a shell would go on with its loop."""
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    os.kill(os.getpid(), _signal.SIGINT)


def command_of(argv: list[str]) -> list[str] | None:
    """Return the compiler's command line that `argv` means; `None` if it is about tdistcc itself.

    Called by a name that is not ours, we act as that compiler; otherwise the compiler is the first word,
    or `cc` if the first word is an option or a file.
    """
    called = os.path.basename(argv[0])
    if called not in _OWN_NAMES:
        return [called, *argv[1:]]
    if len(argv) == 1 or argv[1] in _own_options():
        return None
    if argv[1].startswith("-") or argv[1].endswith(_SOURCES):
        return [IMPLICIT_COMPILER, *argv[1:]]
    return argv[1:]


def _own_options() -> tuple[str, ...]:
    return ("--help", "--version", "--show-hosts", _SCAN, "-j", "--show-principal")


def _main(argv: list[str], is_mute: bool) -> int:
    command = command_of(argv)
    if command is None:
        return _about(argv)
    _give_back_locale()
    depth = os.environb.get(SAFEGUARD, b"")
    os.environb[SAFEGUARD] = depth + b"+"
    if depth or is_mute:
        return _here(command, len(depth))
    messages = message_descriptor()
    if os.environ.get("DISTCC_AGENT") == "0":
        return _alone(command, messages)
    try:
        verdict = hand_over([os.fsencode(word) for word in command], messages)
    except AloneError as reason:
        return _alone(command, messages, str(reason))
    except (NoAgentError, UnsafeFolderError) as error:
        _write(messages, f"Warning: {error}; compiling without an agent")
        return _alone(command, messages)
    return _follow(verdict, command)


def _about(argv: list[str]) -> int:
    """Carry out one of tdistcc's own options."""
    _load_site()
    if argv[1:2] == [_SCAN]:
        from twisted_distcc.cli import scan_includes

        return scan_includes.main(command_of([NAME, *argv[2:]]) or [], message_descriptor())
    from twisted_distcc.cli.tdistcc_about import about

    return about(argv[1:], os.path.basename(argv[0]))


def _give_back_locale() -> None:
    """Restore LC_CTYPE to what it was before Python started: compilers choose quotation marks by it."""
    if os.environb.get(b"LC_CTYPE") not in _COERCED:
        return
    try:
        with open("/proc/self/environ", "rb") as started_with:
            variables = started_with.read().split(b"\0")
    except OSError:
        return
    del os.environb[b"LC_CTYPE"]
    for variable in variables:
        if variable.startswith(b"LC_CTYPE="):
            os.environb[b"LC_CTYPE"] = variable[9:]


def _follow(verdict: Verdict, command: list[str]) -> int:
    if verdict.compiler:
        os.set_inheritable(verdict.connection.fileno(), True)
        return become(os.fsdecode(verdict.compiler), command)
    write_all(1, verdict.stdout)
    write_all(2, verdict.stderr)
    return verdict.exit_code


def become(compiler: str, command: list[str]) -> int:
    """Execute `compiler`; if that fails, say so and return an exit status."""
    _give_back_signals()
    try:
        os.execv(compiler, [_called(command[0], compiler), *command[1:]])
    except OSError as error:
        _write(2, f"ERROR: failed to exec {compiler}: {error.strerror}")
        return _EXIT_MISSING


def _called(name: str, compiler: str) -> str:
    """Return the `argv[0]` for `compiler`: the name that the user typed, unless that means tdistcc.

    gcc passes it on (`COLLECT_GCC`), and searches PATH for itself if it is a bare name.
    """
    folders = [""] if "/" in name else os.environ.get("PATH", os.defpath).split(":")
    paths = (os.path.join(working_directory(), folder, name) for folder in folders)
    found = next((path for path in paths if os.access(path, os.X_OK) and not os.path.isdir(path)), None)
    return name if found == compiler else compiler


def _give_back_signals() -> None:
    """Restore the signals that Python ignores from its start: `gcc -E x.c | head` should end quietly.

    Python does not tell whether these signals were ignored before, as SIGPIPE is in systemd's services.
    Shells and build tools ignore a signal only if they were started like that or told to, and pass that
    on to their children: so we do as our parent does.  A parent that ignores all of them is another
    Python, which resets them for its children.
    """
    ignored = _ignored_by_parent()
    by_python = all(ignored & _bit(number) for number in _IGNORED_BY_PYTHON)
    for number in _IGNORED_BY_PYTHON:
        if by_python or not ignored & _bit(number):
            _signal.signal(number, _signal.SIG_DFL)


def _ignored_by_parent() -> int:
    """Return the signals that our parent ignores, one bit for each; 0 if that is unknown."""
    try:
        with open(f"/proc/{os.getppid()}/status", "rb") as status:
            return next(int(line[7:], 16) for line in status if line.startswith(b"SigIgn:"))
    except (OSError, StopIteration):
        return 0


def _bit(number: int) -> int:
    return 1 << (number - 1)


def _here(command: list[str], depth: int) -> int:
    """Compile here, unless compilers and tdistcc have been starting each other too many times."""
    from twisted_distcc.toolchain.finding import find_compiler, not_found

    compiler = find_compiler(command[0], working_directory(), os.environ.get("PATH", os.defpath))
    if compiler is None:
        _write(2, f"ERROR: {not_found(command[0])}")
        return _EXIT_MISSING
    if depth >= _DEEPEST:
        _write(
            2,
            f"ERROR: {compiler} starts tdistcc again and again: it is a link or script to it",
        )
        return _EXIT_RECURSIVE
    return become(compiler, command)


def _alone(command: list[str], messages: int, reason: str = "") -> int:
    """Do the agent's work in this process, for `reason`; if that fails, compile here."""
    try:
        return _alone_if_we_can(command, messages, reason)
    except Exception as error:  # such as a limit on memory
        if not reason:
            _write(messages, f"Warning: compiling here, as tdistcc's larger part failed: {error!r}")
        return _here(command, 0)


def _alone_if_we_can(command: list[str], messages: int, reason: str) -> int:
    _load_site()
    from twisted_distcc.agent.agentless import run_alone
    from twisted_distcc.client.invocation import Finished, Invocation, Terminal

    terminal = Terminal.parse(own_terminals())
    environ = dict(os.environ)
    invocation = Invocation(tuple(command), working_directory(), environ, own_umask(), terminal)
    outcome = run_alone(invocation, lambda line: write_all(messages, line), reason)
    if outcome is None:
        return _INTERRUPTED
    if isinstance(outcome, Finished):
        write_all(1, outcome.stdout)
        write_all(2, outcome.stderr)
        return outcome.exit_code
    if outcome.slot is not None:
        os.set_inheritable(outcome.slot.fd, True)
    return become(outcome.compiler, command)


def _load_site() -> None:
    """Make third-party packages importable: the usual course does without."""
    from twisted_distcc.python import load_site

    load_site()


def message_descriptor() -> int:
    """Return the descriptor for our own messages.

    That is the log, opened here because only this process has the user's descriptors, terminal and view
    of files; or the one that ccache provides, which keeps our messages out of its cache; or standard
    error.
    """
    log = os.environ.get("DISTCC_LOG")
    if log:
        try:
            return _beyond_standard(os.open(log, _APPENDING, 0o666))
        except OSError as error:
            _write(2, f"ERROR: failed to open logfile {log}: {error.strerror}")
            return 2
    number = os.environ.get("UNCACHED_ERR_FD", "")
    return int(number) if number.isdecimal() and _is_open(int(number)) else 2


def _beyond_standard(fd: int) -> int:
    """Move `fd` above 2: streams that the caller has closed must stay closed for the compiler."""
    if fd > 2:
        return fd
    import fcntl

    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return moved


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except (OSError, OverflowError):
        return False
    return True


def _write(fd: int, text: str) -> None:
    write_all(fd, os.fsencode(f"{NAME}: {text}\n"))
