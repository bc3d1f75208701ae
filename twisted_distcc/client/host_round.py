"""Try one host after another, each once, until one has compiled the unit.

A `HostRound` takes the hosts, and a `RemoteCompile` to send.  It returns what a host's compiler made of
it, or `RunHere` if this machine is one of the hosts and its turn comes; it raises `UndistributedError`
when no host is left.  A host that failed is avoided for a while, and one that refuses all jobs of a kind
is not asked again about that kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Final

from twisted.internet.interfaces import IReactorTime

from twisted_distcc.client.backends.host_faults import (
    GoingAwayError,
    HostError,
    LackingHostError,
    NoAnswerError,
    Scope,
)
from twisted_distcc.client.backends.refusals import Kind, Refusals
from twisted_distcc.client.backends.remote_compile import RemoteCompile
from twisted_distcc.client.hosts import Host, HostList, Localhost, RemoteHost
from twisted_distcc.client.inputs.candidate import StaysHere
from twisted_distcc.client.invocation import Report, RunHere
from twisted_distcc.client.journal.unit_record import HOST, TRANSFER
from twisted_distcc.client.results.delivery import Compiled
from twisted_distcc.client.scheduling.choice import NobodyLeft
from twisted_distcc.client.scheduling.farm import Farm
from twisted_distcc.client.scheduling.slots import LockDirectoryError
from twisted_distcc.client.settings import Settings
from twisted_distcc.errors import EXIT_NO_HOSTS, DistccError
from twisted_distcc.jobs.model import Load

_MOST_NAMED: Final = 3
"""The most hosts whose failures are listed in a message; a large farm has many."""


class UndistributedError(StaysHere):
    """A unit could not be compiled elsewhere as intended.

    `asked` has the source and the host that failed last, if one was asked.
    """

    def __init__(self, reason: str, asked: str = "") -> None:
        super().__init__(reason)
        self.asked = asked


class NoHostLeftError(DistccError):
    """No server compiled it, and local compilation is disabled (`DISTCC_FALLBACK=0`)."""


def undistributed(settings: Settings, reason: str, exit_code: int, asked: str = "") -> Exception:
    """Return the error for a unit that no host compiles, depending on `DISTCC_FALLBACK`."""
    if settings.fallback:
        return UndistributedError(reason, asked)
    what = f" {asked}" if asked else ""
    error = NoHostLeftError(
        f"failed to distribute{what} and fallbacks are disabled (DISTCC_FALLBACK=0): {reason}"
    )
    error.exit_code = exit_code
    return error


class HostRound:
    """The hosts of one compile, each of which is asked at most once.

    Args:
        hosts: the hosts.
        farm: chooses among them, and holds their slots.
        refusals: what hosts have recently refused.
        kind: the kind of the unit.
        settings: the user's settings.
        report: receives messages.
        clock: measures how long a compile took.
    """

    def __init__(
        self,
        hosts: HostList,
        farm: Farm,
        refusals: Refusals,
        kind: Kind,
        settings: Settings,
        report: Report,
        clock: IReactorTime,
    ) -> None:
        self._hosts = hosts
        self._farm = farm
        self._refusals = refusals
        self._kind = kind
        self._settings = settings
        self._report = report
        self._clock = clock
        self._refused: dict[Host, HostError] = {}

    def begin(self) -> list[RemoteHost]:
        """Drop the hosts that have recently refused this kind; return the remaining servers.

        Raises:
            UndistributedError, NoHostLeftError: if all have refused.
        """
        hosts = self._hosts.hosts
        self._refused = refused = self._refusals.known(hosts, self._kind, self._settings.backoff_period)
        for host, error in refused.items():
            self._report.say(f"{host} {error.fault}; it is not asked again yet")
        if refused and len(refused) == len(set(hosts)):
            exit_code = list(refused.values())[-1].exit_code
            raise undistributed(self._settings, _told(refused), exit_code)
        servers = [host for host in hosts if not isinstance(host, Localhost)]
        return [host for host in servers if host not in refused] if refused else servers

    async def compile(self, remote: RemoteCompile) -> Compiled | RunHere:
        """Ask one host after another, until one has compiled it.

        Raises:
            UndistributedError, NoHostLeftError: if none has compiled it.
        """
        candidate = remote.inputs.candidate
        tried: frozenset[Host] = frozenset(self._refused)
        asked, failure, lacking = "", _told(self._refused), False
        exit_code = EXIT_NO_HOSTS
        watch = self._report.watch
        while True:
            watch.enter(HOST)
            grant = await self._farm.next_host(self._hosts, tried)
            if isinstance(grant, NobodyLeft):
                if lacking and not asked:
                    raise StaysHere(failure)
                raise undistributed(self._settings, self._why_left(grant, failure), exit_code, asked)
            host = grant.host
            if isinstance(host, Localhost):
                return RunHere(candidate.compiler, "this machine is one of the hosts", grant.slot)
            watch.at(str(host), grant.slot.index)
            watch.enter(TRANSFER)
            try:
                return await self._ask(host, remote)
            except LackingHostError as error:
                self._report.say(f"{host} {error.fault}")
                failure, lacking, tried = f"{host} {error.fault}", True, tried | {host}
            except HostError as error:
                watch.failed(error.fault)
                failure, exit_code = f"{host} {error.fault}", error.exit_code
                if self._note(host, error):
                    asked = f"{candidate.compilation.source} to {host}"
                tried |= {host}
            except OSError as error:
                raise UndistributedError(f"cannot store the reply: {error.strerror or error}") from error
            finally:
                grant.slot.release()

    def _why_left(self, nobody: NobodyLeft, failure: str) -> str:
        """Return why no host can be asked, naming a few of many."""
        avoided = [self._farm.backoff.why(host) for host in nobody.avoided[:_MOST_NAMED]]
        more = len(nobody.avoided) - len(avoided)
        reasons = (failure, *avoided, f"and {more} more" if more > 0 else "")
        return "; ".join(reason for reason in reasons if reason)

    async def _ask(self, host: RemoteHost, remote: RemoteCompile) -> Compiled:
        began = self._clock.seconds()
        self._farm.loads.given(host.lock_name)
        compiled = await remote.to(host)
        if (load := compiled.reply.load) is not None:
            self._farm.loads.told(host.lock_name, load)
        self._farm.backoff.forgive(host)
        source, code = remote.inputs.candidate.compilation.source, compiled.reply.exit_code
        how = f"with exit code {code} " if code else ""
        took = self._clock.seconds() - began
        self._report.say(f"{source} compiled on {host} {how}in {took:.3f}s")
        return compiled

    def _note(self, host: RemoteHost, error: HostError) -> bool:
        """Note a host that failed, or that refuses all jobs of this kind.

        Returns whether to warn about it.
        """
        as_distccd = isinstance(error, NoAnswerError) and self._kind.is_assembler
        if as_distccd:
            self._report.say(
                f"{host} {error.fault}, as C distccd does when it is sent an assembler source"
            )
        else:
            self._report.warn(f"{host} {error.fault}")
        if isinstance(error, GoingAwayError):
            self._farm.loads.told(host.lock_name, Load(0, 0))
        match error.scope:
            case Scope.COMPILER:
                self._refusals.note(host, self._kind, error)
            case Scope.HOST:
                self._avoid(host, error)
        return not as_distccd

    def _avoid(self, host: RemoteHost, error: HostError) -> None:
        try:
            self._farm.backoff.avoid(host, error.fault)
        except LockDirectoryError as unusable:
            self._report.warn(str(unusable))


def _told(refused: Mapping[Host, HostError]) -> str:
    """Return how hosts have refused, naming a few of many."""
    told = [f"{host} {error.fault}" for host, error in islice(refused.items(), _MOST_NAMED)]
    more = len(refused) - len(told)
    return "; ".join([*told, f"and {more} more"] if more else told)
