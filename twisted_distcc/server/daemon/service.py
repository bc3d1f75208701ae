"""A whole server as a Twisted service: it starts, serves, and stops without leaving anything behind.

`DistccService` takes a `ServerConfig` and a reactor.  When it is stopped it accepts no more, finishes
the jobs that it has, and removes its folder.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_distcc.errors import DistccError
from twisted_distcc.execution.workspace import Workspaces
from twisted_distcc.launcher.signals import STRAY, heed
from twisted_distcc.launcher.starting import hand_on_nothing
from twisted_distcc.policy.reading import BadPolicyError
from twisted_distcc.runtime.launching import LauncherSpawner
from twisted_distcc.runtime.orphans import reap_what_is_left_to_us
from twisted_distcc.server.connection.server_protocol import DistccServerFactory
from twisted_distcc.server.daemon.announcing import Announcing
from twisted_distcc.server.daemon.descriptors import make_room
from twisted_distcc.server.daemon.factory import make_factory
from twisted_distcc.server.daemon.folder_keeper import FolderKeeper
from twisted_distcc.server.daemon.listeners import Doors
from twisted_distcc.server.daemon.notify import READY, STOPPING, notify
from twisted_distcc.server.daemon.pid_file import PidFile
from twisted_distcc.server.daemon.preload import load_everything
from twisted_distcc.server.daemon.privileges import PrivilegeError, give_root_away, is_root, unreadable
from twisted_distcc.server.job.policy_state import PolicyInForce
from twisted_distcc.server.job.wiring import make_recorders
from twisted_distcc.server.options.config import ServerConfig

if TYPE_CHECKING:
    from twisted_distcc.observe.statistics import Statistics

# Seconds that a thread of ours has the interpreter while the reactor wants it.  Python's own five
# milliseconds, each time that the reactor has waited for anything, add up to more than a job takes.
_SWITCH_INTERVAL: Final = 0.0005

_MEANS_NOTHING: Final = "{name} means nothing here: SIGHUP renews logs and rules, SIGTERM ends"
_UNREADABLE: Final = (
    "the server's user may not read {path}: install twisted_distcc and its Python where every user may,"
    " such as below /opt; until then compilers start more slowly, and large sources in LZO are refused"
)


def _heed_children(reactor: Any) -> None:
    """Take back the reactor's handler for SIGCHLD: a pidfd tells of each compiler's end already."""
    if not reap_what_is_left_to_us(reactor):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _keep_from_collector() -> None:
    """Have what is loaded by now never looked at again for garbage, which took 15 ms each time."""
    gc.collect()
    gc.freeze()


class DistccService(Service):
    """A server as `config` says, on `reactor`; `hang_up` is called on SIGHUP.

    Raises:
        NoAuditLogError: if the audit log cannot be opened.
    """

    log = Logger()

    def __init__(
        self, config: ServerConfig, reactor: Any, hang_up: Callable[[], None] = lambda: None
    ) -> None:
        self.setName("distccd")
        self._config = config
        self._reactor = reactor
        self._hang_up = hang_up
        self._policy = PolicyInForce(config.policy)
        self._statistics = self._make_statistics()
        self._recorders = make_recorders(config, self.log, self._statistics)
        self._doors = Doors(config, reactor)
        self._announcing = Announcing(config, self._doors, reactor)
        self._workspaces: Workspaces | None = None
        self._keeper: FolderKeeper | None = None
        self._spawn: LauncherSpawner | None = None
        self._factory: DistccServerFactory | None = None
        self._end: IDelayedCall | None = None
        self._pid_file: PidFile | None = None
        self._is_ending = False

    def _make_statistics(self) -> Statistics | None:
        if self._config.stats is None:
            return None
        from twisted_distcc.observe.statistics import Statistics

        return Statistics(time.time, self._reactor.seconds)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, as address and port."""
        return self._doors.addresses

    @property
    def tls_addresses(self) -> list[tuple[str, int]]:
        """Where it listens under TLS, likewise."""
        return self._doors.tls_addresses

    def listen(self) -> None:
        """Take the ports and the pid file, unless that is done: a failure reaches who started us.

        Raises:
            CannotListenError: if a port is in use, or no address of this machine.
            DistccError: if the certificates for TLS are of no use.
            OSError: if the pid file cannot be opened.
        """
        self._doors.take()
        if self._config.pid_file is not None and self._pid_file is None:
            self._pid_file = PidFile(self._config.pid_file)

    def privilegedStartService(self) -> None:
        """Take what only the user who started us may take, ports, standing, the pid file; then be root
        no more.

        Raises:
            CannotListenError: if a port cannot be had.
            PrivilegeError: if root cannot be given away.
            OSError: if the rest cannot be had.
        """
        self.listen()
        os.nice(self._config.nice)
        if self._config.oom_score_adj is not None:
            Path("/proc/self/oom_score_adj").write_text(str(self._config.oom_score_adj))
        if self._pid_file is not None:
            self._pid_file.write(self._config.account)
        if self._config.account is not None:
            self._load_everything()
        give_root_away(self._config.account)

    def _load_everything(self) -> None:
        """Load what is otherwise loaded when it is wanted: these files may be root's alone."""
        import twisted.python.threadpool  # noqa: F401

        load_everything(self._config)

    def startService(self) -> None:
        """Serve.

        Raises:
            PrivilegeError: if we are root.
            NoSandboxError: if a sandbox is required, and cannot be made here.
        """
        if is_root():
            raise PrivilegeError("root serves nobody: call privilegedStartService first")
        super().startService()
        hand_on_nothing()
        sys.setswitchinterval(_SWITCH_INTERVAL)
        self._heed_signals()
        self._reactor.callWhenRunning(_heed_children, self._reactor)
        self._workspaces = Workspaces()
        self._spawn = LauncherSpawner(self._reactor)
        self._spawn.prepare()
        try:
            self._factory = make_factory(
                self._config,
                self._workspaces,
                self._reactor,
                self._spawn,
                self._policy,
                self._recorders,
                self.log,
                None if self._statistics is None else self._statistics.traffic,
            )
        except DistccError:
            self._workspaces.close()
            raise
        self._keeper = FolderKeeper(self._reactor, self._workspaces, self.log)
        self._doors.serve(self._factory, self._recorders)
        self._announcing.begin(self._spawn)
        self._show(self._factory)
        if self._config.lifetime is not None:
            self._end = self._reactor.callLater(self._config.lifetime, self._reactor.stop)
        self._make_room()
        # Not before the reactor heeds SIGTERM: whoever knows that we serve may end us.
        self._reactor.callWhenRunning(self._tell)
        self._reactor.callWhenRunning(self._notify, READY)
        self._reactor.callWhenRunning(_keep_from_collector)

    def _show(self, factory: DistccServerFactory) -> None:
        """Serve statistics, if that is wanted."""
        if self._statistics is None:
            return
        from twisted_distcc.server.stats.server_view import ServerView

        assert self._workspaces is not None
        view = ServerView(
            name=os.uname().nodename,
            statistics=self._statistics,
            factory=factory,
            tls=self._doors.tls,
            folder=self._workspaces.path,
            now=time.time,
            is_ending=lambda: self._is_ending,
        )
        self._doors.show(view)

    def _heed_signals(self) -> None:
        """Obey those that mean something to a server; the reactor obeys SIGTERM and SIGINT."""
        soon = self._reactor.callFromThread
        heed((signal.SIGHUP,), lambda _: soon(self._renew))
        heed((signal.SIGQUIT,), lambda _: soon(self._reactor.stop))
        heed(STRAY, lambda name: soon(self.log.warn, _MEANS_NOTHING, name=name))

    def _tell(self) -> None:
        """Say where we serve, and what an administrator had better change."""
        if path := unreadable(sys.executable, __file__):
            self.log.warn(_UNREADABLE, path=path)
        for host, number in self.addresses:
            self.log.info("listening on {host} port {port}", host=host, port=number)
        for host, number in self.tls_addresses:
            self.log.info("listening on {host} port {port} for TLS", host=host, port=number)
        for host, number in self._doors.stats_addresses:
            self.log.info("statistics are on {host} port {port}", host=host, port=number)
        self.log.info("looking for compilers in {path}", path=":".join(self._config.folders))

    def _hung_up(self) -> None:
        """Begin new log files; where none can be, as in a folder of root's, the old ones go on."""
        try:
            self._hang_up()
        except OSError as error:
            self.log.warn("the log goes on in the old file: {error}", error=error)

    def _notify(self, state: str) -> None:
        try:
            notify(state)
        except OSError as error:
            self.log.warn("the service manager was not told {state}: {error}", state=state, error=error)

    def _renew(self) -> None:
        """Do what an administrator asks for by SIGHUP."""
        self._hung_up()
        self._recorders.renew()
        self._renew_policy()
        self._doors.renew()

    def _renew_policy(self) -> None:
        """Read the rules again; those that are unusable change nothing."""
        try:
            self._policy.renew()
        except BadPolicyError as error:
            self.log.error("the policy stays as it was: {error}", error=error)
        else:
            if self._policy.file is not None:
                self.log.info("the policy is what {file} says now", file=self._policy.file)

    def _make_room(self) -> None:
        wanted = self._config.ceilings.connections
        if (room := make_room(wanted)) < wanted:
            self.log.warn(
                "the limit on open files leaves room for {room} connections, not {wanted}: raise it"
                " (ulimit -Hn, LimitNOFILE=), or lower --max-connections",
                room=room, wanted=wanted,
            )  # fmt: skip

    async def _stop(self) -> None:
        announced = self._announcing.end()
        await self._doors.close()
        # Before the jobs are finished: an init script that starts the next server meanwhile must not
        # find us in the file, nor may we remove that server's.
        if self._pid_file is not None:
            self._pid_file.remove()
        if self._factory is not None:
            self._factory.give_up_reading()
            await self._factory.drained()
        await announced
        if self._spawn is not None:
            await self._spawn.close()
        if self._keeper is not None:
            self._keeper.stop()
        if self._workspaces is not None:
            self._workspaces.close()
        self._recorders.close()

    def stopService(self) -> Deferred[None]:
        """Accept no more, finish what runs, leave nothing behind."""
        super().stopService()
        self._is_ending = True
        self._notify(STOPPING)
        if self._end is not None and self._end.active():
            self._end.cancel()
        return Deferred.fromCoroutine(self._stop())
