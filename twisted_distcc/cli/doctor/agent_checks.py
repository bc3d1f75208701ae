"""Checks of the user's agent: is it there, does it answer, does it belong to this installation?

The agent is asked for a command that does not exist, which it answers at once, without a slot or a host.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.error import ConnectionRefusedError as NobodyThereError
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_distcc.agent.context import AloneError, context_of, name_of, own_context
from twisted_distcc.agent.frames import REQUEST, STALE, frame, pack_request
from twisted_distcc.agent.socket_path import UnsafeFolderError, runtime_folder, stamp
from twisted_distcc.cli.doctor.findings import Finding, fault, note, warning

_PROGRAM: Final = b"twisted_distcc.agent.main"
_NO_COMMAND: Final = b"twisted-distcc-doctor"
_UMASK: Final = 0o022
_NEXT: Final = "the next compile starts a new one"


async def agent(reactor: Any, timeout: float) -> list[Finding]:
    """Return what is wrong with the agent that would serve this process."""
    try:
        folder, name = runtime_folder(), name_of(own_context())
    except UnsafeFolderError as error:
        return [fault(f"no agent can be started: {error}", "export XDG_RUNTIME_DIR=$(mktemp -d)")]
    except AloneError as reason:
        return [
            warning(f"no agent can serve this shell: {reason}", "start the build from another shell")
        ]
    return await _at(f"{folder}/{name}", reactor, timeout)


async def _at(path: str, reactor: Any, timeout: float) -> list[Finding]:
    if not os.path.exists(path):
        return []
    try:
        return [*_judged(await _answer(reactor, path, timeout))]
    except NobodyThereError:
        return [note(f"an agent has died, and left {path}: {_NEXT}", f"rm {shlex.quote(path)}")]
    except ConnectError as error:
        return [fault(f"the agent cannot be reached at {path}: {error}", f"rm {shlex.quote(path)}")]
    except DeferredTimeoutError:
        return [_silent(path, timeout)]


def _judged(answer: bytes) -> Iterator[Finding]:
    if answer == STALE:
        yield note(f"the agent was that of another installation, and ends now: {_NEXT}")
    elif not answer:
        yield warning(
            f"the agent hung up instead of an answer: {_NEXT}",
            'tail "$XDG_RUNTIME_DIR"/twisted-distcc/log',
        )


def _silent(path: str, timeout: float) -> Finding:
    numbers = " ".join(map(str, _agents_of(os.path.dirname(path))))
    who = f"the agent (process {numbers})" if numbers else f"the agent at {path}"
    mend = f"kill -9 {numbers}" if numbers else f"rm {shlex.quote(path)}"
    return fault(f"{who} does not answer within {timeout:g} seconds", f"{mend}    # {_NEXT}")


def _agents_of(folder: str) -> Iterator[int]:
    """Yield the numbers of the agents that log to `folder` and have our own context."""
    context = context_of("self")
    for number in filter(str.isdecimal, os.listdir("/proc")):
        with suppress(OSError):  # it has ended meanwhile, or is somebody else's
            words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
            is_here = os.path.samefile(f"/proc/{number}/fd/2", f"{folder}/log")
            if _PROGRAM in words and is_here and context_of(number) == context:
                yield int(number)


async def _answer(reactor: Any, path: str, timeout: float) -> bytes:
    """Return the kind of the agent's first frame; nothing if it hangs up."""
    asked = Deferred.fromCoroutine(_asked(reactor, path))
    asked.addTimeout(timeout, reactor)
    return await asked


async def _asked(reactor: Any, path: str) -> bytes:
    question = _Question()
    await connectProtocol(UNIXClientEndpoint(reactor, path), question)
    return await question.answered


class _Question(Protocol):
    """Asks for a command that does not exist."""

    def __init__(self) -> None:
        self.answered: Deferred[bytes] = Deferred(lambda _: self._hang_up())

    def connectionMade(self) -> None:
        """Ask."""
        assert self.transport is not None
        variables = [os.fsencode(f"{name}={os.environ.get(name, '')}") for name in ("HOME", "PATH")]
        request = pack_request(stamp(), 0, _UMASK, b",", b"/", [_NO_COMMAND], variables)
        self.transport.write(frame(REQUEST, request))

    def dataReceived(self, data: bytes) -> None:
        """Take the first byte, which tells the kind of the answer."""
        self._answer(data[:1])
        self._hang_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """There is no answer."""
        self._answer(b"")

    def _answer(self, kind: bytes) -> None:
        if not self.answered.called:
            self.answered.callback(kind)

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]
