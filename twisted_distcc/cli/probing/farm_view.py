"""What is asked, and from where: a user's hosts, settings and compilers, and the means to ask.

The environment is the one that tdistcc would have.  Nobody is there to answer ssh's prompts, so ssh is
told to ask nothing: a password that it would want becomes a fault of the host.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from twisted_distcc.cli.probing.own_compilers import OwnCompiler
from twisted_distcc.client.backends.distcc_calls import Calls
from twisted_distcc.client.backends.sessions import Sessions
from twisted_distcc.client.backends.transports import SecureWay, ssh_words
from twisted_distcc.client.discovering import found_now, with_found
from twisted_distcc.client.hosts import HostList, Localhost, RemoteHost
from twisted_distcc.client.hosts_grammar import find_hosts
from twisted_distcc.client.inputs.candidate import read_text
from twisted_distcc.client.invocation import Invocation
from twisted_distcc.client.journal.unit_watch import UnitWatch
from twisted_distcc.client.settings import Settings
from twisted_distcc.runtime.bulk import Turns
from twisted_distcc.runtime.processes import ReactorSpawner


@dataclass(frozen=True, slots=True)
class FarmView:
    """A user's farm, as seen from one process.

    Attributes:
        environ: the environment that tdistcc would heed: HOME set, paths absolute.
        hosts: the hosts list.
        settings: the settings.
        timeout: seconds that a host may take for one answer.
    """

    environ: Mapping[str, str]
    hosts: HostList
    settings: Settings
    timeout: int

    @classmethod
    def of(cls, environ: Mapping[str, str], timeout: int) -> FarmView:
        """Return the view that a compile in this folder, with `environ`, would have."""
        invocation = Invocation(("cc",), os.getcwd(), environ, 0)
        wishes = invocation.wishes
        hosts = find_hosts(wishes, read_text)
        if hosts.zeroconf:
            hosts = with_found(hosts, found_now())
        return cls(wishes, hosts, Settings.from_environ(wishes), timeout)

    @property
    def remote_hosts(self) -> tuple[RemoteHost, ...]:
        """The servers, each once."""
        servers = (host for host in self.hosts.hosts if not isinstance(host, Localhost))
        return tuple(dict.fromkeys(servers))


@dataclass(frozen=True, slots=True)
class Asking:
    """The means to ask hosts.

    Attributes:
        view: whom to ask.
        compilers: this machine's compilers, which theirs are compared with.
        reactor: Twisted's.
        folder: where large answers lie.
        sessions: the sessions with the hosts.
    """

    view: FarmView
    compilers: tuple[OwnCompiler, ...]
    reactor: Any
    folder: str
    sessions: Sessions = field(init=False)

    def __post_init__(self) -> None:
        """Begin without sessions, so that each host says anew which protocol it speaks."""
        object.__setattr__(self, "sessions", Sessions(self.reactor))

    def calls(self) -> Calls:
        """Return what calls hosts: nobody is asked for a password, and nothing takes long."""
        view = self.view
        settings = replace(
            view.settings,
            ssh=_without_prompts(view.settings.ssh, view.timeout),
            io_timeout=view.timeout,
            connect_timeout=min(view.timeout, view.settings.connect_timeout),
        )
        environ = {**view.environ, "SSH_ASKPASS_REQUIRE": "never"}
        shared = self.reactor, ReactorSpawner(self.reactor), Turns(), SecureWay()
        watch = UnitWatch()
        return Calls(*shared, settings, environ, self.folder, watch, self.sessions)


def _without_prompts(ssh: str, timeout: int) -> str:
    """Return the ssh command such that it fails rather than ask, unless it is a script."""
    words = ssh_words(ssh)
    if os.path.basename(words[0]) != "ssh" or os.path.exists(ssh):
        return ssh
    return shlex.join([*words, "-oBatchMode=yes", f"-oConnectTimeout={timeout}"])
