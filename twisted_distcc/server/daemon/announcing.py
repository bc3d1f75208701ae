"""Announce a server on the networks that it listens on, as `--zeroconf` says.

`Announcing` starts the program that does it, tells it what to announce, and ends it.  That program sees
what others on the network send; this process sees nothing of it.
"""

from __future__ import annotations

import os
from typing import Any, Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.logger import Logger

from twisted_distcc.content.output_capture import OutputCapture
from twisted_distcc.discovery.plan import Plan
from twisted_distcc.policy.verdict import Refused
from twisted_distcc.python import python_argv
from twisted_distcc.runtime.processes import CannotStartError, Command, RunningProcess, Spawner
from twisted_distcc.server.daemon.listeners import Doors
from twisted_distcc.server.job.wiring import compiler_environment, offered_compilers
from twisted_distcc.server.options.config import ServerConfig

_NAMES: Final = ("gcc", "g++", "clang", "clang++")
# Seconds in which it says good-bye.
_GOOD_BYE: Final = 3.0
_LAST_WORDS: Final = 500


class Announcing:
    """Has a server announced on the ports of `doors`, if its `config` says so."""

    _log = Logger()

    def __init__(self, config: ServerConfig, doors: Doors, reactor: Any) -> None:
        self._config = config
        self._doors = doors
        self._reactor = reactor
        self._process: RunningProcess | None = None
        self._input: int | None = None

    def begin(self, spawn: Spawner) -> None:
        """Start; if that fails, the log says so, and the server serves all the same."""
        if not self._config.zeroconf:
            return
        read, self._input = os.pipe()
        errors = OutputCapture("zeroconf")
        argv = python_argv("twisted_distcc.discovery.announcer")
        try:
            os.write(self._input, self._plan().to_json())
            self._process = spawn(Command(argv, {}, stdin=read, stderr=errors.descriptor))
        except (CannotStartError, OSError) as error:
            self._log.warn("this server is not announced: {error}", error=error)
            os.close(errors.descriptor)
        else:
            self._process.end().addBoth(self._ended, errors)
        finally:
            os.close(read)

    def _plan(self) -> Plan:
        compilers = offered_compilers(self._config)
        resolved = {name: compilers.resolve(name) for name in _NAMES}
        names, addresses = self._doors.certificate_names
        plain, tls = self._doors.reachable
        return Plan(
            plain=tuple(plain),
            tls=tuple(tls),
            jobs=self._config.jobs,
            compilers={name: path for name, path in resolved.items() if not isinstance(path, Refused)},
            environ=compiler_environment(self._config),
            certificate_names=names,
            certificate_addresses=addresses,
        )

    def _ended(self, _: object, errors: OutputCapture) -> None:
        """Say so if it has ended by itself."""
        with errors:
            said = errors.last()[-_LAST_WORDS:].decode(errors="replace").split("\n")
        if self._process is not None:
            self._process = None
            why = next((line for line in reversed(said) if line.strip()), "its announcer ended")
            self._log.warn("this server is not announced any more: {why}", why=why)

    def end(self) -> Deferred[None]:
        """Begin to say good-bye; the Deferred fires when that is done."""
        process, self._process = self._process, None
        if self._input is not None:
            os.close(self._input)
            self._input = None
        return succeed(None) if process is None else Deferred.fromCoroutine(self._gone(process))

    async def _gone(self, process: RunningProcess) -> None:
        ended: Deferred[Any] = process.end()
        ended.addTimeout(_GOOD_BYE, self._reactor)
        try:
            await ended
        except (DeferredTimeoutError, CannotStartError):
            process.kill()
